/** Comparisons of the WebGPU engine's numbers with references, which are made in Rust (`tests/shared`). */

import { expect, test } from "@playwright/test";

export interface Comparison {
  name: string;
  error: number;
  allowed: number;
  detail: string;
}

export function assertClose(comparisons: Comparison[]): void {
  const worst = comparisons.reduce((a, b) => (b.error > a.error ? b : a));
  test.info().annotations.push({ type: "largest relative error", description: `${worst.error.toExponential(1)} in ${worst.name}` });
  expect(comparisons.filter(({ error, allowed }) => !(error <= allowed)), "tensors that differ").toEqual([]);
}
