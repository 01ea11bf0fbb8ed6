/**
 * WebGPU where there are files: the platform's own in Deno; in Node Dawn, the implementation in
 * Chromium, through the optional package `webgpu`.
 */

import { platformGpu } from "../choose.ts";
import { BraidError, reasonOf } from "../errors.ts";

/** Dawn ends the process if its instance is collected while a device lives: one, kept for good. */
let instance: GPU | undefined;

/**
 * The entry point, the same each time, or undefined in Node where the optional package is not
 * installed. Throws `webgpu/package` if that is broken.
 */
export async function nodeGpu(): Promise<GPU | undefined> {
  const own = await platformGpu();
  if (own !== undefined) return own;
  try {
    const { create } = await import("webgpu");
    instance ??= create([]);
    return instance;
  } catch (error) {
    if (isMissing(error)) return undefined;
    const message = `the package \`webgpu\` cannot be loaded: ${reasonOf(error)}`;
    throw new BraidError("webgpu/package", message, {
      hint: "install it again (`npm install webgpu`), or use `--backend cpu`",
      cause: error,
    });
  }
}

function isMissing(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  // The package exists but not its binary for this platform: `MODULE_NOT_FOUND`.
  return error.code === "ERR_MODULE_NOT_FOUND" || error.code === "MODULE_NOT_FOUND";
}
