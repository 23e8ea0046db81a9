/** Numbers as a visitor reads them. */

/** 18113696 → "18.1 MB". */
export function bytes(count: number): string {
  if (count < 1000) return `${count} bytes`;
  if (count < 1e6) return `${Math.round(count / 1000)} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

/** Seconds, rounded the way a person would say them. */
export function duration(seconds: number): string {
  if (seconds < 1) return "less than a second";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** How a run has ended that made so many pictures. */
export function ended(pictures: number): string {
  if (pictures === 0) return "The run has ended";
  return pictures === 1 ? "The picture is ready" : `${pictures} pictures are ready`;
}

/** Milliseconds that a pace is taken over, at most and at least. */
const [WINDOW, LEAST] = [10_000, 1000];

/** How fast a file comes, from what came in the last seconds. */
export class Pace {
  #file = "";
  #seen: { at: number; loaded: number }[] = [];

  /** So many bytes of a file are there at `at` (milliseconds). */
  step(file: string, loaded: number, at: number): void {
    const last = this.#seen.at(-1);
    if (file !== this.#file || (last !== undefined && loaded < last.loaded)) this.#seen = [];
    this.#file = file;
    this.#seen.push({ at, loaded });
    // What is older than the last one before the window says nothing any more.
    while (at - (this.#seen[1]?.at ?? at) > WINDOW) this.#seen.shift();
  }

  /** Bytes a second; null until a second was watched in which something came. */
  get rate(): number | null {
    const [first, last] = [this.#seen[0], this.#seen.at(-1)];
    if (first === undefined || last === undefined || last.at - first.at < LEAST || last.loaded === first.loaded) return null;
    return (1000 * (last.loaded - first.loaded)) / (last.at - first.at);
  }
}

/** Estimates the time left from the steps seen so far. */
export class Clock {
  #first: { at: number; value: number } | null = null;
  #last: { at: number; value: number; max: number } | null = null;

  /** True once a step was finished. */
  get begun(): boolean {
    return this.#first !== null;
  }

  /** A step was finished at `at` (milliseconds). */
  step(value: number, max: number, at: number): void {
    this.#first ??= { at, value };
    this.#last = { at, value, max };
  }

  /** Seconds left at `at`; null until there are two steps to measure by. */
  left(at: number): number | null {
    if (this.#first === null || this.#last === null) return null;
    const steps = this.#last.value - this.#first.value;
    if (steps < 1) return null;
    const perStep = (this.#last.at - this.#first.at) / steps;
    const since = at - this.#last.at;
    // Decoding takes about as long as a step.
    return Math.max(0, perStep * (this.#last.max - this.#last.value + 1) - since) / 1000;
  }
}
