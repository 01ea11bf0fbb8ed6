/** `braid build`: kernels and the model's program as files. */

import { type Command, Option } from "commander";
import { encodeWasm, printWgsl } from "../codegen/index.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { targets } from "../kernel/target.ts";
import { type CheckedModel, checkModel, compileFor, prepare } from "../compile.ts";
import { type BuildThread, startBuildThread } from "./build-thread.ts";
import { exitCode } from "./exit-code.ts";
import { compileOptions, type ModelOptions, report, withModelOptions } from "./model-options.ts";
import { OutputFolder } from "./output-folder.ts";
import { expectShortRun } from "./short-run.ts";
import { readSource } from "./sources.ts";
import { duration, say } from "./terminal.ts";

interface BuildOptions extends ModelOptions {
  readonly out: string;
  readonly target: "all" | "gpu";
  readonly force?: boolean;
}

/** Adds the verb. */
export function addBuild(program: Command): void {
  withModelOptions(program.command("build"))
    .description("write a model's kernels and its TypeScript program")
    .argument("<file>", "the .braid file")
    .requiredOption("--out <folder>", "where to write; made if it is not there")
    .addOption(
      new Option("--target <name>", "leave the CPU out with `gpu`")
        .choices(["all", "gpu"])
        .default("all"),
    )
    .option("--force", "overwrite files that an earlier build did not write")
    .addHelpText(
      "after",
      `
Writes model.ts (with model.js and model.d.ts), kernels/*.wgsl and *.cu for GPUs, and kernels.wasm
for the CPU. Equal specs give equal files, byte for byte.

Example:
  braid build examples/ee-mllm/ee-mllm.braid --out build`,
    )
    .action(build);
}

async function build(file: string, options: BuildOptions): Promise<void> {
  const started = performance.now();
  expectShortRun();
  const thread = startBuildThread();
  const json = options.json === true;
  try {
    const { value: model, diagnostics } = checkModel(readSource(file), compileOptions(options));
    if (model === undefined || !json) report(diagnostics, json);
    if (model === undefined) {
      process.exitCode = exitCode.mistakes;
      return;
    }
    const files = await compiled(model, options.target === "all", thread);
    write(model.graph.name, files, options, started);
  } finally {
    // A thread that waits for work keeps the process alive.
    thread.stop();
  }
}

/** All files of a model, by name. */
async function compiled(
  model: CheckedModel,
  forCpu: boolean,
  thread: BuildThread,
): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const prepared = prepare(model);
  const gpu = compileFor(model, targets.gpu, prepared);
  // Both threads end at about the same time so: the other one has CUDA and the model to write, too.
  const half = Math.ceil(gpu.kernels.length / 2);
  const printing = thread.print({ cuda: gpu.kernels, wgsl: gpu.kernels.slice(half) });
  const cpu = forCpu ? compileFor(model, targets.cpu, prepared) : undefined;
  const plans = { gpu: gpu.plan, ...(cpu === undefined ? {} : { cpu: cpu.plan }) };
  const emitting = thread.emitModel(plans);
  const firstHalf = gpu.kernels.slice(0, half).map(printWgsl);
  const wasm = cpu === undefined ? undefined : encodeWasm(cpu.kernels);
  const [{ cuda, wgsl }, modelFiles] = await Promise.all([printing, emitting]);
  return new Map<string, string | Uint8Array>([
    ...modelFiles,
    ...kernelTexts(gpu.kernels, "wgsl", [...firstHalf, ...wgsl]),
    ...kernelTexts(gpu.kernels, "cu", cuda),
    ...(wasm === undefined ? [] : [["kernels.wasm", wasm] as const]),
  ]);
}

function write(
  model: string,
  files: ReadonlyMap<string, string | Uint8Array>,
  options: BuildOptions,
  started: number,
): void {
  const folder = new OutputFolder(options.out, options.force === true);
  const written = folder.write(model, files);
  const bytes = written.reduce((sum, each) => sum + each.bytes, 0);
  if (options.json === true) {
    const summary = { model, out: options.out, files: written };
    process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
  }
  const took = duration(performance.now() - started);
  say(`${model}: ${written.length} files, ${kibibytes(bytes)}, in ${options.out} (${took})`);
}

function kernelTexts(
  kernels: readonly Kernel[],
  ending: string,
  texts: readonly string[],
): readonly (readonly [string, string])[] {
  return kernels.map(({ name }, index) => [`kernels/${name}.${ending}`, texts[index] ?? ""]);
}

function kibibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`;
}
