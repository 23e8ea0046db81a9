/** Labelled grids: where everything goes (plain numbers), and the drawing of it. */

import type { Axis } from "./axes";
import type { CellResult } from "./sweep";

/** A rectangle in pixels. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Where the parts of a grid go. */
export interface Layout {
  width: number;
  height: number;
  /** Font size of the labels. */
  font: number;
  /** By row and column. */
  cells: Box[][];
  columns: Box[];
  rows: Box[];
  title: Box | null;
}

/**
 * Lays out `columns` × `rows` pictures of one size with labels above and to the left, and a title on top where
 * there is one.
 */
export function layout(
  [columns, rows]: [number, number],
  picture: { width: number; height: number },
  { title = false, margin = 0, rowLabels = true }: { title?: boolean; margin?: number; rowLabels?: boolean } = {},
): Layout {
  const font = Math.round(Math.min(40, Math.max(11, picture.width / 14)));
  const left = rowLabels ? Math.round(Math.max(picture.width * 0.6, font * 6)) : 0;
  const line = Math.round(font * 3.2);
  const top = line + (title ? line : 0);
  const x = (column: number) => left + column * (picture.width + margin);
  const y = (row: number) => top + row * (picture.height + margin);
  const along = (count: number) => Array.from({ length: count }, (_, i) => i);
  return {
    width: x(columns) - (columns > 0 ? margin : 0),
    height: y(rows) - (rows > 0 ? margin : 0),
    font,
    cells: along(rows).map((row) => along(columns).map((column) => ({ x: x(column), y: y(row), ...picture }))),
    columns: along(columns).map((column) => ({ x: x(column), y: top - line, width: picture.width, height: line })),
    rows: rowLabels ? along(rows).map((row) => ({ x: 0, y: y(row), width: left, height: picture.height })) : [],
    title: title ? { x: 0, y: 0, width: x(columns), height: line } : null,
  };
}

/** Largest side a canvas has in every browser. */
const MAX_SIDE = 16384;

/**
 * Draws the grids of a sweep as PNGs, one for each value of the third axis. A cell that failed, or is not there yet,
 * stays empty. Pictures of different sizes are fitted into the largest.
 */
export async function drawGrids(axes: Axis[], results: CellResult[], margin = 4): Promise<Blob[]> {
  const [columns = [], rows = [], sheets = []] = axes.map(({ label, values }) => values.map((value) => `${label}: ${value.label}`));
  const pictures = new Map<string, ImageBitmap>();
  for (const { cell, images } of results) {
    if (images[0] !== undefined) pictures.set(cell.at.join(), await createImageBitmap(images[0]));
  }
  const largest = (side: "width" | "height") => Math.max(64, ...[...pictures.values()].map((picture) => picture[side]));
  const size = { width: largest("width"), height: largest("height") };
  const grids: Blob[] = [];
  try {
    for (let z = 0; z < Math.max(1, sheets.length); z++) {
      const plan = layout([columns.length, Math.max(1, rows.length)], size, { title: sheets.length > 0, margin, rowLabels: rows.length > 0 });
      grids.push(await draw(plan, columns, rows, sheets[z] ?? null, (column, row) => pictures.get([column, row, z].join()) ?? null));
    }
  } finally {
    for (const picture of pictures.values()) picture.close();
  }
  return grids;
}

async function draw(
  plan: Layout,
  columns: string[],
  rows: string[],
  title: string | null,
  picture: (column: number, row: number) => ImageBitmap | null,
): Promise<Blob> {
  const scale = Math.min(1, MAX_SIDE / Math.max(plan.width, plan.height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(plan.width * scale)), Math.max(1, Math.round(plan.height * scale)));
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser gave no canvas to draw the grid on");
  context.scale(scale, scale);
  context.fillStyle = "white";
  context.fillRect(0, 0, plan.width, plan.height);
  context.fillStyle = "black";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `${plan.font}px system-ui, sans-serif`;
  columns.forEach((label, i) => write(context, label, plan.columns[i], plan.font));
  rows.forEach((label, i) => write(context, label, plan.rows[i], plan.font));
  if (title !== null && plan.title !== null) write(context, title, plan.title, plan.font);
  plan.cells.forEach((line, row) =>
    line.forEach((box, column) => {
      const image = picture(column, row);
      if (image === null) return;
      const fit = Math.min(box.width / image.width, box.height / image.height);
      const [width, height] = [image.width * fit, image.height * fit];
      context.drawImage(image, box.x + (box.width - width) / 2, box.y + (box.height - height) / 2, width, height);
    }),
  );
  return await canvas.convertToBlob({ type: "image/png" });
}

/** A label in its box, on as many lines as fit, cut with an ellipsis. */
function write(context: OffscreenCanvasRenderingContext2D, text: string, box: Box | undefined, font: number): void {
  if (box === undefined) return;
  const room = box.width - font;
  const height = font * 1.25;
  const most = Math.max(1, Math.floor((box.height - font / 2) / height));
  const lines = wrap(text, (part) => context.measureText(part).width <= room, most);
  const first = box.y + box.height / 2 - ((lines.length - 1) * height) / 2;
  lines.forEach((line, i) => context.fillText(line, box.x + box.width / 2, first + i * height));
}

/** Breaks `text` at spaces, inside of words where it must, into at most `most` lines that `fits` accepts. */
export function wrap(text: string, fits: (line: string) => boolean, most: number): string[] {
  const lines: string[] = [];
  let line = "";
  const pieces = text.split(/(?<=[\s/,_-])/u);
  while (pieces.length > 0 && lines.length < most) {
    const piece = pieces.shift() as string;
    if (fits((line + piece).trimEnd())) {
      line += piece;
    } else if (line !== "") {
      lines.push(line.trimEnd());
      line = "";
      pieces.unshift(piece);
    } else {
      // A single word that is too long, by characters; one always goes, so that this ends.
      const characters = [...piece];
      let count = 1;
      while (count < characters.length && fits(characters.slice(0, count + 1).join(""))) count++;
      lines.push(characters.slice(0, count).join(""));
      if (count < characters.length) pieces.unshift(characters.slice(count).join(""));
    }
  }
  if (line.trim() !== "" && lines.length < most) {
    lines.push(line.trimEnd());
  } else if (pieces.length > 0 || line.trim() !== "") {
    let last = [...(lines.at(-1) ?? "")];
    while (last.length > 0 && !fits(`${last.join("")}…`)) last = last.slice(0, -1);
    lines[Math.max(0, lines.length - 1)] = `${last.join("").trimEnd()}…`;
  }
  return lines;
}
