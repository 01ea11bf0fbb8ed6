/** The process of `probe.ts`: says on stdout whether there is an adapter. */

import { findAdapter } from "../webgpu/device.ts";
import { nodeGpu } from "./gpu.ts";

async function probe(): Promise<void> {
  const found = await findAdapter(await nodeGpu());
  // Dawn may keep the process alive, or bring it down while it ends by itself.
  process.stdout.write(found === undefined ? "none" : "found", () => process.exit(0));
}

void probe();
