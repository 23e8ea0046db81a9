/** Pictures as Buffers and as files. */

import { mkdir, writeFile } from "node:fs/promises";
import { basename, join, parse } from "node:path";

import type { ResultFile } from "../engine/types";

/** The PNG of a picture, its settings inside. */
export async function imageBuffer(image: Blob): Promise<Buffer> {
  return Buffer.from(await image.arrayBuffer());
}

/**
 * Writes pictures into a folder, which is made if it is not there, under their own names; where a name is taken, with
 * `-2`, `-3`, … behind it. Gives their paths.
 */
export async function saveImages(images: readonly ResultFile[], folder = "."): Promise<string[]> {
  return await Promise.all(
    images.map(async (image) => {
      // A workflow may name a subfolder; `..` leads nowhere.
      const parts = image.subfolder.split(/[/\\]/).filter((part) => part !== "" && part !== "." && part !== "..");
      const place = join(folder, ...parts);
      await mkdir(place, { recursive: true });
      return await writeNew(place, basename(image.name), await imageBuffer(image));
    }),
  );
}

async function writeNew(folder: string, file: string, bytes: Buffer): Promise<string> {
  const { name, ext } = parse(file);
  for (let n = 1; ; n++) {
    const path = join(folder, n === 1 ? file : `${name}-${n}${ext}`);
    try {
      await writeFile(path, bytes, { flag: "wx" });
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
