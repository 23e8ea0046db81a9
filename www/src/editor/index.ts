/** The node editor for pages of others, the package's `./editor`: one function that puts it into an element. */

export { mountEditor, type EditorOptions, type GraphFile, type MountedEditor } from "./mount.svelte";
export type { RunGraph } from "./run";
