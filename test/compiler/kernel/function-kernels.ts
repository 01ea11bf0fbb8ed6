/** One kernel a function: `y[i] = fn(x[i])`, one number at a time and four at a time. */

import * as build from "../../../compiler/kernel/build.ts";
import type { CallFunction, Kernel } from "../../../compiler/kernel/kernel.ts";
import { store } from "../../../compiler/kernel/statements.ts";

const expanded: readonly CallFunction[] = [
  ...(["exp", "exp2", "exp2_negative", "log", "tanh", "sin", "cos", "acos", "erf"] as const),
];

/** How many numbers a group takes. */
export const numbersPerGroup = 8;

/** `y = fn(x)`: the first four numbers of a group one by one, the others together. */
export function functionKernel(fn: CallFunction): Kernel {
  const start = build.multiply(build.group, numbersPerGroup);
  const single = [0, 1, 2, 3].map((offset) => {
    const index = build.add(start, offset);
    return store("y", index, build.call(fn, build.load("x", index)));
  });
  const four = build.add(start, 4);
  return {
    name: `apply_${fn}`,
    comment: [`y[i] = ${fn}(x[i])`],
    buffers: [
      { name: "x", element: "f32", access: "read" },
      { name: "y", element: "f32", access: "write" },
    ],
    scalars: [],
    arrays: [],
    workgroupSize: 1,
    body: [...single, store("y", four, build.call(fn, build.load("x", four, build.f32x4)))],
  };
}

/** The functions that `legalize` expands, as kernels. */
export const functionKernels: readonly Kernel[] = expanded.map(functionKernel);
