/** Shared libraries in Node, through the optional package `koffi`. */

import type { CudaArgument } from "../cuda/functions.ts";
import { BraidError, reasonOf } from "../errors.ts";

type Koffi = typeof import("koffi");
type KoffiFunction = ReturnType<ReturnType<Koffi["load"]>["func"]>;

/** A library in this process. */
export interface Native {
  /** A function that gives a C int. */
  bind(name: string, parameters: readonly CudaArgument[]): (...args: readonly unknown[]) => unknown;
  /** One that is called on another thread; memory that it is passed must not be small and on V8's heap. */
  bindAsync(
    name: string,
    parameters: readonly CudaArgument[],
  ): (...args: readonly unknown[]) => Promise<unknown>;
  address(memory: Uint8Array): bigint;
  text(address: bigint): string;
}

/** What other threads read: memory that nobody else holds would be collected under them. */
const inFlight = new Set<readonly unknown[]>();

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
  const declare = (name: string, parameters: readonly CudaArgument[]): KoffiFunction =>
    library.func(
      name,
      "int",
      parameters.map((each) => types[each]),
    );
  return {
    bind: declare,
    bindAsync: (name, parameters) => {
      const { async: start } = declare(name, parameters);
      return (...args) =>
        new Promise((resolve, reject) => {
          inFlight.add(args);
          const done = (error: unknown, result: unknown): void => {
            inFlight.delete(args);
            if (error === null || error === undefined) resolve(result);
            else reject(error);
          };
          start(...args, done);
        });
    },
    address: (memory) => koffi.address(memory),
    text: (address) => koffi.decode.string(address),
  };
}
