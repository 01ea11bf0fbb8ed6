/**
 * Looks for a GPU in a process of its own. Dawn and the drivers that it tries write warnings to the
 * process's stderr; where a user only wants the best device there is, nobody should have to read them.
 */

import { spawnSync } from "node:child_process";
import type { GpuSource } from "../choose.ts";
import { nodeGpu } from "./gpu.ts";

const program = `
const { nodeGpu } = await import(process.argv[1]);
const { findAdapter } = await import(process.argv[2]);
const found = await findAdapter(await nodeGpu());
process.stdout.write(found === undefined ? "none" : "found", () => process.exit(0));
`;

/** WebGPU in Node if there is an adapter of any kind; silent if there is none. */
export const quietGpu: GpuSource = async () => {
  const modules = ["./gpu.js", "../webgpu/device.js"].map((each) => new URL(each, import.meta.url));
  const args = ["--input-type=module", "--eval", program, ...modules.map((each) => each.href)];
  const { stdout } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 10_000,
  });
  return stdout === "found" ? nodeGpu() : undefined;
};
