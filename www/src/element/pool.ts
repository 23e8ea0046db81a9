/** One engine for all widgets of a page that want the same one: models are in memory once. */

import type { Engine, EngineOptions } from "../engine/engine";
import type { ModelFile } from "../engine/library";

/** What makes two widgets share an engine. */
export type EngineWish = Pick<EngineOptions, "device" | "modelsUrl" | "assetsUrl">;

interface Shared {
  engine: Promise<Engine>;
  users: number;
  models: Map<string, Promise<ModelFile>>;
}

/** A widget's hold on an engine. */
export interface Lease {
  readonly engine: Promise<Engine>;
  /** Adds the model of this address once, however many ask for it. Gives its name. */
  addModel(address: string): Promise<string>;
  /** Gives it back; the last one closes the engine, after this many milliseconds without another. */
  release(lingerMillis: number): void;
}

const pool = new Map<string, Shared>();

/** An engine as wished. Its code is fetched now, and the program itself when `ready()` is called. */
export function lease(wish: EngineWish): Lease {
  const key = JSON.stringify([wish.device ?? "auto", String(wish.modelsUrl ?? ""), String(wish.assetsUrl ?? "")]);
  let shared = pool.get(key);
  if (shared === undefined) {
    const engine = import("../engine/engine").then(({ Engine }) => new Engine(wish));
    shared = { engine, users: 0, models: new Map() };
    pool.set(key, shared);
    // Code that could not be fetched is asked for again by the next widget.
    engine.catch(() => pool.delete(key));
  }
  shared.users++;
  return new Held(key, shared);
}

class Held implements Lease {
  #key: string;
  #shared: Shared;
  #held = true;

  constructor(key: string, shared: Shared) {
    this.#key = key;
    this.#shared = shared;
  }

  get engine(): Promise<Engine> {
    return this.#shared.engine;
  }

  async addModel(address: string): Promise<string> {
    const { models } = this.#shared;
    const added = models.get(address) ?? this.engine.then((engine) => engine.addModel(address));
    models.set(address, added);
    added.catch(() => models.delete(address));
    const { path } = await added;
    return path.slice(path.indexOf("/") + 1);
  }

  release(lingerMillis: number): void {
    if (!this.#held) return;
    this.#held = false;
    const shared = this.#shared;
    shared.users--;
    const close = () => {
      if (shared.users > 0 || pool.get(this.#key) !== shared) return;
      pool.delete(this.#key);
      void shared.engine.then((engine) => engine.close()).catch(() => {});
    };
    if (lingerMillis === 0) close();
    else setTimeout(close, lingerMillis);
  }
}
