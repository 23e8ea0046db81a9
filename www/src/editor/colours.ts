/** A colour for each kind of link. Lightness is the theme's (`--link-lightness`), so that both themes have contrast. */

const HUES: Record<string, number> = {
  MODEL: 300,
  CLIP: 95,
  VAE: 20,
  CONDITIONING: 55,
  LATENT: 345,
  IMAGE: 250,
  MASK: 150,
  INT: 195,
  FLOAT: 210,
  STRING: 125,
  BOOLEAN: 175,
  CONTROL_NET: 170,
  UPSCALE_MODEL: 280,
  SAMPLER: 320,
  SIGMAS: 110,
  NOISE: 0,
  GUIDER: 75,
};

/** A CSS colour for a kind; grey for anything. */
export function colourOf(type: string): string {
  const first = type.split(",")[0] ?? "*";
  if (first === "*" || first === "" || first === "COMBO") return "oklch(var(--link-lightness) 0.02 70)";
  const hue = HUES[first] ?? [...first].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7);
  return `oklch(var(--link-lightness) 0.14 ${hue})`;
}
