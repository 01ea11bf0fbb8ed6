/** Every kernel of every example is accepted by a WGSL front end and by the CUDA compiler. */

import { expect, test } from "vitest";
import { resolveImport, readSource } from "../../compiler/cli/sources.ts";
import { printCuda, printWgsl } from "../../compiler/codegen/index.ts";
import { checkModel, compileFor } from "../../compiler/compile.ts";
import { targets } from "../../compiler/kernel/target.ts";
import type { Kernel } from "../../compiler/kernel/kernel.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { cudaCompiler } from "../support/nvcc.ts";
import { testWith } from "../support/require.ts";
import { moduleErrors, validatingDevice } from "../support/web-gpu.ts";

const examples = [
  ["examples/ee-mllm/ee-mllm.braid", "EeMllm"],
  ["examples/ee-mllm/llava.braid", "Llava"],
  ["examples/ee-mllm/ee-mllm-7b.braid", "EeMllm7b"],
] as const;

const [validating, compiler] = [await validatingDevice(), await cudaCompiler()];

for (const [file, model] of examples) {
  const kernels = kernelsOf(file, model);
  test(`${model}: kernels are well formed`, () => {
    for (const kernel of kernels) verifyKernel(kernel);
  });
  testWith("webgpu", validating, `${model}: WGSL is valid`, async (device) => {
    for (const kernel of kernels) {
      expect(await moduleErrors(device, printWgsl(kernel)), kernel.name).toEqual([]);
    }
  });
}

const all = examples.flatMap(([file, model]) =>
  kernelsOf(file, model).map((kernel) => ({ ...kernel, name: `${model}_${kernel.name}` })),
);

for (const architecture of ["sm_80", "sm_90", "sm_100"]) {
  testWith("cuda-compile", compiler, `nvcc compiles them for ${architecture}`, async (compile) => {
    expect(await compile(all.map(printCuda).join("\n"), architecture)).toBe("");
  });
}

function kernelsOf(file: string, model: string): readonly Kernel[] {
  const { value } = checkModel(readSource(file), { resolve: resolveImport, model });
  expect(value, file).toBeDefined();
  return value === undefined ? [] : compileFor(value, targets.gpu).kernels;
}
