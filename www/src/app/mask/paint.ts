/** Masks and pictures on canvases. */

import type { Size } from "../sizes";
import type { Act, Mask } from "./mask";

type Context = OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D;

/** Draws a mask: opaque where the picture may change, transparent elsewhere. */
export function paintMask(context: Context, { width, height }: Size, acts: readonly Act[], colour = "black"): void {
  context.clearRect(0, 0, width, height);
  context.lineCap = "round";
  context.lineJoin = "round";
  context.strokeStyle = colour;
  context.fillStyle = colour;
  for (const act of acts) {
    if (act.kind === "clear") {
      context.clearRect(0, 0, width, height);
    } else if (act.kind === "invert") {
      context.globalCompositeOperation = "xor";
      context.fillRect(0, 0, width, height);
    } else {
      paintStroke(context, act);
    }
    context.globalCompositeOperation = "source-over";
  }
}

/** Draws one stroke onto what is there, in the colour that is set. */
export function paintStroke(context: Context, { points, size, erase }: Extract<Act, { kind: "stroke" }>): void {
  const [first, ...rest] = points;
  if (first === undefined) return;
  context.globalCompositeOperation = erase ? "destination-out" : "source-over";
  context.beginPath();
  if (rest.length === 0) {
    context.arc(first.x, first.y, size / 2, 0, 2 * Math.PI);
    context.fill();
  } else {
    context.lineWidth = size;
    context.moveTo(first.x, first.y);
    for (const { x, y } of rest) context.lineTo(x, y);
    context.stroke();
  }
  context.globalCompositeOperation = "source-over";
}

/** The mask as the engine takes it: a picture of `to` that is transparent where `from`'s strokes are. */
export async function maskFile(mask: Mask, from: Size, to: Size): Promise<Blob> {
  const strokes = canvasOf(from);
  paintMask(strokes.context, from, mask.acts);
  const { canvas, context } = canvasOf(to);
  context.fillRect(0, 0, to.width, to.height);
  context.globalCompositeOperation = "destination-out";
  cover(context, strokes.canvas, from, to);
  return await canvas.convertToBlob({ type: "image/png" });
}

/** A picture at a size, cut where it has another shape; the file itself if it is of that size already. */
export async function fitted(file: Blob, to: Size): Promise<Blob> {
  const bitmap = await createImageBitmap(file);
  try {
    if (bitmap.width === to.width && bitmap.height === to.height) return file;
    const { canvas, context } = canvasOf(to);
    cover(context, bitmap, bitmap, to);
    return await canvas.convertToBlob({ type: "image/png" });
  } finally {
    bitmap.close();
  }
}

function cover(context: OffscreenCanvasRenderingContext2D, image: CanvasImageSource, from: Size, to: Size): void {
  const scale = Math.max(to.width / from.width, to.height / from.height);
  const [width, height] = [from.width * scale, from.height * scale];
  context.imageSmoothingQuality = "high";
  context.drawImage(image, (to.width - width) / 2, (to.height - height) / 2, width, height);
}

function canvasOf({ width, height }: Size) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser gave no canvas to draw on");
  return { canvas, context };
}
