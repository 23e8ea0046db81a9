/** How much a first picture downloads. The package's build writes the numbers of its own files in place of these. */

/** Bytes of the engines' files, and of the bundled models' by their names. */
export interface Sizes {
  engines: { cpu: number; webgpu: number };
  models: Record<string, number>;
}

declare const __TINTYPE_SIZES__: Sizes | undefined;

/** Known in the package only. */
export const SIZES: Sizes | null = typeof __TINTYPE_SIZES__ === "undefined" ? null : __TINTYPE_SIZES__;

export function sizeInWords(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return `${Math.max(1, Math.round(bytes / 1e6))} MB`;
}
