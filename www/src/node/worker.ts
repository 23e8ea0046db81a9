/** The thread: what a page's worker finds around it, then the page's worker. Order matters. */

import "./globals";
import "../engine/worker";
