/**
 * The engine that image-generate nodes share: device, models folder. Opened by the first picture, closed with the flow.
 */

module.exports = (RED) => {
  function TintypeEngine(config) {
    RED.nodes.createNode(this, config);
    this.options = {
      device: config.device || "auto",
      ...(config.models ? { models: config.models } : {}),
    };
    let opening = null;

    /** The engine; opens it if it is not. A failure is told to whoever asked, and the next one tries again. */
    this.open = () => {
      opening ??= import("tintype/node").then(({ open }) => open(this.options));
      const mine = opening;
      mine.catch(() => {
        if (opening === mine) opening = null;
      });
      return mine;
    };

    this.on("close", (removed, done) => {
      const mine = opening;
      opening = null;
      if (mine === null) return done();
      mine.then((engine) => engine.close()).catch(() => {}).finally(done);
    });
  }

  RED.nodes.registerType("tintype-engine", TintypeEngine);
};
