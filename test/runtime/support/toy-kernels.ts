/** The kernels of the toy plan as JavaScript functions. */

import type { FakeKernel, View } from "./fake-backend.ts";

/** The i-th number of a buffer of floats or of whole numbers; NaN outside. */
function float(view: View | undefined, index: number): number {
  return view?.f32[index] ?? Number.NaN;
}

function integer(view: View | undefined, index: number): number {
  return view?.i32[index] ?? Number.NaN;
}

function store(view: View | undefined, index: number, value: number): void {
  if (view !== undefined) view.f32[index] = value;
}

/** One group computes one element. */
export const toyKernels: Readonly<Record<string, FakeKernel>> = {
  scale: (group, [x, y], [, factor = 0]) => store(y, group, float(x, group) * factor),
  spread: (group, [x, y]) => store(y, group, float(x, Math.floor(group / 6) * 2 + (group % 2))),
  shift: (group, [x, positions, y]) =>
    store(y, group, float(x, group) + integer(positions, Math.floor(group / 2))),
  gather: (group, [table, tokens, y]) =>
    store(y, group, float(table, integer(tokens, Math.floor(group / 2)) * 2 + (group % 2))),
  append: (group, [x, offset, keys], [, past = 0]) =>
    store(keys, past * 2 + group, float(x, group) + float(offset, group % 2)),
  score: (group, [keys, placed, logits], [, past = 0, visual = 0]) => {
    const [row, vocabulary] = [Math.floor(group / 8), group % 8];
    let sum = 0;
    for (let i = 0; i < visual; i++) sum += float(placed, i);
    for (let i = 0; i < (past + row + 1) * 2; i++) sum += float(keys, i);
    const wanted = sum - 8 * Math.floor(sum / 8);
    store(logits, group, -((vocabulary - wanted) ** 2));
  },
};
