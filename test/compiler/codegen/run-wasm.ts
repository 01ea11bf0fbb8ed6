/** Runs kernels as WebAssembly in this process, with a launch like `evaluateKernel`'s. */

import { encodeWasm } from "../../../compiler/codegen/index.ts";
import type { Launch } from "../../../compiler/kernel/evaluate.ts";
import type { Kernel } from "../../../compiler/kernel/kernel.ts";
import type { MultiplyAdd } from "../../../runtime/contract.ts";

/** Compiles `kernel` and runs all groups; the buffers of `launch` are changed in place. */
export function runWasm(
  kernel: Kernel,
  launch: Launch,
  multiplyAdd: MultiplyAdd = "separate",
): void {
  const module = new WebAssembly.Module(encodeWasm([kernel], multiplyAdd));
  const [section] = WebAssembly.Module.customSections(module, "scratch");
  const scratchPages = section === undefined ? 0 : pages(Number(new TextDecoder().decode(section)));
  const memory = new WebAssembly.Memory({
    initial: pagesFor(launch) + scratchPages,
    maximum: 65536,
    shared: true,
  });
  const scratch = pagesFor(launch) * 65536;
  const { exports } = new WebAssembly.Instance(module, { env: { memory, scratch } });
  const run = exports[kernel.name];
  if (typeof run !== "function") throw new TypeError(`no export ${kernel.name}`);
  let end = 16;
  const pointers = kernel.buffers.map(({ name }) => {
    const values = launch.buffers[name];
    if (values === undefined) throw new RangeError(`no buffer ${name}`);
    const at = end;
    end += values.byteLength;
    new Uint8Array(memory.buffer).set(
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      at,
    );
    return at;
  });
  run(0, launch.groups, ...pointers, ...kernel.scalars.map((name) => launch.scalars?.[name] ?? 0));
  for (const [index, { name }] of kernel.buffers.entries()) {
    const values = launch.buffers[name];
    const at = pointers[index] ?? 0;
    if (values instanceof Float32Array)
      values.set(new Float32Array(memory.buffer, at, values.length));
    else values?.set(new Int32Array(memory.buffer, at, values.length));
  }
}

function pagesFor(launch: Launch): number {
  const bytes = Object.values(launch.buffers).reduce((sum, each) => sum + each.byteLength, 16);
  return pages(bytes);
}

function pages(bytes: number): number {
  return Math.ceil(bytes / 65536);
}
