/**
 * What the sample kernels become in each target, as files to read: `test/golden/kernels/<kernel>/`.
 * A change there is reviewed like code (`vitest run -u` writes them anew).
 */

import { expect, test } from "vitest";
import { printCuda, printWasmText, printWgsl } from "../../../compiler/codegen/index.ts";
import type { Kernel } from "../../../compiler/kernel/kernel.ts";
import { printKernel } from "../../../compiler/kernel/print.ts";
import { sampleKernels } from "../kernel/samples.ts";

/** The text for every engine, and that with fused multiply-add if it differs. */
function wasmTexts(kernel: Kernel): Readonly<Record<string, string>> {
  const plain = printWasmText(kernel, "separate");
  const fused = printWasmText(kernel, "fused");
  return {
    "kernel.wasm.txt": plain,
    ...(fused === plain ? {} : { "kernel.fused.wasm.txt": fused }),
  };
}

for (const kernel of Object.values(sampleKernels)) {
  const folder = `../../golden/kernels/${kernel.name}`;
  const texts: Readonly<Record<string, string>> = {
    "kernel.txt": printKernel(kernel),
    "kernel.wgsl": printWgsl(kernel),
    "kernel.cu": printCuda(kernel),
    ...(kernel.workgroupSize === 1 ? wasmTexts(kernel) : {}),
  };
  for (const [file, text] of Object.entries(texts)) {
    test(`${kernel.name}/${file} is as reviewed`, async () => {
      await expect(text).toMatchFileSnapshot(`${folder}/${file}`);
    });
  }
}
