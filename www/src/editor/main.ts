/** The editor on a page of its own, with an engine of its own. */

import { mount } from "svelte";

import "../app/page.css";
import Alone from "./Alone.svelte";

const target = document.querySelector("#editor");
if (target === null) throw new Error("the page has no #editor");
mount(Alone, { target });
