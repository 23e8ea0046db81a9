/** Opens a picture as a graph: the one place that knows which view shows graphs. */

import type { Studio } from "./studio.svelte";

/** Shows the graph that a picture carries. */
export async function openAsGraph(studio: Studio, file: Blob, name: string): Promise<void> {
  try {
    await studio.opened.open(file, name);
    studio.show("create");
  } catch (error) {
    studio.fail(error);
  }
}
