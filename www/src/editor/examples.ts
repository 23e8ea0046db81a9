/** Bundled workflows that run with what the page ships with. */

export const EXAMPLES: readonly { name: string; url: string }[] = [
  { name: "Text to picture", url: "workflows/text_to_image.json" },
  { name: "Draw and enlarge", url: "workflows/upscale.json" },
];
