/** Tiles of warps: what `evaluate` makes of them, and what `verify` refuses. */

import { expect, test } from "vitest";
import * as build from "../../../compiler/kernel/build.ts";
import { evaluateKernel } from "../../../compiler/kernel/evaluate.ts";
import type { Kernel, Statement } from "../../../compiler/kernel/kernel.ts";
import * as statements from "../../../compiler/kernel/statements.ts";
import { verifyKernel } from "../../../compiler/kernel/verify.ts";

/** `y = x · xᵀ` of 16 × 8 by one warp; `wait` stands between the copies and the product. */
function gram(wait: readonly Statement[]): Kernel {
  const piece = build.multiply(build.invocation, 4);
  const x = { array: "shared", index: build.int(0), stride: 8, lines: "inner" } as const;
  const columns = { ...x, index: build.int(0) };
  const at = build.add(build.multiply(build.variable("r"), 8), build.variable("c"));
  return {
    name: "gram",
    comment: [],
    buffers: [
      { name: "x", element: "f32", access: "read" },
      { name: "y", element: "f32", access: "write" },
    ],
    scalars: [],
    arrays: [{ name: "shared", element: "f32", length: 128, rowLength: 8 }],
    workgroupSize: 32,
    tiles: "warp",
    body: [
      statements.copyAsync("shared", piece, "x", piece, build.boolean(true)),
      statements.commitCopies,
      ...wait,
      statements.tile("sum", 16, 8, 0),
      statements.warpMultiply("sum", x, columns, 8, "f32"),
      statements.tileEach("sum", "r", "c", [statements.store("y", at, build.element("sum"))]),
    ],
  };
}

const launch = () => ({
  groups: 1,
  buffers: {
    x: Float32Array.from({ length: 128 }, (_, i) => (i % 7) - 3),
    y: new Float32Array(128),
  },
});

test("a warp multiplies what was copied", () => {
  const kernel = gram([statements.waitCopies(0), statements.barrier]);
  verifyKernel(kernel);
  const { groups, buffers } = launch();
  evaluateKernel(kernel, { groups, buffers });
  const row = (i: number): Float32Array => buffers.x.subarray(i * 8, i * 8 + 8);
  const wanted = Array.from({ length: 128 }, (_, i) =>
    row(Math.floor(i / 8)).reduce((sum, each, k) => sum + each * (row(i % 8)[k] ?? 0), 0),
  );
  expect([...buffers.y]).toEqual(wanted);
});

test("a copy that nobody waits for is not there", () => {
  expect(() => evaluateKernel(gram([statements.barrier]), launch())).toThrow(
    "before it is written",
  );
});

test("a tile statement stands where the whole warp goes", () => {
  const kernel = gram([statements.waitCopies(0), statements.barrier]);
  const half = build.less(build.invocation, 16);
  const divergent = { ...kernel, body: [statements.when(half, kernel.body.slice(-3))] };
  expect(() => verifyKernel(divergent)).toThrow("not the same for all invocations of a warp");
});
