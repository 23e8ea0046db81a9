/** Other tabs of the page, which share its storage and this machine's memory. */

type Message = { type: "here" | "hello" | "gone"; id: string };

/** Knows how many other tabs there are. */
export class Tabs {
  others = $state(0);

  readonly #id = [...crypto.getRandomValues(new Uint8Array(8))].join(".");
  readonly #seen = new Set<string>();
  #channel: BroadcastChannel | null = null;

  /** Says hello to the others, who answer. */
  start(): void {
    if (typeof BroadcastChannel === "undefined") return;
    const channel = new BroadcastChannel("tintype-tabs");
    this.#channel = channel;
    channel.onmessage = ({ data }: MessageEvent<Message>) => {
      if (data.type === "gone") this.#seen.delete(data.id);
      else this.#seen.add(data.id);
      this.others = this.#seen.size;
      if (data.type === "hello") this.#say("here");
    };
    addEventListener("pagehide", () => this.#say("gone"));
    addEventListener("pageshow", (event) => event.persisted && this.#say("hello"));
    this.#say("hello");
  }

  #say(type: Message["type"]): void {
    this.#channel?.postMessage({ type, id: this.#id } satisfies Message);
  }
}
