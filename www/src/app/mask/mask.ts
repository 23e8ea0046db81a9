/** A mask as what was done to it: strokes that can be undone and done again. Plain data; drawing it is `paint.ts`. */

/** A place in the picture, in its pixels. */
export interface Point {
  x: number;
  y: number;
}

/** One thing that was done. */
export type Act =
  | { kind: "stroke"; points: readonly Point[]; size: number; erase: boolean }
  | { kind: "clear" }
  | { kind: "invert" };

/** All that was done, and what was taken back. */
export interface Mask {
  readonly acts: readonly Act[];
  readonly undone: readonly Act[];
}

/** Nothing may change yet. */
export const EMPTY: Mask = { acts: [], undone: [] };

/** The sizes of brush that the keys step through, as shares of the picture's longer side. */
const SIZES = [0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.18, 0.25, 0.35];

/** Does one more thing. What was taken back is then gone. */
export function done(mask: Mask, act: Act): Mask {
  return { acts: [...mask.acts, act], undone: [] };
}

/** Takes the last thing back. */
export function undo({ acts, undone }: Mask): Mask {
  const last = acts.at(-1);
  return last === undefined ? { acts, undone } : { acts: acts.slice(0, -1), undone: [last, ...undone] };
}

/** Does again what was taken back last. */
export function redo({ acts, undone }: Mask): Mask {
  const [next, ...rest] = undone;
  return next === undefined ? { acts, undone } : { acts: [...acts, next], undone: rest };
}

/** True if nothing can be marked, so that the picture is to be painted over as a whole. */
export function isEmpty({ acts }: Mask): boolean {
  let marked = false;
  for (const act of acts) {
    if (act.kind === "clear") marked = false;
    else if (act.kind === "invert") marked = true;
    else if (!act.erase) marked = true;
  }
  return !marked;
}

/** A stroke with one more point; points closer than a quarter of the brush add nothing but work. */
export function drawn(points: readonly Point[], next: Point, size: number): readonly Point[] {
  const last = points.at(-1);
  if (last !== undefined && Math.hypot(next.x - last.x, next.y - last.y) < Math.max(0.5, size / 4)) return points;
  return [...points, next];
}

/** The next larger or smaller brush for a picture with this longer side, in pixels. */
export function brush(size: number, direction: 1 | -1, side: number): number {
  const all = SIZES.map((share) => Math.max(1, Math.round(share * side)));
  const next = direction === 1 ? all.find((one) => one > size) : all.findLast((one) => one < size);
  return next ?? size;
}

/** The brush to begin with. */
export function firstBrush(side: number): number {
  return Math.max(1, Math.round(side * 0.12));
}
