/**
 * What the sample kernels become in each target, as files to read: `test/golden/kernels/<kernel>/`.
 * A change there is reviewed like code (`vitest run -u` writes them anew).
 */

import { expect, test } from "vitest";
import { printCuda, printWasmText, printWgsl } from "../../../compiler/codegen/index.ts";
import { printKernel } from "../../../compiler/kernel/print.ts";
import { sampleKernels } from "../kernel/samples.ts";

for (const kernel of Object.values(sampleKernels)) {
  const folder = `../../golden/kernels/${kernel.name}`;
  const texts: Readonly<Record<string, string>> = {
    "kernel.txt": printKernel(kernel),
    "kernel.wgsl": printWgsl(kernel),
    "kernel.cu": printCuda(kernel),
    ...(kernel.workgroupSize === 1 ? { "kernel.wasm.txt": printWasmText(kernel) } : {}),
  };
  for (const [file, text] of Object.entries(texts)) {
    test(`${kernel.name}/${file} is as reviewed`, async () => {
      await expect(text).toMatchFileSnapshot(`${folder}/${file}`);
    });
  }
}
