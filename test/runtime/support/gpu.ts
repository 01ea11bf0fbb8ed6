/**
 * WebGPU for tests. In Deno its own; in Node the `webgpu` package over the machine's driver or, where
 * Chromium is installed, over its software Vulkan.
 */

import { existsSync } from "node:fs";
import { platformGpu } from "../../../runtime/choose.ts";
import { nodeGpu } from "../../../runtime/node/index.ts";

/** Where distributions put the description of Chromium's software Vulkan driver. */
const drivers = ["/usr/lib/chromium/vk_swiftshader_icd.json"];

/** The description of Chromium's software Vulkan driver, where it is installed. */
export function softwareDriver(): string | undefined {
  return drivers.find((path) => existsSync(path));
}

/** Whether Deno runs the tests, so that WebGPU is wgpu and naga instead of Dawn and Tint. */
export const inDeno: boolean = process.versions["deno"] !== undefined;

/** A GPU with an adapter, or undefined. */
export async function testGpu(): Promise<GPU | undefined> {
  const gpu = await (inDeno ? platformGpu() : packagedGpu());
  const adapter = await gpu?.requestAdapter();
  return adapter === null || adapter === undefined ? undefined : gpu;
}

/** Dawn, which reads the environment when it is loaded. */
async function packagedGpu(): Promise<GPU | undefined> {
  const driver = softwareDriver();
  if (driver !== undefined) process.env["VK_ICD_FILENAMES"] ??= driver;
  return nodeGpu();
}
