/**
 * CUDA text → cubins, where the model comes without one for this device: by NVRTC, a library of the
 * toolkit, or by nvcc. What was compiled is kept in the user's cache folder by the hash of its text.
 */

import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { availableParallelism, homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { CudaCompiler } from "../cuda/backend.ts";
import { BraidError } from "../errors.ts";
import { refusal } from "./cuda-refusal.ts";
import { findNvrtc, type Nvrtc } from "./nvrtc.ts";

const run = promisify(execFile);

/** Compiles one text for an architecture. */
type CompileText = (text: string, architecture: string) => Promise<Uint8Array>;

/**
 * Compiles kernels, several at a time. Each by itself: most kernels of a changed model, or of another
 * arithmetic, are those that were compiled before.
 */
export const compileCuda: CudaCompiler = async (kernels, architecture, progress) => {
  const texts = [...kernels.values()];
  let compiler: Promise<CompileText> | undefined;
  const images: Uint8Array[] = [];
  let next = 0;
  let done = 0;
  progress(0, texts.length);
  const work = async (): Promise<void> => {
    while (next < texts.length) {
      const index = next++;
      const text = texts[index] ?? "";
      images[index] = await cached(text, architecture, async () => {
        compiler ??= findCompiler();
        return (await compiler)(text, architecture);
      });
      progress(++done, texts.length);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return images;
};

/** NVRTC if there is one, else nvcc. Throws `cuda/toolkit` where there is neither. */
async function findCompiler(): Promise<CompileText> {
  const nvrtc: Nvrtc | undefined = await findNvrtc();
  if (nvrtc !== undefined) return nvrtc.compile;
  const nvcc = await findNvcc();
  if (nvcc !== undefined) return (text, architecture) => compileWithNvcc(nvcc, text, architecture);
  const message = "CUDA kernels must be compiled, but there is neither NVRTC nor nvcc here";
  throw new BraidError("cuda/toolkit", message, {
    hint: "install the CUDA toolkit, or build cubins where it is: `braid build FILE --target cuda`",
  });
}

/** Whether there is NVRTC or nvcc. */
export async function canCompile(): Promise<boolean> {
  return (await findNvrtc()) !== undefined || (await findNvcc()) !== undefined;
}

/** The command, on the path or where toolkits are installed. */
export async function findNvcc(): Promise<string | undefined> {
  const home = process.env["CUDA_PATH"] ?? process.env["CUDA_HOME"] ?? "/usr/local/cuda";
  for (const command of ["nvcc", join(home, "bin", "nvcc")]) {
    try {
      await run(command, ["--version"]);
      return command;
    } catch {
      // Not this one.
    }
  }
  return undefined;
}

/** A cubin. Throws `cuda/compile` with what nvcc complains of. */
export async function compileWithNvcc(
  nvcc: string,
  text: string,
  architecture: string,
): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "braid-nvcc-"));
  try {
    await writeFile(join(folder, "kernels.cu"), text);
    const options = ["-cubin", "-std=c++17", `-arch=${architecture}`, "-o", "kernels.cubin"];
    await run(nvcc, [...options, "kernels.cu"], { cwd: folder });
    return new Uint8Array(await readFile(join(folder, "kernels.cubin")));
  } catch (error) {
    const reason = error instanceof Error && "stderr" in error ? error.stderr : error;
    throw refusal("nvcc", architecture, String(reason), error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function cached(
  text: string,
  architecture: string,
  make: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "braid", "cuda");
  // Who names a compiler does not want what another one made.
  const key = [process.env["BRAID_NVRTC"] ?? "", architecture, text].join("\n");
  const hash = createHash("sha256").update(key).digest("hex");
  const file = join(folder, `${hash}.cubin`);
  if (existsSync(file)) return new Uint8Array(await readFile(file));
  const image = await make();
  // Whole or not at all, whoever else writes it, in this process or another.
  const part = `${file}.${randomUUID()}`;
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(part, image);
    await rename(part, file);
  } catch {
    // A folder that cannot be written costs compiling again, and nothing else.
    await rm(part, { force: true });
  }
  return image;
}
