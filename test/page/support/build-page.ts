/** The page built from the sources of this repository, compiler and runtime included. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { encodeWasm } from "../../../compiler/codegen/index.ts";
import { checkModel, compileFor, kernelFiles } from "../../../compiler/compile.ts";
import { targets } from "../../../compiler/kernel/target.ts";
import { emitModel } from "../../../compiler/plan/emit/emit.ts";
import type { CompiledModel } from "../../../runtime/contract.ts";
import { platformMultiplyAdd } from "../../../runtime/cpu/multiply-add.ts";

/** The page in a folder, and the same model for use in this process. */
export interface BuiltPage {
  readonly folder: string;
  /** The model for the CPU. */
  readonly model: CompiledModel;
  remove(): void;
}

/** Builds the example's model and page as `npm run page` does. */
export function buildPage(): BuiltPage {
  const file = "examples/ee-mllm/ee-mllm.braid";
  const { value } = checkModel({ file, text: readFileSync(file, "utf8") });
  if (value === undefined) throw new Error(`${file} has mistakes`);
  const gpu = compileFor(value, targets.gpu);
  const cpu = compileFor(value, targets.cpu);
  const files = [
    ...emitModel({ gpu: gpu.plan, cpu: cpu.plan }),
    ...kernelFiles(gpu),
    ...kernelFiles(cpu),
  ];
  const work = mkdtempSync(join(tmpdir(), "braid-page-built-"));
  const model = join(work, "model");
  for (const [name, content] of files) {
    mkdirSync(dirname(join(model, name)), { recursive: true });
    writeFileSync(join(model, name), content);
  }
  const folder = join(work, "page");
  const script = "runtime/page/build.mjs";
  const args = [file, "--model", model, "--runtime", "runtime/index.ts", "--out", folder];
  const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the page was not built:\n${stderr}`);
  return {
    folder,
    model: { plan: cpu.plan, wasm: encodeWasm(cpu.kernels, platformMultiplyAdd()) },
    remove: () => rmSync(work, { recursive: true, force: true }),
  };
}
