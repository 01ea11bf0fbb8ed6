/**
 * What stands between a lowering and a printer: tiles become variables, functions that a target
 * lacks become expressions, and what unrolling repeated is shared again.
 *
 * The result computes the same, up to the order of summation in products and row sums. It has no
 * tile statements but those of warps, which only CUDA has, no `floor_divide`, no bool in memory, and of the functions only those that
 * `expandFunctions` leaves.
 */

import { invariant } from "../../../grammar/invariant.ts";
import type { Kernel } from "../kernel.ts";
import { expandFunctions, type FunctionOptions } from "./legalize/functions.ts";
import type { LayoutOptions } from "./legalize/layout.ts";
import { lowerTiles } from "./legalize/tiles.ts";
import { mergeBranches } from "./merge-branches.ts";
import { share } from "./share.ts";
import { unrollSingle } from "./unroll-single.ts";

/** The languages that kernels are printed in. */
export type KernelTarget = "wasm" | "wgsl" | "cuda";

const targets: Readonly<Record<KernelTarget, LayoutOptions & FunctionOptions>> = {
  wasm: {
    lanes: true,
    partialSums: true,
    helpers: false,
    inverseSqrt: false,
    integerExtremes: false,
    fusedMultiply: false,
  },
  // A GPU invocation computes one lane at a time: partial sums would only take registers.
  wgsl: {
    lanes: true,
    partialSums: false,
    helpers: true,
    inverseSqrt: true,
    integerExtremes: true,
    fusedMultiply: true,
  },
  cuda: {
    lanes: false,
    partialSums: false,
    helpers: true,
    inverseSqrt: true,
    integerExtremes: true,
    fusedMultiply: true,
  },
};

/** `kernel` as the printer of `target` can write it. */
export function legalize(kernel: Kernel, target: KernelTarget): Kernel {
  return share(expand(kernel, target));
}

/** The same before repetitions are shared, for a target that has passes of its own in between. */
export function expand(kernel: Kernel, target: KernelTarget): Kernel {
  const options = targets[target];
  const byWarps = kernel.tiles === "warp";
  invariant(!byWarps || target === "cuda", `legalize: ${target} has no warps with tiles`);
  const passes: readonly ((kernel: Kernel) => Kernel)[] = [
    // First, so that layouts see what is constant.
    unrollSingle,
    (each) => (byWarps ? each : lowerTiles(each, options)),
    // Unrolled elements stand under conditions one by one.
    mergeBranches,
    // After tiles: the names it declares stand before a single statement.
    (each) => expandFunctions(each, options),
  ];
  return passes.reduce((result, pass) => pass(result), kernel);
}
