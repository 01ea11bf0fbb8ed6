/** Faults planted in kernels: the host shim reports each, or the result is plainly wrong. */

import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { floatToHalf } from "../../../runtime/weights/half.ts";
import { hostCompilerMissing } from "../../support/cuda-host/compile.ts";
import { cudaCompiler } from "../../support/nvcc.ts";
import { testWith } from "../../support/require.ts";
import { reductionTolerance, worstOf } from "../../support/tolerance.ts";
import { type CudaCall, runCuda } from "./run.ts";

const host = (await hostCompilerMissing()) ?? runCuda;
const product = readFileSync(new URL("./product.cu", import.meta.url), "utf8");
const [rows, columns, depth] = [64, 32, 64];

/** Sixteenths, which halves hold exactly. */
const left = Float64Array.from({ length: rows * depth }, (_, i) => (((i * 7) % 31) - 15) / 16);
const right = Float64Array.from({ length: columns * depth }, (_, i) => (((i * 5) % 29) - 14) / 16);

const call: CudaCall = {
  kernel: "product",
  groups: (rows / 32) * (columns / 16),
  threads: 64,
  buffers: {
    a: Uint16Array.from(left, floatToHalf),
    w: Uint16Array.from(right, floatToHalf),
    y: rows * columns,
  },
  scalars: [columns, depth],
};

/** The number that is furthest from the product, as text; undefined if all are right. */
function worst(found: Float32Array): string | undefined {
  const wanted = new Float64Array(rows * columns);
  const sizes = new Float64Array(rows * columns);
  for (const i of wanted.keys()) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    for (let k = 0; k < depth; k++) {
      const term = (left[row * depth + k] ?? 0) * (right[column * depth + k] ?? 0);
      wanted[i] = (wanted[i] ?? 0) + term;
      sizes[i] = (sizes[i] ?? 0) + Math.abs(term);
    }
  }
  const allowed = sizes.map((size) => size * reductionTolerance(depth));
  return worstOf(found, wanted, allowed);
}

/** The kernel with `from`, which is there `times` times, replaced by `to`. */
function planted(from: string, to: string, times = 1): string {
  expect(product.split(from).length - 1, from).toBe(times);
  return product.replaceAll(from, to);
}

const output = async (run: typeof runCuda, text: string): Promise<Float32Array> =>
  (await run(text, call)).written["y"] ?? new Float32Array();

testWith("cuda-host", host, "cuda-host: a sound kernel computes its product", async (run) => {
  const { counts, written } = await run(product, call);
  expect(worst(written["y"] ?? new Float32Array())).toBeUndefined();
  // Four blocks of two warps and four steps, two products a step.
  expect(counts.products).toBe(4 * 2 * 4 * 2);
  expect(counts.bankConflicts).toBe(0);
});

testWith("cuda-compile", await cudaCompiler(), "nvcc takes the same text", async ({ compile }) => {
  expect(await compile(product, "sm_80")).toBe("");
});

const reported = [
  [
    "a removed barrier after the copies arrive",
    () => planted("cp_async_wait<1>();\n    __syncthreads();", "cp_async_wait<1>();"),
    /^kernel product, block 0, thread 1: reads 16 bytes of shared `left` at byte 48 of 3072, which nobody has written$/,
  ],
  [
    "a removed barrier before the next copies",
    () => planted("    __syncthreads();\n  }\n", "  }\n"),
    /^kernel product, block 0, thread \d+: writes 16 bytes of shared `(left|right)` at byte \d+ of \d+, which thread \d+ read, no barrier between$/,
  ],
  [
    "an asynchronous copy that nobody waits for",
    () => planted("    cp_async_wait<1>();\n", ""),
    /thread \d+: reads 16 bytes of shared `left` .* an asynchronous copy not waited for$/,
  ],
  [
    "a wait that is one group short",
    () => planted("cp_async_wait<1>", "cp_async_wait<2>"),
    /an asynchronous copy not waited for$/,
  ],
  [
    "a shared row that is off by one",
    () =>
      planted("&right[(stage * 16 + lane % 16) * 24", "&right[(stage * 16 + lane % 16 + 1) * 24"),
    /thread \d+: reads 16 bytes of shared `right` at byte \d+ of 1536, an asynchronous copy not waited for$/,
  ],
  [
    "a shared array that is one too short",
    () => planted("right[2 * 16 * 24]", "right[2 * 16 * 24 - 9]"),
    /thread \d+: .* shared `right` at byte \d+ of 1518, out of range$/,
  ],
  [
    "a row that nobody copied",
    () => planted("if (row < 16)", "if (row < 15)"),
    /reads 16 bytes of shared `right` .* which nobody has written$/,
  ],
  [
    "a global index beyond the buffer",
    () => planted("&a[(row0 + row) * depth", "&a[(row0 + row + 1) * depth"),
    /^kernel product, block 2, thread 6\d: reads 16 bytes of global `a` at byte 8192 of 8192, out of range$/,
  ],
  [
    "a barrier that only one warp reaches",
    () => planted("  for (int half", "  if (warp == 0) __syncthreads();\n  for (int half"),
    /thread 0: waits at the barrier of line \d+, but thread 32 has ended: divergent barrier$/,
  ],
  [
    "a copy that is not aligned",
    () => planted("invocation % 2 * 8", "invocation % 2 * 4"),
    /thread 1: cp.async is not aligned to its 16 bytes$/,
  ],
] as const;

for (const [name, text, report] of reported) {
  testWith("cuda-host", host, `cuda-host: reports ${name}`, async (run) => {
    const found = await run(text(), call).then(
      () => "nothing",
      (error: Error) => error.message,
    );
    expect(found).toMatch(report);
  });
}

for (const [name, from, to] of [
  ["a wrong fragment of the right operand", "columns8[0], columns8[2]", "columns8[0], columns8[1]"],
  ["a wrong row of the sums", "lane / 4 + i / 2 * 8", "lane / 4 + i % 2 * 8"],
  [
    "a wrong half of the left operand",
    "lane % 16) * 24 + lane / 16 * 8]);\n    ldmatrix_x4(columns8",
    "lane % 16) * 24 + lane / 8 % 2 * 8]);\n    ldmatrix_x4(columns8",
  ],
] as const) {
  testWith("cuda-host", host, `cuda-host: ${name} gives a wrong result`, async (run) => {
    expect(worst(await output(run, planted(from, to)))).toMatch(/^\[\d+\] is /);
  });
}
