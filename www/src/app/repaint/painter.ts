/** The network that repaints pictures. */

import type { ObjectInfo } from "../../engine/index";
import { optionsOf } from "../workflow";

const BUNDLED = "multistyle26.safetensors";

/** Styles that the bundled network learned; `styles.webp` shows each (scripts/styles.mjs). */
export const STYLES = 26;

/** A network. */
export interface Painter {
  /** Its file's name. */
  network: string;
  /** It is the one that comes with the page. */
  bundled: boolean;
}

/** The bundled network or, where there is none, the first of the person's own. */
export function painterIn(info: ObjectInfo): Painter | null {
  const all = optionsOf(info, "StyleTransferModelLoader", "model_name");
  const network = all.includes(BUNDLED) ? BUNDLED : all[0];
  return network === undefined ? null : { network, bundled: network === BUNDLED };
}
