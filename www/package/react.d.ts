/** `<tintype-image>` in React's JSX: `import "tintype/react";` once. */

import type { TintypeImage, TintypeImageAttributes, TintypeImageEvents, TintypeImageProperties } from "tintype/element";

type Events = { [T in keyof TintypeImageEvents as `on${T}`]?: (event: TintypeImageEvents[T]) => void };

export interface TintypeImageJsx
  extends Omit<TintypeImageAttributes, "class" | "style">,
    Partial<Omit<TintypeImageProperties, keyof TintypeImageAttributes | "loading">>,
    Events {
  className?: string;
  style?: Record<string, string | number | undefined>;
  key?: string | number | null;
  ref?: { current: TintypeImage | null } | ((element: TintypeImage | null) => void) | null;
  children?: unknown;
}

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "tintype-image": TintypeImageJsx;
    }
  }
}
