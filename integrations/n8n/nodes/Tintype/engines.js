/** Engines by their settings: a workflow that runs every minute must not load the model every minute. */

const engines = new Map();

/** The engine with these settings; opened at its first use. A failure is not kept. */
function engineFor(options) {
  const key = JSON.stringify(options);
  const known = engines.get(key);
  if (known !== undefined) return known;
  const opening = import("tintype/node").then(({ open }) => open(options));
  engines.set(key, opening);
  opening.catch(() => engines.delete(key));
  return opening;
}

/** Ends all engines, which frees their models. */
async function closeEngines() {
  const all = [...engines.values()];
  engines.clear();
  for (const engine of await Promise.allSettled(all)) if (engine.status === "fulfilled") engine.value.close();
}

module.exports = { closeEngines, engineFor };
