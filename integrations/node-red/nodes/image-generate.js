/** A prompt in `msg.payload`, a PNG in `msg.payload`. What a message says counts more than the node's own settings. */

/** Settings of the node that are options of the engine, and how their text is read. */
const SETTINGS = {
  negativePrompt: String, model: String, sampler: String, scheduler: String,
  steps: Number, cfg: Number, width: Number, height: Number, batchSize: Number, denoise: Number,
  seed: BigInt,
};

module.exports = (RED) => {
  function ImageGenerate(config) {
    RED.nodes.createNode(this, config);
    const shared = RED.nodes.getNode(config.engine);
    const running = new Set();
    // Without a configured engine a node has one of its own.
    let own = null;
    const open = () => {
      if (shared) return shared.open();
      own ??= import("tintype/node").then((tintype) => tintype.open());
      const mine = own;
      mine.catch(() => {
        if (own === mine) own = null;
      });
      return mine;
    };
    const status = (fill, shape, text) => this.status({ fill, shape, text });

    this.on("input", async (msg, send, done) => {
      const abort = new AbortController();
      running.add(abort);
      const started = Date.now();
      try {
        const options = optionsOf(config, msg);
        status("blue", "ring", "loading");
        const engine = await open();
        const result = await draw(engine, options, abort.signal, ({ value, max }) => status("blue", "dot", `step ${value} of ${max}`));
        await sendAll(send, msg, result);
        status("green", "dot", `${((Date.now() - started) / 1000).toFixed(1)} s`);
        done();
      } catch (error) {
        if (abort.signal.aborted) {
          this.status({});
          return done();
        }
        status("red", "ring", String(error.code ?? "failed").slice(0, 20));
        done(explained(error));
      } finally {
        running.delete(abort);
      }
    });

    this.on("close", (removed, done) => {
      for (const abort of running) abort.abort();
      this.status({});
      const mine = own;
      own = null;
      if (mine === null) return done();
      mine.then((engine) => engine.close()).catch(() => {}).finally(done);
    });
  }

  RED.nodes.registerType("image-generate", ImageGenerate);
};

/** What to draw: the node's settings, then `msg.options`, then the payload: a prompt, options, or a workflow. */
function optionsOf(config, msg) {
  const options = {};
  const take = (source) => {
    for (const [name, read] of Object.entries(SETTINGS)) {
      const value = source?.[name];
      if (value === undefined || value === null || value === "") continue;
      try {
        options[name] = read(value);
      } catch {
        throw Object.assign(new Error(`\`${name}\` is ${JSON.stringify(String(value))}, expected a number`), { code: "invalid_input_type" });
      }
    }
    for (const name of ["prompt", "workflow", "image"]) if (source?.[name]) options[name] = source[name];
  };
  take(config);
  take(msg.options);
  if (Buffer.isBuffer(msg.payload)) options.image = msg.payload;
  else if (typeof msg.payload === "object" && msg.payload !== null) take(msg.payload);
  else if (typeof msg.payload === "string" && msg.payload.trim() !== "") options.prompt = msg.payload;
  if (options.workflow === undefined && !options.prompt) {
    throw Object.assign(new Error("there is no prompt"), { code: "no_prompt", hint: "Send one in `msg.payload`, or write one into the node." });
  }
  return options;
}

async function draw(engine, { workflow, ...options }, signal, onStep) {
  const onEvent = ({ type, data }) => {
    if (type === "progress") onStep(data);
  };
  if (workflow === undefined) return await engine.generate({ ...options, signal, onEvent });
  const text = typeof workflow === "string" ? workflow : JSON.stringify(workflow);
  return await engine.run(text, { signal, onEvent });
}

/** One message a picture, as a sequence if there are several. */
async function sendAll(send, msg, { images, settings, promptId }) {
  for (const [index, image] of images.entries()) {
    const payload = Buffer.from(await image.arrayBuffer());
    const parts = images.length > 1 ? { parts: { id: promptId, type: "array", index, count: images.length } } : {};
    const known = settings === undefined ? {} : { settings: { ...settings, seed: String(settings.seed) } };
    send({ ...msg, payload, filename: image.name, contentType: image.type, ...known, ...parts });
  }
}

/** The error with its next step in its message, which is what Node-RED shows. */
function explained(error) {
  const complaints = Object.values(error.nodeErrors ?? {}).flatMap((node) => node.errors.map(({ message, details }) => `${message}: ${details}`));
  const message = [complaints.length > 0 ? complaints.join("; ") : error.message, error.hint].filter(Boolean).join(". ");
  return Object.assign(new Error(message, { cause: error }), { code: error.code });
}
