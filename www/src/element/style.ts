/** The widget's looks. One sheet for all widgets, made by script: no inline style for a content security policy to forbid. */

const CSS = `
:host {
  --accent: var(--tintype-accent, #87471c);
  --accent-ink: var(--tintype-accent-ink, #fff8ee);
  --ink: var(--tintype-ink, #2a211a);
  --ink-soft: var(--tintype-ink-soft, #65574a);
  --field: var(--tintype-field, #fffdf9);
  --edge: var(--tintype-edge, #9a8871);
  --plate: var(--tintype-plate, #2a211b);
  --plate-ink: var(--tintype-plate-ink, #d9c8b3);
  --bad: var(--tintype-bad, #9c2a1c);
  --round: var(--tintype-radius, 0.6rem);
  display: inline-grid;
  box-sizing: border-box;
  inline-size: var(--tintype-width, 20rem);
  max-inline-size: 100%;
  gap: var(--tintype-gap, 0.6rem);
  color: var(--ink);
  font: var(--tintype-font, 1rem/1.4 system-ui, sans-serif);
  text-align: start;
}
/* As light or dark as the page around it says (its color-scheme), not as the system is: a page may know only one. */
@supports (color: light-dark(#000, #fff)) {
  :host {
    --accent: var(--tintype-accent, light-dark(#87471c, #d99a5b));
    --accent-ink: var(--tintype-accent-ink, light-dark(#fff8ee, #1d130a));
    --ink: var(--tintype-ink, light-dark(#2a211a, #efe5d6));
    --ink-soft: var(--tintype-ink-soft, light-dark(#65574a, #b8a894));
    --field: var(--tintype-field, light-dark(#fffdf9, #261f1a));
    --edge: var(--tintype-edge, light-dark(#9a8871, #7a6857));
    --plate: var(--tintype-plate, light-dark(#2a211b, #0f0b09));
    --plate-ink: var(--tintype-plate-ink, light-dark(#d9c8b3, #c5b39d));
    --bad: var(--tintype-bad, light-dark(#9c2a1c, #ff9c88));
  }
}
:host([hidden]) { display: none; }
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.frame {
  position: relative;
  display: grid;
  place-items: center;
  aspect-ratio: var(--_width, 1) / var(--_height, 1);
  overflow: hidden;
  border-radius: var(--round);
  background: var(--plate);
  color: var(--plate-ink);
}
.frame > *, .frame img, .frame canvas, .frame ::slotted(img) {
  grid-area: 1 / 1;
  inline-size: 100%;
  block-size: 100%;
  object-fit: contain;
}
.empty { inline-size: 34%; block-size: 34%; opacity: 0.45; }
.row { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
label { display: grid; gap: 0.25rem; }
label > span { font-size: 0.875em; font-weight: 600; }
textarea, button, a {
  min-block-size: 2.75rem;
  padding: 0.5rem 0.9rem;
  border: 1px solid var(--edge);
  border-radius: calc(var(--round) * 0.8);
  background: var(--field);
  color: inherit;
  font: inherit;
}
textarea { inline-size: 100%; padding-inline: 0.7rem; resize: vertical; }
textarea::placeholder { color: var(--ink-soft); opacity: 0.85; }
button, a { display: inline-grid; place-items: center; cursor: pointer; text-decoration: none; }
.draw { flex: 1 1 auto; border-color: var(--accent); background: var(--accent); color: var(--accent-ink); font-weight: 600; }
button:disabled, textarea:disabled { cursor: default; opacity: 0.6; }
:focus-visible { outline: 2px solid var(--tintype-focus, Highlight); outline-offset: 2px; }
p { margin: 0; font-size: 0.875em; color: var(--ink-soft); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.error { color: var(--bad); }
.error strong { display: block; }
progress {
  appearance: none;
  display: block;
  inline-size: 100%;
  block-size: 0.4rem;
  border: 0;
  border-radius: 9rem;
  overflow: hidden;
  background: color-mix(in srgb, var(--edge) 35%, transparent);
  accent-color: var(--accent);
}
progress::-webkit-progress-bar { background: transparent; }
progress::-webkit-progress-value { background: var(--accent); transition: inline-size 0.2s linear; }
progress::-moz-progress-bar { background: var(--accent); }
.progress { display: grid; gap: 0.35rem; }
@media (prefers-reduced-motion: reduce) { progress::-webkit-progress-value { transition: none; } }
`;

let sheet: CSSStyleSheet | null = null;

export function styleSheet(): CSSStyleSheet {
  if (sheet === null) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  return sheet;
}
