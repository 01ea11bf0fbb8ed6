/** CUDA in Node: the driver's library through the optional package `koffi`. */

import type { CudaPlatform } from "../cuda/backend.ts";
import { cudaFunctions, type CudaFunction, type CudaLibrary } from "../cuda/functions.ts";
import { BraidError, reasonOf } from "../errors.ts";
import { canCompile, compileCuda } from "./cuda-compiler.ts";
import { loadKoffi, type Native, openNative } from "./native.ts";

/** The names of the driver's library; the variable `BRAID_CUDA_DRIVER` names another file. */
function libraryNames(): readonly string[] {
  const own = process.env["BRAID_CUDA_DRIVER"];
  if (own !== undefined) return [own];
  // In Linux on Windows the library lies outside the loader's path.
  return process.platform === "win32"
    ? ["nvcuda.dll"]
    : ["libcuda.so.1", "libcuda.so", "/usr/lib/wsl/lib/libcuda.so.1"];
}

/** CUDA in Node. Throws `cuda/package` without koffi, `cuda/driver` without an NVIDIA driver. */
export async function nodeCuda(): Promise<CudaPlatform> {
  const native = await openDriver();
  return { library: bind(native), compile: compileCuda, canCompile };
}

async function openDriver(): Promise<Native> {
  const koffi = await loadKoffi();
  const reasons: string[] = [];
  for (const name of libraryNames()) {
    try {
      return openNative(koffi, name);
    } catch (error) {
      reasons.push(`${name}: ${reasonOf(error)}`);
    }
  }
  const message = `there is no CUDA driver on this machine (${libraryNames()[0]} is not found)`;
  throw new BraidError("cuda/driver", message, {
    hint: "install NVIDIA's driver, or use `--backend cpu`",
    cause: new Error(reasons.join("; ")),
  });
}

/** The driver's functions, each bound when it is first called. */
function bind(native: Native): CudaLibrary {
  const bound = new Map<CudaFunction, (...args: readonly unknown[]) => unknown>();
  const find = (name: CudaFunction): ReturnType<Native["bind"]> => {
    try {
      return native.bind(name, cudaFunctions[name]);
    } catch (error) {
      throw new BraidError("cuda/driver", `the CUDA driver has no function ${name}`, {
        hint: "install a newer driver of NVIDIA's, or use `--backend cpu`",
        cause: error,
      });
    }
  };
  return {
    call: (name, ...args) => {
      const known = bound.get(name) ?? find(name);
      bound.set(name, known);
      const result = known(...args);
      return typeof result === "number" ? result : -1;
    },
    address: native.address,
    text: native.text,
  };
}
