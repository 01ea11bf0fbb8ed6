/**
 * More groups than a dimension of a grid has on WebGPU (65,535): the grid is folded, and what lies
 * beyond the last group does nothing. The groups have a barrier, which all their invocations must meet.
 */

import { expect, test } from "vitest";
import * as build from "../../compiler/kernel/build.ts";
import type { Kernel } from "../../compiler/kernel/kernel.ts";
import { barrier, store, storeArray } from "../../compiler/kernel/statements.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { wholeOf } from "../../runtime/backend.ts";
import { testedBackends } from "../support/backends.ts";
import { Draft } from "../support/draft.ts";
import { planGraph } from "../support/run-graph.ts";

/** A prime: no rows of a folded grid are all full. */
const groups = 70_001;

/** Each invocation of a group stores what its neighbour knows: its index in the grid, plus a scalar. */
function neighbours(size: number): Kernel {
  const own = build.add(build.multiply(build.group, size), build.invocation);
  const next = build.remainder(build.add(build.invocation, 1), size);
  const added = build.add(
    build.loadArray("shared", next, build.i32),
    build.variable("offset", build.i32),
  );
  return {
    name: "neighbours",
    comment: [],
    buffers: [{ name: "out", element: "i32", access: "write" }],
    scalars: ["offset"],
    arrays: [{ name: "shared", element: "i32", length: size }],
    workgroupSize: size,
    body: [storeArray("shared", build.invocation, own), barrier, store("out", own, added)],
  };
}

for (const backend of await testedBackends()) {
  if (!backend.takes(0)) continue;
  test.skipIf(backend.missing !== undefined)(`${backend.name}: a folded grid`, async () => {
    const size = backend.target.family === "cpu" ? 1 : 4;
    const kernel = neighbours(size);
    verifyKernel(kernel);
    const device = await backend.open([kernel]);
    const plan = { ...planGraph(new Draft().finish(), targets.gpu).plan, kernels: [kernel] };
    const code = backend.code([kernel]);
    await device.load({ plan, ...code }, new Set([kernel.name]));
    const bytes = groups * size * 4;
    const buffer = await device.allocate(bytes + 16, "out");
    await device.upload(buffer, bytes, Int32Array.of(-7, -7, -7, -7));
    const [label, name] = ["out", kernel.name];
    await device.run([
      { kind: "dispatch", label, kernel: name, groups, buffers: [wholeOf(buffer)], scalars: [5] },
    ]);
    const found = new Int32Array(await device.download(buffer, 0, bytes + 16));
    device.close();
    const wanted = (at: number): number => at - (at % size) + ((at + 1) % size) + 5;
    const wrong = found.findIndex((each, at) => each !== (at < groups * size ? wanted(at) : -7));
    expect([wrong, found[wrong]], "the first wrong element").toEqual([-1, undefined]);
  });
}
