/** The CUDA compiler, where there is one: compiles text for several architectures, runs nothing. */

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  type KernelInstructions,
  type KernelResources,
  parseInstructions,
  parseResources,
} from "../../compiler/report/cuda-report.ts";
import { Missing } from "./require.ts";

const run = promisify(execFile);

/** Compiles files of kernels. */
export interface CudaCompiler {
  /** For one architecture; the result is what the compiler complains of. */
  readonly compile: (text: string, architecture: string) => Promise<string>;
  /** For several. Throws what the compiler complains of. */
  readonly inspect: (text: string, architectures: readonly string[]) => Promise<Inspected>;
}

/** What became of a file of kernels. */
export interface Inspected {
  /** For compute capability 8.0. */
  readonly ptx: string;
  /** By kernel. */
  readonly instructions: ReadonlyMap<string, KernelInstructions>;
  /** By architecture and kernel. */
  readonly resources: ReadonlyMap<string, ReadonlyMap<string, KernelResources>>;
}

/** What extensions of PyTorch are compiled with: 16-bit floats have no operators or conversions. */
const strict = [
  "HALF_OPERATORS",
  "HALF_CONVERSIONS",
  "HALF2_OPERATORS",
  "BFLOAT16_CONVERSIONS",
].map((each) => `-D__CUDA_NO_${each}__`);

/** The compiler, or why there is none. */
export async function cudaCompiler(): Promise<CudaCompiler | Missing> {
  try {
    await run("nvcc", ["--version"]);
  } catch {
    return new Missing("no nvcc on the path");
  }
  return { compile, inspect };
}

async function compile(text: string, architecture: string): Promise<string> {
  return withFile(text, async (nvcc) => {
    try {
      return await nvcc("-cubin", `-arch=${architecture}`, "-o", "kernels.cubin", "kernels.cu");
    } catch (thrown) {
      return thrown instanceof Error && "stderr" in thrown ? String(thrown.stderr) : String(thrown);
    }
  });
}

async function inspect(text: string, architectures: readonly string[]): Promise<Inspected> {
  return withFile(text, async (nvcc, folder) => {
    await nvcc("-ptx", "-arch=compute_80", "-o", "kernels.ptx", "kernels.cu");
    const ptx = await readFile(join(folder, "kernels.ptx"), "utf8");
    const resources = new Map<string, ReadonlyMap<string, KernelResources>>();
    for (const architecture of architectures) {
      const options = ["-cubin", `-arch=${architecture}`, "-Xptxas", "-v", "-o", "kernels.cubin"];
      resources.set(architecture, parseResources(await nvcc(...options, "kernels.ptx")));
    }
    return { ptx, instructions: parseInstructions(ptx), resources };
  });
}

/** Calls the compiler in a folder that has the text; it gives what it says. */
async function withFile<T>(
  text: string,
  use: (nvcc: (...options: string[]) => Promise<string>, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "braid-cuda-"));
  try {
    await writeFile(join(folder, "kernels.cu"), text);
    const nvcc = async (...options: string[]): Promise<string> =>
      (await run("nvcc", [...strict, ...options], { cwd: folder, maxBuffer: 2 ** 28 })).stderr;
    return await use(nvcc, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
