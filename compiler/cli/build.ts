/** `braid build`: kernels and the model's program as files. */

import { type Command, Option } from "commander";
import { wasmFiles } from "../codegen/index.ts";
import { type Target, targets } from "../kernel/target.ts";
import { type CheckedModel, checkModel, prepare } from "../compile.ts";
import { type BuildThread, startBuildThread } from "./build-thread.ts";
import { buildCuda, type CudaBuildOptions } from "./build-cuda.ts";
import { buildTorch } from "./build-torch.ts";
import { exitCode } from "./exit-code.ts";
import {
  compileOptions,
  loadModel,
  type ModelOptions,
  report,
  withModelOptions,
  withPages,
} from "./model-options.ts";
import { OutputFolder } from "./output-folder.ts";
import { type NamedTexts, TextQueue } from "./print-texts.ts";
import { type PrecisionOption, stored, withPrecision } from "./precision.ts";
import { readSource } from "./sources.ts";
import { mathOption } from "./target.ts";
import {
  compileTuned,
  expectTarget,
  type SchedulesOption,
  schedulesOf,
  withSchedules,
} from "./schedules.ts";
import { UsageError } from "./usage-error.ts";
import { duration, say } from "./terminal.ts";

interface BuildOptions extends ModelOptions, CudaBuildOptions, PrecisionOption, SchedulesOption {
  readonly out: string;
  readonly target: "all" | "gpu" | "cuda" | "torch";
  readonly force?: boolean;
}

/** Adds the verb. */
export function addBuild(program: Command): void {
  withSchedules(withPrecision(withPages(withModelOptions(program.command("build")))))
    .description("write a model's kernels and its TypeScript program")
    .argument("<file>", "the .braid file")
    .requiredOption("--out <folder>", "where to write; made if it is not there")
    .addOption(
      new Option(
        "--target <name>",
        "`gpu` leaves the CPU out, `cuda` is for NVIDIA alone, `torch` an extension for PyTorch",
      )
        .choices(["all", "gpu", "cuda", "torch"])
        .default("all"),
    )
    .option(
      "--architecture <name>",
      "with `--target cuda`: compile for it, e.g. `sm_90` (repeatable)",
      (name: string, before: readonly string[] = []) => [...before, name],
    )
    .addOption(mathOption("with `--target cuda` and `torch`").default("f32"))
    .option("--report", "with `--target cuda`: print what each kernel takes and costs")
    .option("--length <name=count,…>", "with `--report`: how many images and tokens to count for")
    .option("--force", "overwrite files that an earlier build did not write")
    .addHelpText(
      "after",
      `
Writes model.ts (with model.js and model.d.ts), kernels/*.wgsl and *.cu for GPUs, and for the CPU
kernels.wasm and kernels.fused.wasm, for engines with fused multiply-add. Equal specs give equal files, byte for byte. With \`--target cuda\`: model.ts for CUDA alone,
kernels/*.cu, and where nvcc is a cubin for each architecture; without, kernels are compiled where the
model is loaded. With \`--target torch\`: a folder for \`pip install -e\` with a function for each block and
each attention, and their test.

Examples:
  braid build examples/ee-mllm/ee-mllm.braid --out build
  braid build examples/ee-mllm/ee-mllm.braid --out build --target cuda --report --architecture sm_90`,
    )
    .action(build);
}

async function build(file: string, options: BuildOptions): Promise<void> {
  const write = writer(new OutputFolder(options.out, options.force === true), options);
  if (
    (options.target === "cuda" || options.target === "torch") &&
    options.precision !== undefined
  ) {
    const hint = `use \`--math ${options.precision}\`, which stores factors so, too`;
    throw new UsageError("--precision is for WebGPU here", hint);
  }
  expectFitting(options);
  if (options.target === "cuda") {
    const model = loadModel(file, options);
    if (model === undefined) return;
    write(model.graph.name, await buildCuda(model, options));
    return;
  }
  if (options.target === "torch") {
    if (options.schedules !== undefined)
      throw new UsageError("--schedules is not for PyTorch", "leave it out");
    const model = loadModel(file, options);
    if (model === undefined) return;
    write(model.graph.name, buildTorch(model, options.math));
    return;
  }
  const queue = new TextQueue();
  const thread = startBuildThread(queue.taken);
  const json = options.json === true;
  try {
    const { value: model, diagnostics } = checkModel(readSource(file), compileOptions(options));
    if (model === undefined || !json) report(diagnostics, json);
    if (model === undefined) {
      process.exitCode = exitCode.mistakes;
      return;
    }
    const gpu = stored(targets.gpu, options);
    const files = await compiled(model, gpu, options, { queue, thread });
    if (options.target === "all" && gpu.storage !== undefined)
      say(`the kernels for WebGPU store ${gpu.storage}, those for the CPU f32`);
    write(model.graph.name, files);
  } finally {
    // A thread that waits for work keeps the process alive.
    thread.stop();
  }
}

/** Throws where an option would be ignored. */
function expectFitting({ target, report: asked, architecture, length, math }: BuildOptions): void {
  if (target === "cuda") return;
  if ([asked, architecture, length].some((each) => each !== undefined))
    throw new UsageError(
      "--report, --architecture and --length are for CUDA",
      "add `--target cuda`",
    );
  if (target !== "torch" && math !== "f32")
    throw new UsageError(`--math ${math} is for CUDA`, "add `--target cuda`, or leave it out");
}

/** All files of a model, by name. */
async function compiled(
  model: CheckedModel,
  target: Target,
  options: BuildOptions,
  { queue, thread }: { readonly queue: TextQueue; readonly thread: BuildThread },
): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const forCpu = options.target === "all";
  const named = schedulesOf(options);
  expectTarget(named, forCpu ? [target, targets.cpu] : [target]);
  const prepared = prepare(model);
  const gpu = compileTuned(model, target, prepared, named, (kernel) => {
    queue.add(kernel);
    thread.add(kernel);
  });
  const printing = thread.texts();
  const cpu = forCpu ? compileTuned(model, targets.cpu, prepared, named) : undefined;
  const plans = { gpu: gpu.plan, ...(cpu === undefined ? {} : { cpu: cpu.plan }) };
  const emitting = thread.emitModel(plans);
  const wasm = cpu === undefined ? [] : wasmFiles(cpu.kernels);
  const own: NamedTexts[] = [];
  for (let texts = queue.printNext(); texts !== undefined; texts = queue.printNext()) {
    own.push(texts);
  }
  const [others, modelFiles] = await Promise.all([printing, emitting]);
  return new Map<string, string | Uint8Array>([...modelFiles, ...own.flat(), ...others, ...wasm]);
}

/** Writes the files of a model, and says what was written, and how long the build took until then. */
function writer(
  folder: OutputFolder,
  options: BuildOptions,
): (model: string, files: ReadonlyMap<string, string | Uint8Array>) => void {
  const started = performance.now();
  return (model, files) => {
    const written = folder.write(model, files);
    const bytes = written.reduce((sum, each) => sum + each.bytes, 0);
    if (options.json === true) {
      const summary = { model, out: options.out, files: written };
      process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
    }
    const took = duration(performance.now() - started);
    say(`${model}: ${written.length} files, ${kibibytes(bytes)}, in ${options.out} (${took})`);
  };
}

function kibibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`;
}
