/** Kernels of examples are accepted by a WGSL front end, and by the CUDA compiler as they are meant. */

import { expect, test } from "vitest";
import { resolveImport, readSource } from "../../compiler/cli/sources.ts";
import { printCuda, wgslFiles } from "../../compiler/codegen/index.ts";
import { checkModel, compileFor } from "../../compiler/compile.ts";
import { cudaTarget } from "../../compiler/kernel/architectures.ts";
import { targets } from "../../compiler/kernel/target.ts";
import type { Kernel } from "../../compiler/kernel/kernel.ts";
import { groupBytes } from "../../compiler/kernel/memory.ts";
import { throughMemory, throughSubgroups } from "../../compiler/kernel/passes/across.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { cudaCompiler } from "../support/nvcc.ts";
import { testWith } from "../support/require.ts";
import { moduleErrors, takesFile, validatingDevice } from "../support/web-gpu.ts";

const examples = [
  ["examples/ee-mllm/ee-mllm.braid", "EeMllm"],
  ["examples/ee-mllm/llava.braid", "Llava"],
  ["examples/ee-mllm/ee-mllm-7b.braid", "EeMllm7b"],
] as const;

const [validating, compiler] = [await validatingDevice(), await cudaCompiler()];

for (const [file, model] of examples) {
  const kernels = kernelsOf(file, model);
  test(`${model}: kernels are well formed`, () => {
    const { bindings, groupMemory } = targets.gpu;
    for (const kernel of kernels) {
      verifyKernel(kernel);
      expect(kernel.buffers.length, kernel.name).toBeLessThanOrEqual(bindings);
      for (const made of [throughMemory(kernel), throughSubgroups(kernel)]) {
        verifyKernel(made);
        expect(groupBytes(made.arrays), kernel.name).toBeLessThanOrEqual(groupMemory);
      }
    }
  });
  testWith("webgpu", validating, `${model}: WGSL is valid`, async (device) => {
    const texts = kernels.flatMap(wgslFiles);
    for (const [file, text] of texts.filter(([name]) => takesFile(device, name))) {
      expect(await moduleErrors(device, text), file).toEqual([]);
    }
    // Norms, products of few rows and attentions of few rows.
    expect(texts.length).toBeGreaterThan(kernels.length + 5);
  });
}

const architectures = ["sm_80", "sm_90", "sm_100"] as const;

/** Kernels of products and attentions by their names; what combines shares of keys multiplies nothing. */
const multiplies = /_(?:contract|attend)(?:_few_rows)?(?:_\d+)?$/;

// Each kernel for one of them in turn; all of all examples: `npm run sweep:cuda`.
testWith("cuda-compile", compiler, "EeMllm7b: tensor cores, and no spills", async ({ inspect }) => {
  const target = cudaTarget("sm_80", "f16");
  // Kernels that differ in their names only are compiled once.
  const different = new Map(
    kernelsOf("examples/ee-mllm/ee-mllm-7b.braid", "EeMllm7b", target).map((kernel) => [
      printCuda({ ...kernel, name: "x", comment: [] }),
      kernel,
    ]),
  );
  for (const [turn, architecture] of architectures.entries()) {
    const kernels = [...different.values()].filter((_, index) => index % 3 === turn);
    const text = kernels.map(printCuda).join("\n");
    const { instructions, resources } = await inspect(text, [architecture]);
    const multiplying = kernels.filter(({ name }) => multiplies.test(name));
    expect(multiplying.length).toBeGreaterThan(5);
    for (const { name } of multiplying) {
      expect(instructions.get(name)?.mma, name).toBeGreaterThan(0);
    }
    for (const { name } of kernels) {
      const spillBytes = resources.get(architecture)?.get(name)?.spillBytes;
      expect(spillBytes, `${name} on ${architecture}`).toBe(0);
    }
  }
});

function kernelsOf(file: string, model: string, target = targets.gpu): readonly Kernel[] {
  const { value } = checkModel(readSource(file), { resolve: resolveImport, model });
  expect(value, file).toBeDefined();
  return value === undefined ? [] : compileFor(value, target).kernels;
}
