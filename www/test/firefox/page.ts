/** What the tests of the page in Firefox do again and again. */

import { expect, type Page } from "./fixtures";

export const PROMPT = "#prompt";
export const GENERATE = "button ::-p-text(Generate)";

/** What `look` finds in the page, asked again until `isRight`. */
export async function until<T>(page: Page, look: () => T, isRight: (value: T) => boolean, what: string): Promise<T> {
  let latest: T | undefined;
  await expect
    .poll(async () => isRight((latest = (await page.evaluate(look)) as T)), { message: what, timeout: 120_000 })
    .toBe(true);
  return latest as T;
}

export async function ready(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.locator(GENERATE).setTimeout(60_000).wait();
}

/** The pictures that were drawn, by their words and their width in pixels; not the example of a first visit. */
export const pictures = () =>
  [...document.querySelectorAll<HTMLImageElement>(".sheet img:not([alt^='An example'])")].map(({ alt, naturalWidth }) => ({ alt, naturalWidth }));

export async function draw(page: Page, words: string): Promise<void> {
  await page.locator(PROMPT).fill(words);
  await page.locator(GENERATE).click();
  await until(page, pictures, (all) => all.some(({ naturalWidth }) => naturalWidth === 128), `a picture of ${words}`);
}

/** In so many steps from now on. */
export async function setSteps(page: Page, steps: number): Promise<void> {
  await page.$eval("label:has(input[max='150']) input", (input, value) => {
    (input as HTMLInputElement).value = value;
    input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }, String(steps));
}
