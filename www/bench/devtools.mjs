/** What no engine tells, asked through Chromium's developer tools. */

const PATIENCE = 10_000;

/**
 * Listens for the workers that `page` starts from now on.
 * @param {import("playwright-core").Page} page
 */
export async function watchWorkers(page) {
  const devtools = await page.context().newCDPSession(page);
  /** @type {Map<string, string>} */
  const sessions = new Map();
  /** @type {Map<number, (result: any) => void>} */
  const waiting = new Map();
  devtools.on("Target.attachedToTarget", ({ sessionId, targetInfo }) => {
    if (targetInfo.type === "worker") sessions.set(targetInfo.title, sessionId);
  });
  devtools.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result } = JSON.parse(message);
    waiting.get(id)?.(result);
  });
  await devtools.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });

  /** @param {string} name @param {string} method @param {object} params @returns {Promise<any>} */
  const call = async (name, method, params) => {
    const sessionId = sessions.get(name);
    if (sessionId === undefined) throw new Error(`there is no worker named ${name}`);
    return await new Promise((resolve, reject) => {
      const id = waiting.size + 1;
      waiting.set(id, resolve);
      setTimeout(reject, PATIENCE, new Error(`the worker ${name} does not answer`)).unref();
      const message = JSON.stringify({ id, method, params });
      devtools.send("Target.sendMessageToTarget", { sessionId, message }).catch(reject);
    });
  };

  return {
    /**
     * Has the worker write its own time, `at`, into each `progress` and `executing` event: when the page gets to see the event
     * depends on what else the machine does, by tens of milliseconds.
     * @param {string} name
     */
    async stampProgress(name) {
      const stamp = () => {
        const post = self.postMessage.bind(self);
        self.postMessage = (/** @type {any} */ message, /** @type {any} */ transfer) => {
          if (["progress", "executing"].includes(message.event?.type)) message.event.data.at = performance.now();
          post(message, transfer);
        };
      };
      await call(name, "Runtime.evaluate", { expression: `(${stamp})()` });
    },

    /**
     * Bytes of all WebAssembly.Memory objects in the worker, or null where Chromium does not say (it crashes when
     * asked about onnxruntime-web's). Such memory never shrinks, so this is also the peak.
     * @param {string} name
     * @returns {Promise<number | null>}
     */
    async wasmMemory(name) {
      try {
        const { result: prototype } = await call(name, "Runtime.evaluate", { expression: "WebAssembly.Memory.prototype" });
        const { objects } = await call(name, "Runtime.queryObjects", { prototypeObjectId: prototype.objectId });
        const { result } = await call(name, "Runtime.callFunctionOn", {
          objectId: objects.objectId,
          functionDeclaration: "function () { return this.reduce((sum, memory) => sum + memory.buffer.byteLength, 0); }",
          returnByValue: true,
        });
        return result.value;
      } catch {
        return null;
      }
    },
  };
}

/**
 * Gives a function that tells the milliseconds of processor time which the page and Chromium's GPU process have used.
 * Unlike the clock it does not count the time in which other programs had the processor.
 * @param {import("playwright-core").Browser} browser
 */
export async function watchProcesses(browser) {
  const devtools = await browser.newBrowserCDPSession();
  return async () => {
    const { processInfo } = await devtools.send("SystemInfo.getProcessInfo");
    const ours = processInfo.filter(({ type }) => type === "renderer" || type === "GPU");
    return ours.reduce((sum, { cpuTime }) => sum + cpuTime * 1000, 0);
  };
}
