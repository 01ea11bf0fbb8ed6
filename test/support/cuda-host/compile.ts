/**
 * CUDA text compiled for the CPU by g++, with every access to memory checked; what was built before is
 * kept in the machine's folder for temporary files, by the hash of all that went into it.
 */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Missing } from "../require.ts";

const run = promisify(execFile);
const folder = fileURLToPath(new URL("./", import.meta.url));
const sources = ["shadow", "block", "matrix", "library", "traps"].map(
  (name) => `runtime/${name}.cpp`,
);
const cache = join(tmpdir(), "braid-cuda-host");

/** All files of the shim, as one text. */
const shim = ["include", "runtime", "bin"]
  .flatMap((name) => readdirSync(join(folder, name)).map((file) => join(name, file)))
  .concat("options")
  .map((file) => readFileSync(join(folder, file), "utf8"))
  .join("\n");

/** CUDA text with one kernel, by the kernel's name. */
export interface CudaKernel {
  readonly name: string;
  readonly text: string;
}

/** Why kernels cannot run on the CPU here; undefined if they can. */
export async function hostCompilerMissing(): Promise<Missing | undefined> {
  if (process.platform !== "linux") return new Missing("the host shim is written for Linux");
  try {
    const { stdout } = await run("g++", ["-dumpversion"]);
    const version = Number.parseInt(stdout, 10);
    return version >= 12 ? undefined : new Missing(`g++ is ${version}, older than 12`);
  } catch {
    return new Missing("no g++ on the path");
  }
}

/** The program that runs kernels for whoever writes to its stdin (`runtime/process.cpp`). */
export function hostProcess(): Promise<string> {
  const files = [...sources, "runtime/process.cpp"];
  return built("process", ["-O3", "-flto", "-rdynamic"], (to, options) =>
    run("g++", [...options, ...files, "-o", to, "-ldl"], { cwd: folder }),
  );
}

/** A CUDA driver without a device, as a shared library (`runtime/driver.cpp`). */
export function hostDriver(): Promise<string> {
  const files = [...sources, "runtime/driver.cpp", "runtime/queue.cpp"];
  return built(
    "driver",
    ["-O3", "-flto", "-fno-semantic-interposition", "-shared"],
    (to, options) => run("g++", [...options, ...files, "-o", to, "-ldl"], { cwd: folder }),
  );
}

/**
 * An NVRTC that compiles for that driver (`runtime/nvrtc.cpp`): a shared library, in a folder with the
 * part of it that it asks the loader for by name.
 */
export async function hostNvrtc(): Promise<string> {
  const command = `"${hostNvcc}","-I${await precompiledHeader()}"`;
  const own = ["-O1", "-shared", `-DBRAID_NVCC=${command}`];
  const made = await built("nvrtc", own, async (to, options) => {
    await mkdir(to);
    const part = "libnvrtc-builtins.so.13.0";
    const empty = ["-x", "c++", "/dev/null", `-Wl,-soname,${part}`, "-o", join(to, part)];
    await run("g++", [...options, ...empty]);
    const library = join(to, "libnvrtc.so.13");
    await run("g++", [...options, "runtime/nvrtc.cpp", "-o", library, "-ldl"], { cwd: folder });
  });
  return join(made, "libnvrtc.so.13");
}

/** What compiles for that driver with the options of nvcc. */
export const hostNvcc: string = join(folder, "bin/nvcc");

/** A shared library of these kernels, which the driver takes for a cubin. */
export async function kernelLibrary(kernels: readonly CudaKernel[]): Promise<string> {
  const half = Math.ceil(kernels.length / 2);
  const parts = kernels.length < 8 ? [kernels] : [kernels.slice(0, half), kernels.slice(half)];
  const texts = parts.map((part) =>
    part.map(({ name, text }) => `#line 1 "${name}.cu"\n${text}\n`).join(""),
  );
  const header = await precompiledHeader();
  return built(texts.join("\n"), [], async (to) => {
    const files = texts.map((_, index) => `${to}.${index}.cu`);
    await Promise.all(files.map((file, index) => writeFile(file, texts[index] ?? "")));
    await run(hostNvcc, [`-I${header}`, "-cubin", "-arch=sm_90", "-o", to, ...files]);
  });
}

/** A folder with `cuda_host.h` as g++ has read it, which takes it longer than most kernels. */
function precompiledHeader(): Promise<string> {
  return built("header", [], async (to) => {
    await mkdir(to);
    const compiled = join(to, "cuda_host.h.gch");
    await run("g++", ["@options", "-x", "c++-header", "include/cuda_host.h", "-o", compiled], {
      cwd: folder,
    });
  });
}

/** The folder in which the runtime may keep what this compiler made, as it keeps cubins. */
export const hostCache: string = join(cache, hashOf("kept"));

/** The file that `build` makes of these texts and options, made once. */
async function built(
  text: string,
  own: readonly string[],
  build: (to: string, options: readonly string[]) => Promise<unknown>,
): Promise<string> {
  const options = ["-std=c++20", "-fPIC", "-w", ...own];
  const file = join(cache, hashOf(options.join(" "), text));
  if (existsSync(file)) return file;
  await mkdir(cache, { recursive: true });
  // Others may build the same: each in a folder of its own, and whoever finishes wins.
  const scratch = await mkdtemp(join(cache, "building-"));
  try {
    await build(join(scratch, "built"), options);
    await rename(join(scratch, "built"), file);
  } catch (thrown) {
    // A folder is not put in the place of one that another process has made meanwhile.
    if (existsSync(file)) return file;
    const reason = thrown instanceof Error && "stderr" in thrown ? thrown.stderr : thrown;
    throw new Error(`g++ refuses CUDA text: ${String(reason)}`, { cause: thrown });
  } finally {
    await rm(scratch, { recursive: true });
  }
  return file;
}

/** A name for what these texts and the shim make. */
function hashOf(...texts: readonly string[]): string {
  const hash = createHash("sha256").update(shim);
  for (const text of texts) hash.update(text);
  return hash.digest("hex").slice(0, 32);
}
