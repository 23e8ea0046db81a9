/** Outlines on a grid of 16, for buttons that have no room for words. Each is always named in words as well. */

export const ICONS = {
  run: "M5 3.5v9l7.5-4.5z",
  stop: "M4.5 4.5h7v7h-7z",
  undo: "M6 4 3 7l3 3M3 7h6a4 4 0 0 1 0 8H7",
  redo: "m10 4 3 3-3 3M13 7H7a4 4 0 0 0 0 8h2",
  add: "M8 3v10M3 8h10",
  open: "M2.5 12.5v-9h4l1.5 2h5.5v7z",
  save: "M8 2.5v7m0 0L5 6.7m3 2.8 3-2.8M3 13h10",
  menu: "M3 8h.01M8 8h.01M13 8h.01",
  chevron: "m5 6.5 3 3 3-3",
  mute: "M2.5 6v4h2.5l3.5 3V3L5 6zM11 6l3 4m0-4-3 4",
  bypass: "M2 10h3c3 0 3-5 6-5h3m-2.5-2.5L14 5l-2.5 2.5",
  pin: "M6 2.5h4l-.5 5 2 2h-7l2-2zM8 9.5v4",
  group: "M2.5 4.5v-2h2m7 0h2v2m0 7v2h-2m-7 0h-2v-2M5 6h6v4H5z",
  subgraph: "M2.5 3h5v4h-5zM8.5 9h5v4h-5zM5 7v4h3.5",
  arrange: "M2.5 3h4v3h-4zM9.5 3h4v3h-4zM2.5 10h4v3h-4zM9.5 10h4v3h-4zM6.5 4.5h3M6.5 11.5h3",
  copy: "M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1",
  trash: "M3 4.5h10M6 4.5v-2h4v2M4.5 4.5l.5 9h6l.5-9",
  enter: "M9.5 3.5h4v9h-4M2.5 8h7m0 0L7 5.5M9.5 8 7 10.5",
  fit: "M2.5 6v-3.5H6m4 0h3.5V6m0 4v3.5H10m-4 0H2.5V10",
  form: "M3 3.5h10M3 8h10M3 12.5h6",
  keys: "M1.5 4.5h13v7h-13zM4 7h.01M6.5 7h.01M9 7h.01M11.5 7h.01M5 9.5h6",
  close: "m4 4 8 8m0-8-8 8",
  dice: "M3 3h10v10H3zM6 6h.01M10 10h.01M10 6h.01M6 10h.01",
  link: "M6.5 9.5 9.5 6.5M7 5l1.5-1.5a2.8 2.8 0 0 1 4 4L11 9M9 11l-1.5 1.5a2.8 2.8 0 0 1-4-4L5 7",
  to: "M3 3.5v9L8.5 8zM11.5 3v10",
} as const;

export type IconName = keyof typeof ICONS;
