/** ZIP archives of files that are compressed already: stored as they are, read piece by piece, nothing held twice. */

/** A file to be packed. */
export interface Entry {
  name: string;
  file: Blob;
  /** When it was made; milliseconds since 1970. */
  made: number;
}

// Beyond these an archive needs ZIP64, which some programs cannot open.
const MOST_BYTES = 0xffff_ffff;
const MOST_FILES = 0xffff;

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb8_8320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32 as ZIP and PNG use it; `before` is that of the bytes before these. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Packs files; names that are there already get a number. Rejects if they are more than an archive can hold. */
export async function zip(entries: Iterable<Entry> | AsyncIterable<Entry>): Promise<Blob> {
  const parts: BlobPart[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  const names = new Set<string>();
  let at = 0;
  for await (const { name, file, made } of entries) {
    const bytes = new TextEncoder().encode(unique(name, names));
    const crc = await crcOf(file);
    const facts = header(bytes.length, crc, file.size, made);
    const local = join(number(0x0403_4b50, 4), facts, bytes);
    directory.push(join(number(0x0201_4b50, 4), number(20, 2), facts, new Uint8Array(10), number(at, 4), bytes));
    parts.push(local, file);
    at += local.length + file.size;
    if (at > MOST_BYTES || directory.length > MOST_FILES) throw new RangeError("these are more than one archive can hold: 4 GB or 65,535 pictures");
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const count = number(directory.length, 2);
  const end = join(number(0x0605_4b50, 4), number(0, 4), count, count, number(size, 4), number(at, 4), number(0, 2));
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/** What the local header and the directory have in common, from the version to the lengths. */
function header(nameLength: number, crc: number, size: number, made: number): Uint8Array<ArrayBuffer> {
  const date = new Date(made);
  const day = (Math.max(0, date.getFullYear() - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  const utf8 = 0x0800;
  return join(
    number(20, 2), number(utf8, 2), number(0, 2), number(time, 2), number(day, 2), number(crc, 4),
    number(size, 4), number(size, 4), number(nameLength, 2), number(0, 2),
  );
}

async function crcOf(file: Blob): Promise<number> {
  let crc = 0;
  const reader = file.stream().getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) crc = crc32(piece.value, crc);
  return crc;
}

function unique(name: string, taken: Set<string>): string {
  // No folders, so that an archive never writes outside of where it is unpacked.
  const plain = name.replace(/[/\\]/g, "_");
  const [, base = plain, ending = ""] = /^(.*?)(\.[^.]*)?$/.exec(plain) ?? [];
  let free = plain;
  for (let count = 2; taken.has(free.toLowerCase()); count++) free = `${base} (${count})${ending}`;
  taken.add(free.toLowerCase());
  return free;
}

function number(value: number, bytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: bytes }, (_, index) => Math.floor(value / 256 ** index) % 256);
}

function join(...pieces: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
