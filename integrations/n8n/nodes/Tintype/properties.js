/** The node's form. */

const when = (source) => ({ show: { source: [source] } });
const text = (displayName, name, description, placeholder = "") => ({ displayName, name, type: "string", default: "", placeholder, description });
const number = (displayName, name, value, description, range = {}) => ({
  displayName, name, type: "number", default: value, description, typeOptions: { minValue: 1, ...range },
});

const properties = [
  {
    displayName: "Draw From",
    name: "source",
    type: "options",
    noDataExpression: true,
    default: "prompt",
    options: [
      { name: "Prompt", value: "prompt", description: "The usual graph" },
      { name: "Workflow", value: "workflow", description: "A workflow of ComfyUI, as JSON" },
    ],
  },
  {
    displayName: "Prompt",
    name: "prompt",
    type: "string",
    typeOptions: { rows: 3 },
    default: "",
    required: true,
    placeholder: "a red dragon, 3d render",
    description: "What is to be drawn",
    displayOptions: when("prompt"),
  },
  {
    displayName: "Workflow",
    name: "workflow",
    type: "json",
    default: "{}",
    required: true,
    description: "API JSON or editor JSON; its SaveImage nodes make the pictures",
    displayOptions: when("workflow"),
  },
  {
    displayName: "Put Output in Field",
    name: "binaryPropertyName",
    type: "string",
    default: "data",
    required: true,
    description: "The binary field that the picture is put in",
  },
  {
    displayName: "Options",
    name: "options",
    type: "collection",
    placeholder: "Add option",
    default: {},
    options: [
      text("Negative Prompt", "negativePrompt", "What should not be there"),
      text("Model", "model", "A model's name", "sprite"),
      number("Width", "width", 128, "Pixels, a multiple of 8"),
      number("Height", "height", 128, "Pixels, a multiple of 8"),
      number("Steps", "steps", 20, "How many steps the sampler takes"),
      number("CFG", "cfg", 5, "How closely the prompt is followed", { minValue: 0, numberPrecision: 2 }),
      number("Batch Size", "batchSize", 1, "How many pictures at once"),
      text("Seed", "seed", "Digits; left out, each picture draws its own"),
      text("Sampler", "sampler", "A sampler's name", "dpmpp_2m"),
      text("Scheduler", "scheduler", "A scheduler's name", "sgm_uniform"),
      text("Models Folder", "models", "A folder laid out as ComfyUI's models folder; left out, there is the bundled model"),
      {
        displayName: "Device",
        name: "device",
        type: "options",
        default: "auto",
        description: "What computes",
        options: [
          { name: "CPU", value: "cpu" },
          { name: "GPU If There Is One, Else CPU", value: "auto" },
          { name: "GPU (Needs the Npm Package Webgpu)", value: "webgpu" },
        ],
      },
    ],
  },
];

module.exports = { properties };
