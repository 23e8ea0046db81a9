/** n8n's node: one picture an item, as binary data. */

const { NodeOperationError } = require("n8n-workflow");

const { closeEngines, engineFor } = require("./engines.js");
const { properties } = require("./properties.js");

class Tintype {
  description = {
    displayName: "Tintype",
    name: "tintype",
    icon: "file:tintype.svg",
    group: ["transform"],
    version: 1,
    subtitle: '={{$parameter["prompt"]}}',
    description: "Draws a picture of a prompt on the machine that n8n runs on",
    defaults: { name: "Tintype" },
    inputs: ["main"],
    outputs: ["main"],
    usableAsTool: true,
    properties,
  };

  async execute() {
    const items = this.getInputData();
    const made = [];
    for (const itemIndex of items.keys()) {
      try {
        made.push(...(await draw(this, itemIndex)));
      } catch (error) {
        if (!this.continueOnFail()) {
          throw new NodeOperationError(this.getNode(), error, { itemIndex, message: messageOf(error), description: error.hint ?? undefined });
        }
        made.push({ json: { error: messageOf(error), hint: error.hint ?? null }, pairedItem: { item: itemIndex } });
      }
    }
    return [made];
  }
}

/** The pictures of one item. */
async function draw(context, itemIndex) {
  const get = (name, fallback) => context.getNodeParameter(name, itemIndex, fallback);
  const { models, device = "auto", ...more } = get("options", {});
  const engine = await engineFor({ device, ...(models ? { models } : {}) });
  const signal = context.getExecutionCancelSignal?.();
  const { images, settings } =
    get("source") === "workflow"
      ? await engine.run(textOf(get("workflow")), { ...(signal && { signal }) })
      : await engine.generate({ prompt: get("prompt"), ...numbers(more), ...(signal && { signal }) });
  const output = get("binaryPropertyName", "data");
  return await Promise.all(
    images.map(async (image) => ({
      json: settings === undefined ? {} : { ...settings, seed: String(settings.seed) },
      binary: { [output]: await context.helpers.prepareBinaryData(Buffer.from(await image.arrayBuffer()), image.name, image.type) },
      pairedItem: { item: itemIndex },
    })),
  );
}

/** Options as the engine takes them: what was left empty is its own to choose, and a seed is longer than a number. */
function numbers({ seed, ...options }) {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== "" && value !== undefined));
  if (seed === undefined || seed === "") return given;
  if (!/^\d+$/.test(String(seed))) {
    throw Object.assign(new Error(`the seed is ${JSON.stringify(seed)}, expected a whole number`), { hint: "Write digits only, or leave it out." });
  }
  return { ...given, seed: BigInt(seed) };
}

function textOf(workflow) {
  return typeof workflow === "string" ? workflow : JSON.stringify(workflow);
}

function messageOf(error) {
  const complaints = Object.values(error.nodeErrors ?? {}).flatMap((node) => node.errors.map(({ message, details }) => `${message}: ${details}`));
  return complaints.length > 0 ? complaints.join("; ") : error.message;
}

module.exports = { Tintype, closeEngines };
