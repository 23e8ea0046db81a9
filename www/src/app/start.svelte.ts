/** The picture to start from: what may change in it, how far, and where it grows. */

import type { Engine, Pad, Source } from "../engine/index";
import { EMPTY, isEmpty, type Mask } from "./mask/mask";
import { fitted, maskFile } from "./mask/paint";
import type { Size } from "./sizes";

/** A picture that was given. */
export interface StartPicture extends Size {
  file: Blob;
  name: string;
  url: string;
}

const NO_PAD: Pad = { left: 0, top: 0, right: 0, bottom: 0 };

/** At most one picture. */
export class Start {
  picture: StartPicture | null = $state.raw(null);
  mask: Mask = $state.raw(EMPTY);
  pad: Pad = $state({ ...NO_PAD });

  /** Some of the picture is marked. */
  get masked(): boolean {
    return !isEmpty(this.mask);
  }

  /** The picture grows. */
  get grows(): boolean {
    return Object.values(this.pad).some((pixels) => pixels > 0);
  }

  /** Takes a picture. Rejects if it is none that this browser can show. */
  async take(file: Blob, name: string): Promise<StartPicture> {
    const bitmap = await createImageBitmap(file);
    const { width, height } = bitmap;
    bitmap.close();
    this.drop();
    this.picture = { file, name, width, height, url: URL.createObjectURL(file) };
    return this.picture;
  }

  /** From words alone again. */
  drop(): void {
    if (this.picture !== null) URL.revokeObjectURL(this.picture.url);
    this.picture = null;
    this.mask = EMPTY;
    this.pad = { ...NO_PAD };
  }

  /** All of it as it is now, for a job that may run later. */
  get now(): Begun | null {
    if (this.picture === null) return null;
    return { picture: this.picture, mask: this.masked ? this.mask : null, pad: this.grows ? { ...this.pad } : null };
  }
}

/** A start as it was when a job was made. */
export interface Begun {
  picture: StartPicture;
  mask: Mask | null;
  pad: Pad | null;
}

/** Hands the files of a start to the engine, at the size that is painted. `keep` has them for later visits. */
export async function handOver(
  engine: Engine,
  { picture, mask, pad }: Begun,
  size: Size,
  keep: (name: string, file: Blob) => Promise<void>,
): Promise<Source> {
  const give = async (file: Blob, kind: string) => {
    const name = await nameOf(file, kind);
    await engine.putInput(name, file);
    await keep(name, file);
    return name;
  };
  const image = await give(await fitted(picture.file, size), "start");
  if (mask === null || pad !== null) return { image, mask: null, pad };
  return { image, mask: await give(await maskFile(mask, picture, size), "mask"), pad: null };
}

/** A name that says what is in a file: the same picture has the same one on every visit. */
export async function nameOf(file: Blob, kind: string): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  // Outside of secure contexts there is no digest; then each is new.
  const hash = crypto.subtle === undefined ? crypto.getRandomValues(new Uint8Array(8)) : new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `${kind}-${[...hash.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}.png`;
}
