/** Shared libraries in Node, through the optional package `koffi`. */

import type { CudaArgument } from "../cuda/functions.ts";
import { BraidError, reasonOf } from "../errors.ts";

type Koffi = typeof import("koffi");

/** A library in this process. */
export interface Native {
  /** A function that gives a C int. */
  bind(name: string, parameters: readonly CudaArgument[]): (...args: readonly unknown[]) => unknown;
  address(memory: Uint8Array): bigint;
  text(address: bigint): string;
}

const types: Readonly<Record<CudaArgument, string>> = {
  int: "int",
  long: "uint64_t",
  memory: "void *",
};

/** The package. Throws `cuda/package` where it is not installed or broken. */
export async function loadKoffi(): Promise<Koffi> {
  try {
    return await import("koffi");
  } catch (error) {
    throw new BraidError("cuda/package", `CUDA needs the package \`koffi\`: ${reasonOf(error)}`, {
      hint: "`npm install koffi`, or use `--backend cpu`",
      cause: error,
    });
  }
}

/** Opens a library; throws what koffi says where it cannot. */
export function openNative(koffi: Koffi, file: string): Native {
  const library = koffi.load(file);
  return {
    bind: (name, parameters) =>
      library.func(
        name,
        "int",
        parameters.map((each) => types[each]),
      ),
    address: (memory) => koffi.address(memory),
    text: (address) => koffi.decode.string(address),
  };
}
