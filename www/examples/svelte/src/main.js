import { mount } from "svelte";
import "tintype/element";

import App from "./App.svelte";

mount(App, { target: document.getElementById("app") });
