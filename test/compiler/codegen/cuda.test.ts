/** CUDA C++ that nvcc accepts for the architectures we name. */

import { expect } from "vitest";
import { printCuda } from "../../../compiler/codegen/index.ts";
import { cudaCompiler } from "../../support/nvcc.ts";
import { testWith } from "../../support/require.ts";
import { functionKernels } from "../kernel/function-kernels.ts";
import { sampleKernels } from "../kernel/samples.ts";

const compiler = await cudaCompiler();

/** All kernels in one file. */
function together(): string {
  return [...Object.values(sampleKernels), ...functionKernels].map(printCuda).join("\n");
}

for (const architecture of ["sm_80", "sm_90", "sm_100"]) {
  testWith(
    "cuda-compile",
    compiler,
    `nvcc compiles all for ${architecture}`,
    async ({ compile }) => {
      expect(await compile(together(), architecture)).toBe("");
    },
  );
}
