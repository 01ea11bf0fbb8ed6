/** NVRTC, which compiles CUDA C++ in this process: a library of the toolkit. */

import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { refusal } from "./cuda-refusal.ts";
import { loadKoffi, type Native, openNative } from "./native.ts";

/** The compiler. */
export interface Nvrtc {
  /** `13.0` */
  readonly version: string;
  /** A cubin, made on another thread. Throws `cuda/compile` with what NVRTC complains of. */
  compile(text: string, architecture: string): Promise<Uint8Array>;
}

const home = process.env["CUDA_PATH"] ?? process.env["CUDA_HOME"] ?? "/usr/local/cuda";

/** NVRTC of any toolkit since 12, or undefined; `BRAID_NVRTC` names another file. */
export async function findNvrtc(): Promise<Nvrtc | undefined> {
  const own = process.env["BRAID_NVRTC"];
  const names = own === undefined ? libraryNames() : [own];
  const koffi = await loadKoffi().catch(() => undefined);
  if (koffi === undefined) return undefined;
  for (const name of names) {
    try {
      // NVRTC finds its own part by name only, on the loader's path or where it is loaded already.
      for (const part of builtinsBeside(name)) koffi.load(part);
      return bind(openNative(koffi, name));
    } catch {
      // Not this one.
    }
  }
  return undefined;
}

/** `libnvrtc-builtins.so.13.0` in the folder of a library that is named with its folder. */
function builtinsBeside(library: string): readonly string[] {
  const folder = dirname(library);
  if (folder === "." || !existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => /^libnvrtc-builtins\.so\.\d+\.\d+$/.test(file))
    .map((file) => join(folder, file));
}

function libraryNames(): readonly string[] {
  if (process.platform === "win32") return ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll"];
  const folders = ["lib64", "lib"].map((each) => join(home, each)).filter(existsSync);
  const found = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => /^libnvrtc\.so(\.\d+)?$/.test(file))
      .map((file) => join(folder, file)),
  );
  return ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so", ...found];
}

function bind(native: Native): Nvrtc {
  const version = native.bind("nvrtcVersion", ["memory", "memory"]);
  const create = native.bind("nvrtcCreateProgram", [
    ...(["memory", "memory", "memory", "int", "memory", "memory"] as const),
  ]);
  const compile = native.bindAsync("nvrtcCompileProgram", ["long", "int", "memory"]);
  const destroy = native.bind("nvrtcDestroyProgram", ["memory"]);
  const [major, minor] = [new Int32Array(1), new Int32Array(1)];
  version(new Uint8Array(major.buffer), new Uint8Array(minor.buffer));

  /** What a pair of functions (size, content) tells of a program; nothing if it tells nothing. */
  const read = (program: bigint, what: "ProgramLog" | "CUBIN"): Uint8Array => {
    const size = new BigUint64Array(1);
    const sizeOf = native.bind(`nvrtcGet${what}Size`, ["long", "memory"]);
    const contentOf = native.bind(`nvrtcGet${what}`, ["long", "memory"]);
    const isSized = sizeOf(program, new Uint8Array(size.buffer)) === 0;
    const bytes = new Uint8Array(new ArrayBuffer(Number(size[0] ?? 0n)));
    return isSized && contentOf(program, bytes) === 0 ? bytes : new Uint8Array();
  };

  return {
    version: `${major[0]}.${minor[0]}`,
    compile: async (text, architecture) => {
      const program = new BigUint64Array(1);
      const handle = new Uint8Array(program.buffer);
      const nothing = null;
      const made = create(handle, cString(text), cString("kernels.cu"), 0, nothing, nothing);
      if (made !== 0) throw refusal("NVRTC", architecture, `it starts no program (${made})`);
      try {
        const options = [`--gpu-architecture=${architecture}`, "--std=c++17", ...includes()];
        const id = program[0] ?? 0n;
        const passed = cStrings(native, options);
        const result = await compile(id, options.length, passed);
        const cubin = result === 0 ? read(id, "CUBIN") : new Uint8Array();
        if (cubin.length > 0) return cubin;
        const log = new TextDecoder().decode(read(id, "ProgramLog")).replace(/\0.*$/s, "").trim();
        throw refusal("NVRTC", architecture, `${log || "it says no more"} (${result})`);
      } finally {
        destroy(handle);
      }
    },
  };
}

/** Where `cuda_fp16.h` is. */
function includes(): readonly string[] {
  const folder = join(home, "include");
  return existsSync(folder) ? [`--include-path=${folder}`] : [];
}

function cString(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(`${text}\0`));
}

/** An array of C strings: the addresses, then what they point to, so that one object holds both. */
function cStrings(native: Native, texts: readonly string[]): Uint8Array {
  const parts = texts.map(cString);
  const head = texts.length * 8;
  const length = parts.reduce((sum, part) => sum + part.length, head);
  const bytes = new Uint8Array(new ArrayBuffer(length));
  const view = new DataView(bytes.buffer);
  const start = native.address(bytes);
  let at = head;
  for (const [index, part] of parts.entries()) {
    view.setBigUint64(index * 8, start + BigInt(at), true);
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
