/**
 * WebGPU for tests: the `webgpu` package over the machine's driver or, where Chromium is installed,
 * over its software Vulkan.
 */

import { existsSync } from "node:fs";
import { nodeGpu } from "../../../runtime/node/index.ts";

/** Where distributions put the description of Chromium's software Vulkan driver. */
const drivers = ["/usr/lib/chromium/vk_swiftshader_icd.json"];

/** A GPU with an adapter, or undefined. Dawn reads the environment when it is loaded. */
export async function testGpu(): Promise<GPU | undefined> {
  const driver = drivers.find((path) => existsSync(path));
  if (driver !== undefined) process.env["VK_ICD_FILENAMES"] ??= driver;
  const gpu = await nodeGpu();
  const adapter = await gpu?.requestAdapter();
  return adapter === null || adapter === undefined ? undefined : gpu;
}
