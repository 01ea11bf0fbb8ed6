/** The CUDA compiler, where there is one: compiles text for several architectures, runs nothing. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Missing } from "./require.ts";

const run = promisify(execFile);

/** What extensions of PyTorch are compiled with: 16-bit floats have no operators or conversions. */
const strict = [
  "HALF_OPERATORS",
  "HALF_CONVERSIONS",
  "HALF2_OPERATORS",
  "BFLOAT16_CONVERSIONS",
].map((each) => `-D__CUDA_NO_${each}__`);

/** Compiles a file of kernels for one architecture; the result is what the compiler complains of. */
export type CudaCompiler = (text: string, architecture: string) => Promise<string>;

/** The compiler, or why there is none. */
export async function cudaCompiler(): Promise<CudaCompiler | Missing> {
  try {
    await run("nvcc", ["--version"]);
  } catch {
    return new Missing("no nvcc on the path");
  }
  return async (text, architecture) => {
    const folder = await mkdtemp(join(tmpdir(), "braid-cuda-"));
    try {
      await writeFile(join(folder, "kernels.cu"), text);
      const options = ["-cubin", `-arch=${architecture}`, "-o", "kernels.cubin", "kernels.cu"];
      const { stderr } = await run("nvcc", [...strict, ...options], { cwd: folder });
      return stderr;
    } catch (thrown) {
      return thrown instanceof Error && "stderr" in thrown ? String(thrown.stderr) : String(thrown);
    } finally {
      await rm(folder, { recursive: true });
    }
  };
}
