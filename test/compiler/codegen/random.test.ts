/** Random kernels: what they mean, what they become for each target, and what that computes. */

import { expect, test } from "vitest";
import { printCuda, printWgsl } from "../../../compiler/codegen/index.ts";
import { evaluateKernel, type Launch } from "../../../compiler/kernel/evaluate.ts";
import { printKernel } from "../../../compiler/kernel/print.ts";
import { legalize } from "../../../compiler/kernel/passes/legalize.ts";
import { verifyKernel } from "../../../compiler/kernel/verify.ts";
import { cudaCompiler } from "../../support/nvcc.ts";
import { seeds } from "../../support/random.ts";
import { testWith } from "../../support/require.ts";
import { runningDevice, runWgsl } from "../../support/web-gpu.ts";
import { randomKernel } from "../kernel/random-kernel.ts";
import { runWasm } from "./run-wasm.ts";

const device = await runningDevice();
const compiler = await cudaCompiler();

/** The output of `run` on fresh memory; the sign of 0 is nobody's business. */
async function outputOf(
  { groups, buffers, scalars }: Launch,
  run: (launch: Launch) => Promise<void> | void,
): Promise<readonly number[]> {
  const out = new Float32Array(buffers["out"]?.length ?? 0);
  await run({
    groups,
    buffers: { ...buffers, out },
    ...(scalars === undefined ? {} : { scalars }),
  });
  return [...out].map((each) => each + 0);
}

for (const seed of seeds(150)) {
  test(`random kernel ${seed} computes the same legalized and as WebAssembly`, async () => {
    const { kernel, launch } = randomKernel(seed);
    verifyKernel(kernel);
    const wanted = await outputOf(launch, (each) => evaluateKernel(kernel, each));
    for (const target of ["wasm", "wgsl", "cuda"] as const) {
      const legal = legalize(kernel, target);
      verifyKernel(legal);
      const actual = await outputOf(launch, (each) => evaluateKernel(legal, each));
      expect(actual, `${target}\n${printKernel(kernel)}\n${printKernel(legal)}`).toEqual(wanted);
    }
    expect(await outputOf(launch, (each) => runWasm(kernel, each)), printKernel(kernel)).toEqual(
      wanted,
    );
  });
}

for (const seed of seeds(40)) {
  testWith(
    "webgpu-device",
    device,
    `random kernel ${seed} computes the same as WGSL`,
    async (gpu) => {
      const { kernel, launch } = randomKernel(seed);
      const wanted = await outputOf(launch, (each) => evaluateKernel(kernel, each));
      const code = printWgsl(kernel);
      const actual = await outputOf(launch, (each) => runWgsl(gpu, kernel, code, each));
      expect(actual, code).toEqual(wanted);
    },
  );
}

testWith("cuda-compile", compiler, "nvcc compiles random kernels", async ({ compile }) => {
  const text = seeds(20)
    .map((seed) => printCuda(randomKernel(seed).kernel))
    .join("\n");
  expect(await compile(text, "sm_80")).toBe("");
});
