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
const sources = ["shadow", "block", "matrix", "library"].map((name) => `runtime/${name}.cpp`);
const cache = join(tmpdir(), "braid-cuda-host");

/** CUDA text with one kernel, by the kernel's name. */
export interface CudaKernel {
  readonly name: string;
  readonly text: string;
}

/** Each access calls the runtime; loads stay where they are written, so that none is made up. */
const checked = [
  // Kernels run for a fraction of a second here; what makes them faster takes longer than that.
  "-O0",
  "-fsanitize=thread",
  "-fsanitize=bounds,alignment",
  "--param=tsan-instrument-func-entry-exit=0",
  "-fno-toplevel-reorder",
  "-fno-tree-loop-im",
  "-fno-strict-aliasing",
  "-fno-exceptions",
  "-fno-threadsafe-statics",
];
const common = ["-std=c++20", "-fPIC", "-w"];

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
  const files = [...sources, "runtime/driver.cpp"];
  return built("driver", ["-O3", "-flto", "-shared"], (to, options) =>
    run("g++", [...options, ...files, "-o", to, "-ldl"], { cwd: folder }),
  );
}

/** An NVRTC that compiles nothing, as a shared library (`runtime/nvrtc.cpp`). */
export function hostNvrtc(): Promise<string> {
  return built("nvrtc", ["-O1", "-shared"], (to, options) =>
    run("g++", [...options, "runtime/nvrtc.cpp", "-o", to], { cwd: folder }),
  );
}

/** A shared library of these kernels. */
export function kernelLibrary(kernels: readonly CudaKernel[]): Promise<string> {
  const half = Math.ceil(kernels.length / 2);
  const parts = kernels.length < 8 ? [kernels] : [kernels.slice(0, half), kernels.slice(half)];
  const texts = parts.map((part, index) => translationUnit(part, index === 0));
  return built(texts.join("\n"), checked, async (to, options) => {
    const objects = await Promise.all(
      texts.map(async (text, index) => {
        const [from, object] = [`${to}.${index}.cpp`, `${to}.${index}.o`];
        await writeFile(from, text);
        await run("g++", [...options, `-I${folder}include`, "-c", from, "-o", object]);
        return object;
      }),
    );
    await run("g++", ["-shared", "-Wl,-Bsymbolic", ...objects, "-o", to]);
  });
}

/**
 * Kernels with what makes them callable. Static shared arrays get a guard before them and say where
 * they lie, dynamic ones are the runtime's, all on their own line; nothing else of the text changes.
 */
export function translationUnit(kernels: readonly CudaKernel[], isFirst: boolean): string {
  const array = /^(\s*)(__shared__ [^;]*?(\w+)\[[^;]*;)/gm;
  const begin = '$1BRAID_GUARD($3) $2 braid::shared_array("$3", $3, sizeof $3);';
  return [
    `#include "cuda_host.h"`,
    ...(isFirst ? [`#include "host_section.h"`] : []),
    ...kernels.flatMap(({ name, text }) => [
      `#line 1 "${name}.cu"`,
      text.replace(array, begin).replaceAll("extern __shared__ ", "extern "),
      `BRAID_ENTRY(${name})`,
    ]),
    "",
  ].join("\n");
}

/** The file that `build` makes of these texts and options, made once. */
async function built(
  text: string,
  own: readonly string[],
  build: (to: string, options: readonly string[]) => Promise<unknown>,
): Promise<string> {
  const options = [...common, ...own];
  const key = createHash("sha256").update(shim()).update(options.join(" ")).update(text);
  const file = join(cache, key.digest("hex").slice(0, 32));
  if (existsSync(file)) return file;
  await mkdir(cache, { recursive: true });
  // Others may build the same: each in a folder of its own, and the last one to finish wins.
  const scratch = await mkdtemp(join(cache, "building-"));
  try {
    await build(join(scratch, "built"), options);
    await rename(join(scratch, "built"), file);
  } catch (thrown) {
    const reason = thrown instanceof Error && "stderr" in thrown ? thrown.stderr : thrown;
    throw new Error(`g++ refuses CUDA text: ${String(reason)}`, { cause: thrown });
  } finally {
    await rm(scratch, { recursive: true });
  }
  return file;
}

let shimText: string | undefined;

/** All files of the shim, as one text. */
function shim(): string {
  shimText ??= ["include", "runtime"]
    .flatMap((name) => readdirSync(join(folder, name)).map((file) => join(folder, name, file)))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  return shimText;
}
