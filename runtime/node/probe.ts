/**
 * Looks for a GPU in a process of its own. Dawn and the drivers that it tries write warnings to the
 * process's stderr; where a user only wants the best device there is, nobody should have to read them.
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { GpuSource } from "../choose.ts";
import { nodeGpu } from "./gpu.ts";

/** WebGPU in Node if there is an adapter of any kind; silent if there is none. */
export const quietGpu: GpuSource = async () => {
  const child = fileURLToPath(new URL("./probe-child.js", import.meta.url));
  const { stdout } = spawnSync(process.execPath, [child], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 10_000,
  });
  return stdout === "found" ? nodeGpu() : undefined;
};
