/** The engine without a page around it, for `scripts/picture.mjs`, the tests and the console. */

import * as tintype from "./engine/index";

declare global {
  var tintype: typeof import("./engine/index");
}

globalThis.tintype = tintype;
