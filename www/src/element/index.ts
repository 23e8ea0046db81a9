/**
 * The widget: importing this file defines `<tintype-image>`.
 *
 *     <script type="module" src="tintype/element.js"></script>
 *     <tintype-image prompt="a red dragon"></tintype-image>
 */

import { TintypeImage } from "./element";
import type { TintypeImageEvents, TintypeImageProperties } from "./events";

export { TintypeImage };
export { setStrings, type Strings } from "./strings";
export type { ErrorDetail, ProgressDetail, ResultDetail, TintypeImageEvents, TintypeImageProperties } from "./events";
export type { State } from "./view";

// A page may load two copies of this file; the first one counts.
if (globalThis.customElements !== undefined && customElements.get("tintype-image") === undefined) {
  customElements.define("tintype-image", TintypeImage);
}

/** The attributes in HTML, for the types of templates. */
export interface TintypeImageAttributes
  extends Partial<Record<"prompt" | "workflow" | "load" | "poster" | "alt" | "device" | "models" | "assets" | "name" | "model" | "size" | "sampler" | "scheduler" | "negative-prompt" | "class" | "id" | "slot" | "style" | "title", string>>,
    Partial<Record<"steps" | "cfg" | "seed" | "width" | "height", string | number>>,
    Partial<Record<"disabled" | "required" | "fixed" | "hidden", boolean>> {}

/** The events as Svelte 5 names them. */
type Listeners = { [T in keyof TintypeImageEvents as `on${T}`]?: (event: TintypeImageEvents[T]) => void };

declare global {
  interface HTMLElementTagNameMap {
    "tintype-image": TintypeImage;
  }
  namespace svelteHTML {
    interface IntrinsicElements {
      "tintype-image": TintypeImageAttributes & Partial<TintypeImageProperties> & Listeners;
    }
  }
}
