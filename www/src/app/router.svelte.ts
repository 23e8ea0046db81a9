/** Which view is shown. The address says it, so that going back, reloading and sharing work as everywhere. */

import { VIEWS, viewOf, type View } from "./views";

/** Follows the address. */
export class Router {
  view: View = $state.raw(viewOf(location.hash));
  /** Views that were shown; they stay, with all their state. */
  visited: readonly View[] = $state.raw([this.view]);

  /** The address has changed. */
  follow(): void {
    this.#show(viewOf(location.hash));
  }

  /** Shows a view by its name. */
  go(name: string): void {
    if (viewOf(location.hash).name !== name) location.hash = name;
    // `hashchange` comes later; whoever calls this wants to act on the view now.
    this.#show(viewOf(`#${name}`));
  }

  #show(view: View): void {
    this.view = view;
    if (!this.visited.includes(view)) this.visited = VIEWS.filter((one) => one === view || this.visited.includes(one));
  }
}
