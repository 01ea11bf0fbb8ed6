/**
 * Run by Deno: the toy on its WebGPU. Prints a line of JSON: the device and the logits, or `null`
 * where there is no adapter.
 */

import { platformGpu } from "../../../runtime/choose.ts";
import { Session } from "../../../runtime/session.ts";
import { memoryWeights } from "../../../runtime/weight-source.ts";
import { openWebGpuBackend } from "../../../runtime/webgpu/backend.ts";
import { findAdapter } from "../../../runtime/webgpu/device.ts";
import { toyInputs, toyPlan, toyWeights } from "./toy-plan.ts";
import { toyWgsl } from "./toy-wgsl.ts";

const found = await findAdapter(await platformGpu());
if (found === undefined) console.log("null");
else {
  const session = await Session.open({
    model: { plan: toyPlan("gpu"), wgsl: toyWgsl },
    backend: await openWebGpuBackend(found),
    weights: memoryWeights(toyWeights),
  });
  const images = [[3, 5] as const];
  const logits: number[] = [];
  for (const inputs of [toyInputs(images, [1, 4, 7]), toyInputs([], [2])]) {
    const outputs = await session.forward(inputs);
    logits.push(...((await outputs.get("logits")?.read())?.data ?? []));
  }
  // A cache that grows is a command buffer of copies alone, which Deno 2.9 once died of.
  for (let step = 0; step < 5; step++) await session.run("extend");
  console.log(JSON.stringify({ device: session.backend.description, logits }));
  session.close();
}
