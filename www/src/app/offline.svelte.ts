/** The page on its own: kept for visits without a network, and brought up to date when there is a newer one. */

import type { Build } from "../engine/types";

/** What the service worker does for the page. Where there is none, nothing is kept and nothing is said. */
export class Offline {
  /** The page, its engine and the bundled model work without a network. */
  ready = $state(false);
  /** A newer page is here and waits. */
  newer: ServiceWorker | null = $state.raw(null);
  /** The browser says that there is no network. */
  cut = $state(!navigator.onLine);

  #registration: ServiceWorkerRegistration | null = null;

  /** Registers the service worker; development servers have none. */
  async start(): Promise<void> {
    addEventListener("online", () => (this.cut = false));
    addEventListener("offline", () => (this.cut = true));
    if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
    try {
      const registration = await navigator.serviceWorker.register(new URL("sw.js", document.baseURI));
      this.#registration = registration;
      const look = () => {
        // The first one of all takes over by itself; there is no older page to wait for.
        if (registration.waiting !== null && navigator.serviceWorker.controller !== null) this.newer = registration.waiting;
      };
      registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", look));
      look();
      // A page that stays open for days hears of new ones, too.
      document.addEventListener("visibilitychange", () => {
        if (document.visibilityState === "visible" && navigator.onLine) void registration.update().catch(() => {});
      });
    } catch {
      // Blocked, or not served over https: the page works as before, with a network.
    }
  }

  /** Loads the newer page. What is drawn at the moment is lost, so the person decides when. */
  renew(): void {
    if (this.newer === null) return;
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    this.newer.postMessage({ type: "take over" });
  }

  /** Keeps the engine that is in use. */
  async keepEngine(build: Build): Promise<void> {
    await this.#keep(build);
  }

  /** The bundled model's weights are kept by the engine: with its small files it can draw without a network. */
  async keepModel(build: Build): Promise<void> {
    this.ready = (await this.#keep(build)) && (await this.#keep("model"));
  }

  async #keep(what: string): Promise<boolean> {
    if (this.#registration === null) return false;
    const { active } = await navigator.serviceWorker.ready;
    return await new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => resolve(data === "kept");
      active?.postMessage({ type: "keep", what }, [port2]);
    });
  }
}
