/** The person's own models: added, kept, removed, painted with. */

import type { Engine, ModelFile } from "../engine/index";
import { FIRST, goWay, leaveStudent } from "./form";
import { chooseFolder, mayRead, remember, remembered, showsFolders } from "./models/folder_store";
import type { Studio } from "./studio.svelte";
import { bytes } from "./words";
import { optionsOf } from "./workflow";

/** Files of a folder of which it is said one by one why they are no models for here. */
const MOST_LEFT_OUT = 5;

/** The models that the engine knows besides the bundled ones. */
export class Models {
  list: readonly ModelFile[] = $state.raw([]);
  /** A copy is being made, or a folder looked through. */
  keeping = $state(false);
  /** The folder of an earlier visit, which the browser wants to be asked for again. */
  folder: FileSystemDirectoryHandle | null = $state.raw(null);

  readonly #studio: Studio;

  constructor(studio: Studio) {
    this.#studio = studio;
  }

  /** The engine is open. A checkpoint that was not kept is gone with the page. */
  arrive(engine: Engine): void {
    this.list = engine.models;
    this.#replaceLost();
    void this.#folderArrives();
  }

  async #folderArrives(): Promise<void> {
    if (!showsFolders()) return;
    const folder = await remembered();
    if (folder === null) return;
    if (await mayRead(folder, false)) await this.addFolder(folder);
    else this.folder = folder;
  }

  /** Adds what a folder of the person's has, and remembers it; without one, the person chooses it. */
  async addFolder(known: FileSystemDirectoryHandle | null = null): Promise<void> {
    const studio = this.#studio;
    const engine = await studio.whenOpen();
    if (engine === null || this.keeping) return;
    try {
      studio.problem = null;
      const folder = known ?? (await chooseFolder());
      if (folder === null || !(await mayRead(folder, true))) return;
      this.keeping = true;
      studio.runs.progress = { fraction: null, text: `Looking through ${folder.name}` };
      const { added, passed } = await engine.addFolder(folder);
      await remember(folder).catch(() => {});
      this.folder = null;
      this.#changed(engine);
      this.#replaceLost();
      await studio.opened.check();
      const count = `${added.length} ${added.length === 1 ? "model" : "models"} of \`${folder.name}\``;
      const found = `${count} can be used; ${added.length === 1 ? "it is" : "they are"} read where ${added.length === 1 ? "it lies" : "they lie"}.`;
      const left = passed.slice(0, MOST_LEFT_OUT).map(({ path, error }) => `\`${path}\` was left out: ${error.message}.`);
      if (passed.length > left.length) left.push(`${passed.length - left.length} more files were left out.`);
      studio.notice([found, ...left]);
      studio.announcement = found;
    } catch (error) {
      studio.fail(error);
    } finally {
      this.keeping = false;
      studio.runs.progress = null;
    }
  }

  /** Does not ask for the folder of an earlier visit any more. */
  async forgetFolder(): Promise<void> {
    this.folder = null;
    await remember(null);
  }

  /**
   * Adds a model by its address, or by its place at huggingface.co; with a token its server is told whose request it is.
   * False if that did not work.
   */
  async addAddress(address: string, known: { token: string; keep: boolean } | null = null): Promise<boolean> {
    const options = known === null ? {} : { token: known.token, keepToken: known.keep };
    return await this.#add(address.split("/").at(-1) ?? address, (engine) => engine.addModel(address, options));
  }

  /** Adds a model of the person's own; a checkpoint is what is painted with from then on. */
  async add(file: Blob, name: string): Promise<void> {
    await this.#add(name, (engine) => engine.addModel(file, { name }));
  }

  async #add(name: string, adding: (engine: Engine) => Promise<ModelFile>): Promise<boolean> {
    const studio = this.#studio;
    const engine = await studio.whenOpen();
    if (engine === null) return false;
    try {
      studio.problem = null;
      const model = await adding(engine);
      this.#changed(engine);
      if (model.loader === "CheckpointLoaderSimple") this.use(model.path.slice(model.path.indexOf("/") + 1));
      await studio.opened.check();
      const what = model.family === undefined ? model.kind : `${model.kind} of ${model.family}`;
      const stays = model.kept
        ? "It is fetched when it is first used, and kept."
        : "It works until the page is closed; under Models it can be kept.";
      studio.notice([`\`${name}\` is ${what}, ${bytes(model.bytes)}. ${stays}`]);
      studio.announcement = `${name} was added.`;
      return true;
    } catch (error) {
      studio.fail(error);
      return false;
    }
  }

  /** Copies a model into the browser, for the next visit. */
  async keep({ path, from }: ModelFile): Promise<void> {
    const studio = this.#studio;
    const engine = studio.engine;
    if (engine === null || !(from instanceof Blob) || studio.busy) return;
    studio.problem = null;
    this.keeping = true;
    studio.runs.progress = { fraction: 0, text: "Keeping the model" };
    try {
      const [folder, ...name] = path.split("/");
      await engine.addModel(from, { name: name.join("/"), folder: folder ?? "", keep: true });
      studio.announcement = "The model is kept for your next visit.";
    } catch (error) {
      studio.fail(error);
    } finally {
      this.list = engine.models;
      this.keeping = false;
      studio.runs.progress = null;
    }
  }

  /** Forgets a model, and deletes the copy in the browser. */
  async remove({ path }: ModelFile): Promise<void> {
    const studio = this.#studio;
    const engine = studio.engine;
    if (engine === null || studio.busy) return;
    await engine.removeModel(path);
    this.#changed(engine);
    this.#replaceLost();
    await studio.opened.check();
    studio.announcement = "The model was removed.";
  }

  /** Paints with this checkpoint from now on, at a size that it knows. */
  use(name: string): void {
    const { form } = this.#studio;
    const side = this.sideOf(name);
    const { width, height } = FIRST;
    if (side !== null) leaveStudent(form);
    if (side === null && this.sideOf(form.model) !== null) goWay(form, "fast");
    Object.assign(form, { model: name }, side === null ? { width, height } : { width: side, height: side });
    this.#studio.save();
  }

  /** Pixels of a side that a checkpoint was trained on; null for the bundled one. */
  sideOf(name: string): number | null {
    return this.list.find(({ path }) => path === `checkpoints/${name}`)?.side ?? null;
  }

  #changed(engine: Engine): void {
    this.#studio.info = engine.objectInfo();
    this.list = engine.models;
  }

  #replaceLost(): void {
    const here = optionsOf(this.#studio.info, "CheckpointLoaderSimple", "ckpt_name");
    if (!here.includes(this.#studio.form.model)) this.use(FIRST.model);
  }
}
