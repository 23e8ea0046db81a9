/** What `scripts/package.mjs` makes `./editor` of: the editor with the look that it has on the page. */

import "../app/page.css";
import "./package.css";

export { mountEditor } from "./index";
