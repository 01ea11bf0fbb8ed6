/**
 * The kernels of the built model, packed: all WGSL comes as one file, where fetching a hundred small
 * ones would make a visitor wait, and each device fetches only what is its own.
 */

import { BraidError } from "braid/runtime";
import { download } from "./download.ts";

/**
 * The kernel file that a model asks for by address: `…/kernels/<name>.wgsl`, `…/kernels.wasm` or
 * `…/kernels.fused.wasm`.
 */
export async function readKernels(address: URL): Promise<Uint8Array> {
  const name = decodeURIComponent(address.pathname.split("/").at(-1) ?? "");
  if (name.endsWith(".wasm")) {
    const { addresses } = await import("page/cpu-kernels");
    const address = addresses[name];
    if (address === undefined) throw missing(name);
    return download({ name, address: new URL(address, import.meta.url) });
  }
  const { sources } = await import("page/gpu-kernels");
  const text = sources[name.replace(/\.wgsl$/, "")];
  if (text !== undefined) return new TextEncoder().encode(text);
  throw missing(`the kernel ${name}`);
}

function missing(what: string): BraidError {
  return new BraidError("page/kernel", `the page was built without ${what}`, {
    hint: "build it again",
  });
}
