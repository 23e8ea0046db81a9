/** What the gallery knows of a picture besides its file, and how pictures are found. Plain data. */

import type { Settings } from "../../engine/index";

/** A picture in the gallery. */
export interface Facts {
  id: string;
  /** Milliseconds since 1970. */
  made: number;
  /** The file's name. */
  name: string;
  title: string;
  settings: Settings | null;
  /** Place in its batch, from 0. */
  index: number;
  note: string | null;
  seconds: number;
  device: string;
  bytes: number;
  favourite: boolean;
  /** When it was deleted; it can be brought back until the page is left. */
  deleted: number | null;
}

/** Which pictures to show. */
export interface Wanted {
  words: string;
  favourites: boolean;
  model: string | null;
}

/** The pictures that are wanted, the newest first. Every word has to be in the title, the settings, the note or the date. */
export function find(all: readonly Facts[], { words, favourites, model }: Wanted): Facts[] {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  return all
    .filter((facts) => {
      if (facts.deleted !== null || (favourites && !facts.favourite)) return false;
      if (model !== null && facts.settings?.model !== model) return false;
      const text = textOf(facts);
      return parts.every((part) => text.includes(part));
    })
    .sort((a, b) => b.made - a.made || b.index - a.index);
}

/** The checkpoints that pictures were made with. */
export function modelsOf(all: readonly Facts[]): string[] {
  return [...new Set(all.flatMap(({ settings, deleted }) => (settings === null || deleted !== null ? [] : [settings.model])))].sort();
}

/** A name under which a picture is saved: names count from 1 on every visit, so the time goes before it. */
export function fileName({ made, name }: Pick<Facts, "made" | "name">): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const date = new Date(made);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}_${two(date.getHours())}-${two(date.getMinutes())}-${two(date.getSeconds())}_${name}`;
}

function textOf({ title, settings, note, name, made }: Facts): string {
  const { negativePrompt = "", sampler = "", scheduler = "", model = "", seed = "" } = settings ?? {};
  const day = new Date(made).toISOString().slice(0, 10);
  return [title, note ?? "", name, negativePrompt, sampler, scheduler, model, seed.toString(), day].join(" ").toLowerCase();
}

/** What a picture is called: its words and, if the form made it, its seed. */
export function titleOf({ title, settings }: Facts): string {
  return settings === null ? title : `${title}, seed ${settings.seed}`;
}
