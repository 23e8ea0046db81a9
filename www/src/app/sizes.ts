/** Sizes that go with a checkpoint: its own area in the usual shapes. */

/** Pixels. */
export interface Size {
  width: number;
  height: number;
}

/** A size with a name. */
export interface NamedSize extends Size {
  label: string;
}

/** What the bundled model was trained on. */
export const BUNDLED_SIDE = 128;

// The bundled model is so small that round numbers are better than its area.
const BUNDLED: NamedSize[] = [
  { label: "Square, 128 × 128 (the model’s own)", width: 128, height: 128 },
  { label: "Small square, 64 × 64", width: 64, height: 64 },
  { label: "Portrait, 96 × 128", width: 96, height: 128 },
  { label: "Landscape, 128 × 96", width: 128, height: 96 },
  { label: "Wide, 192 × 128", width: 192, height: 128 },
  { label: "Large square, 192 × 192", width: 192, height: 192 },
];

const SHAPES: [name: string, across: number, down: number][] = [
  ["Square", 1, 1],
  ["Portrait 3:4", 3, 4],
  ["Landscape 4:3", 4, 3],
  ["Portrait 2:3", 2, 3],
  ["Landscape 3:2", 3, 2],
  ["Tall 9:16", 9, 16],
  ["Wide 16:9", 16, 9],
];

/** The sizes offered for a checkpoint that was trained on squares of `side`; null for the bundled one. */
export function sizesFor(side: number | null): NamedSize[] {
  if (side === null) return BUNDLED;
  return SHAPES.map(([name, across, down]) => {
    const size = ofArea(across / down, side, 64);
    return { ...size, label: `${name}, ${size.width} × ${size.height}${across === down ? " (the model’s own)" : ""}` };
  });
}

/** The size to paint over a picture at: its own if the checkpoint can do that, else its shape at the checkpoint's area. */
export function sizeLike({ width, height }: Size, side: number): Size {
  const share = (width * height) / (side * side);
  const fits = width % 8 === 0 && height % 8 === 0 && share >= 0.5 && share <= 1.5;
  return fits ? { width, height } : ofArea(width / height, side, 8);
}

function ofArea(shape: number, side: number, step: number): Size {
  const round = (length: number) => Math.max(step, Math.round(length / step) * step);
  return { width: round(side * Math.sqrt(shape)), height: round(side / Math.sqrt(shape)) };
}
