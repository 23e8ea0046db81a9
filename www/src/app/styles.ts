/** Styles: words that are added to both prompts. The bundled model knows four looks and some backgrounds; others know more. */

/** A style that can be switched on. */
export interface Style {
  name: string;
  /** Behind the prompt. */
  words: string;
  /** Behind the negative prompt. */
  without?: string;
}

const BUNDLED: Style[] = [
  { name: "3D", words: "3d render" },
  { name: "Flat", words: "flat" },
  { name: "Cartoon", words: "cartoon" },
  { name: "Sticker", words: "sticker" },
  { name: "On white", words: "on a white background" },
  { name: "On blue", words: "on a blue background" },
  { name: "On black", words: "on a black background" },
];

const LARGE: Style[] = [
  { name: "Photograph", words: "photograph, natural light, sharp focus", without: "drawing, painting" },
  { name: "Oil painting", words: "oil painting, visible brush strokes, canvas texture", without: "photograph" },
  { name: "Watercolour", words: "watercolour on paper, soft washes", without: "photograph" },
  { name: "Pencil", words: "pencil drawing, fine hatching, white paper", without: "colour, photograph" },
  { name: "Line art", words: "clean line art, black ink on white", without: "shading, photograph" },
  { name: "Pixel art", words: "pixel art, limited palette", without: "blurry, photograph" },
  { name: "3D render", words: "3d render, soft studio light", without: "photograph" },
  { name: "Tintype", words: "wet plate photograph, sepia, shallow depth of field, scratches", without: "colour" },
];

/** The styles that a checkpoint knows; `bundled` for the one that comes with the page. */
export function stylesFor(bundled: boolean): Style[] {
  return bundled ? BUNDLED : LARGE;
}

/** A prompt with the words of some styles, each once. */
export function styled(prompt: string, negative: string, chosen: Style[]): { prompt: string; negativePrompt: string } {
  return {
    prompt: joined(prompt, chosen.map(({ words }) => words)),
    negativePrompt: joined(negative, chosen.flatMap(({ without }) => without?.split(", ") ?? [])),
  };
}

function joined(text: string, words: string[]): string {
  const missing = [...new Set(words)].filter((word) => !text.includes(word));
  return [text.trim().replace(/,$/, ""), ...missing].filter(Boolean).join(", ");
}
