/** A chat with a painter in it: `draw …` is answered with a picture, made in this page. */

import { open } from "./tintype/index.js"; // with a bundler: "tintype"

const chat = document.querySelector("#chat");
const form = document.querySelector("form");
const input = document.querySelector("#message");

/** Opened by the first picture, and kept. After a failure the next picture tries again. */
let opening = null;

function engine() {
  opening ??= open({ device: new URLSearchParams(location.search).get("device") ?? "auto" });
  opening.catch(() => (opening = null));
  return opening;
}

function say(text, mine = false) {
  const item = document.createElement("li");
  item.classList.toggle("mine", mine);
  item.textContent = text;
  chat.append(item);
  item.scrollIntoView({ block: "end" });
  return item;
}

async function answer(message) {
  const prompt = /^draw\s+(.+)$/is.exec(message)?.[1];
  if (prompt === undefined) return void say("I only draw. Try “draw a robot on a teal background, 3d”.");
  const item = say("Getting ready …");
  try {
    const tintype = await engine();
    const canvas = document.createElement("canvas");
    const { images, settings } = await tintype.generate({
      prompt,
      steps: 12,
      onEvent: ({ type, data }) => {
        if (type === "model_progress" && data.total > 0) item.textContent = `Loading the model, ${Math.round((100 * data.loaded) / data.total)} %`;
      },
      onPreview: ({ width, height, data }) => {
        Object.assign(canvas, { width, height }).getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
        if (!canvas.isConnected) item.replaceChildren(canvas);
      },
    });
    const picture = new Image();
    picture.alt = prompt;
    picture.title = `seed ${settings.seed}`;
    picture.src = URL.createObjectURL(images[0]);
    await picture.decode();
    item.replaceChildren(picture);
  } catch (error) {
    item.textContent = [error.message, error.hint].filter(Boolean).join(". ");
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const message = input.value.trim();
  if (message === "") return;
  input.value = "";
  say(message, true);
  answer(message);
});
