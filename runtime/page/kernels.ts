/**
 * The kernels of the built model, packed: all WGSL comes as one file, where fetching a hundred small
 * ones would make a visitor wait, and each device fetches only what is its own.
 */

import { BraidError } from "braid/runtime";
import { download } from "./download.ts";

/** The kernel file that a model asks for by address: `…/kernels/<name>.wgsl` or `…/kernels.wasm`. */
export async function readKernels(address: URL): Promise<Uint8Array> {
  const name = decodeURIComponent(address.pathname.split("/").at(-1) ?? "");
  if (name === "kernels.wasm") {
    const wasm = await import("page/cpu-kernels");
    return download({ name, address: new URL(wasm.address, import.meta.url) });
  }
  const { sources } = await import("page/gpu-kernels");
  const text = sources[name.replace(/\.wgsl$/, "")];
  if (text !== undefined) return new TextEncoder().encode(text);
  throw new BraidError("page/kernel", `the page was built without the kernel ${name}`, {
    hint: "build it again",
  });
}
