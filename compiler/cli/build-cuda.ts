/**
 * `braid build --target cuda`: the kernels as CUDA C++, the model's program that launches them, a cubin
 * for each architecture, and the report on them. Cubins and most of the report need nvcc; without it
 * that is said, and the program compiles the kernels where it runs.
 */

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { evaluateSize } from "../../runtime/size.ts";
import { findNvcc } from "../../runtime/node/cuda-compiler.ts";
import { kernelFile, printCuda } from "../codegen/index.ts";
import { type CheckedModel, type Compiled, prepare } from "../compile.ts";
import { architectures as limits, cudaTarget, isArchitecture } from "../kernel/architectures.ts";
import { emitModel } from "../plan/emit/emit.ts";
import {
  cudaReportText,
  parseInstructions,
  parseResources,
  type ReportedKernel,
} from "../report/cuda-report.ts";
import { kernelWork } from "../report/kernel-work.ts";
import { lengthsOf } from "./lengths.ts";
import { compileTuned, expectTarget, type SchedulesOption, schedulesOf } from "./schedules.ts";
import { progress, say } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

const run = promisify(execFile);

/** What `--target cuda` takes. */
export interface CudaBuildOptions extends SchedulesOption {
  readonly architecture?: readonly string[];
  readonly report?: boolean;
  readonly length?: string;
  /** What products are computed in. */
  readonly math: Parameters<typeof cudaTarget>[1];
}

/** The architectures of the devices that the report has rooflines for. */
const usualArchitectures = ["sm_80", "sm_89", "sm_90"];

/** What nvcc makes of all kernels for one architecture. */
interface Assembled {
  readonly cubin: Uint8Array;
  /** What `-Xptxas -v` says. */
  readonly resources: string;
}

/** All files of the build, by name; prints the report if it is asked for. */
export async function buildCuda(
  model: CheckedModel,
  options: CudaBuildOptions,
): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const architectures = options.architecture ?? usualArchitectures;
  const known = architectures.filter(isArchitecture);
  const unknown = architectures.find((each) => !isArchitecture(each));
  if (unknown !== undefined) {
    const hint = `choose of ${Object.keys(limits).join(", ")}`;
    throw new UsageError(`there is no architecture ${unknown} to build for`, hint);
  }
  // One text for all of them: within the shared memory that each has.
  const least = known.reduce((a, b) =>
    limits[b].sharedPerBlock < limits[a].sharedPerBlock ? b : a,
  );
  const target = cudaTarget(least, options.math);
  const named = schedulesOf(options);
  expectTarget(named, [target]);
  const compiled = compileTuned(model, target, prepare(model), named);
  const texts = new Map(compiled.kernels.map((kernel) => [kernel.name, printCuda(kernel)]));
  const nvcc = await findNvcc();
  const assembled = new Map<string, Assembled>();
  let ptx = "";
  if (nvcc === undefined) {
    const what = options.report === true ? "no cubins, registers or instructions" : "no cubins";
    say(`there is no nvcc here: ${what}; install the CUDA toolkit for them`);
  } else {
    const all = [...texts.values()].join("\n");
    await withSource(all, async (folder) => {
      for (const [done, architecture] of architectures.entries()) {
        progress("compiling", done, architectures.length + 1);
        assembled.set(architecture, await assemble(nvcc, folder, architecture));
      }
      progress("compiling", architectures.length, architectures.length + 1);
      ptx = await nvccOutput(nvcc, folder, ["-ptx", `-arch=${architectures[0]}`, "-o", "-"]);
      progress("compiling", 1, 1);
    });
  }
  if (options.report === true) {
    process.stdout.write(report(model, compiled, architectures, assembled, ptx, options.length));
  }
  return new Map<string, string | Uint8Array>([
    ...emitModel({ gpu: compiled.plan, cubins: [...assembled.keys()] }),
    ...[...texts].map(([name, text]) => [kernelFile(name, "cu"), text] as const),
    ...[...assembled].map(([name, { cubin }]) => [`kernels/${name}.cubin`, cubin] as const),
  ]);
}

function report(
  model: CheckedModel,
  { plan, kernels }: Compiled,
  architectures: readonly string[],
  assembled: ReadonlyMap<string, Assembled>,
  ptx: string,
  length: string | undefined,
): string {
  const lengths = lengthsOf(model.graph, length);
  const work = kernelWork(plan, (size) => evaluateSize(size, lengths.values));
  const instructions = parseInstructions(ptx);
  const resources = new Map(
    [...assembled].map(([name, each]) => [name, parseResources(each.resources)]),
  );
  const rows = kernels.map(({ name, workgroupSize }): ReportedKernel => {
    const planned = plan.kernels.find((each) => each.name === name);
    return {
      name,
      threads: workgroupSize,
      dynamicBytes: planned?.sharedBytes ?? 0,
      instructions: instructions.get(name),
      resources: new Map(
        [...resources].flatMap(([architecture, of]) => {
          const found = of.get(name);
          return found === undefined ? [] : [[architecture, found]];
        }),
      ),
      work: work.get(name),
    };
  });
  return cudaReportText(rows, assembled.size === 0 ? [] : architectures, lengths.title);
}

async function withSource(text: string, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "braid-build-"));
  try {
    await writeFile(join(folder, "kernels.cu"), text);
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function assemble(nvcc: string, folder: string, architecture: string): Promise<Assembled> {
  const file = `${architecture}.cubin`;
  const options = ["-cubin", `-arch=${architecture}`, "-Xptxas", "-v", "--split-compile=0"];
  const resources = await nvccOutput(nvcc, folder, [...options, "-o", file]);
  return { cubin: new Uint8Array(await readFile(join(folder, file))), resources };
}

/** What nvcc writes to its outputs. Throws `UsageError` where it refuses. */
async function nvccOutput(
  nvcc: string,
  folder: string,
  options: readonly string[],
): Promise<string> {
  try {
    const all = ["-std=c++17", ...options, "kernels.cu"];
    const { stdout, stderr } = await run(nvcc, all, { cwd: folder, maxBuffer: 2 ** 28 });
    return `${stdout}${stderr}`;
  } catch (error) {
    const reason = error instanceof Error && "stderr" in error ? String(error.stderr) : error;
    const hint = "report this with the spec";
    throw new UsageError(`nvcc refuses the kernels: ${String(reason).trim()}`, hint);
  }
}
