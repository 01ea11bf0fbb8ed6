/** Our side of a bench: a spec compiled for a backend and kept open, so that calls are what is timed. */

import { type CheckedModel, checkModel, compileFor } from "../../compiler/compile.ts";
import { encodeWasm, printWgsl } from "../../compiler/codegen/index.ts";
import type { Kernel } from "../../compiler/kernel/kernel.ts";
import { type Target, targets } from "../../compiler/kernel/target.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { CompiledModel, Plan, SubgroupRange } from "../../runtime/contract.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";
import { Session } from "../../runtime/session.ts";
import type { HostTensor } from "../../runtime/tensor.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import { createWebGpuBackend } from "../../runtime/webgpu/backend.ts";
import { findAdapter } from "../../runtime/webgpu/device.ts";
import { testGpu } from "../runtime/support/gpu.ts";
import type { BenchOptions, Contestant } from "./bench.ts";

/** The model of a text; its mistakes are ours and thrown. */
export function modelOf(text: string): CheckedModel {
  const { value, diagnostics } = checkModel({ file: "bench.braid", text });
  if (value === undefined) throw new Error(`${diagnostics[0]?.message ?? "no model"}\n${text}`);
  return value;
}

/** A model on a device. */
export interface OpenModel {
  readonly plan: Plan;
  readonly session: Session;
}

/** Compiles a model for a backend and loads it. */
export async function openBraid(
  model: CheckedModel,
  { backend, threads }: Pick<BenchOptions, "backend" | "threads">,
  weights: ReadonlyMap<string, Float32Array> = new Map(),
): Promise<OpenModel> {
  const { target, device, subgroups } = await deviceOf(backend, threads);
  const { plan, kernels } = compileFor(model, target);
  const session = await Session.open({
    model: { plan, ...codeOf(kernels, backend, subgroups) },
    backend: device,
    weights: memoryWeights(weights),
  });
  return { plan, session };
}

function codeOf(
  kernels: readonly Kernel[],
  backend: BenchOptions["backend"],
  subgroups: SubgroupRange | undefined,
): Omit<CompiledModel, "plan"> {
  if (backend === "cpu") return { wasm: encodeWasm(kernels, platformMultiplyAdd()) };
  return { wgsl: new Map(kernels.map((each) => [each.name, printWgsl(each, { subgroups })])) };
}

/** A device, and what its users' kernels are made for. */
async function deviceOf(
  backend: BenchOptions["backend"],
  threads: number,
): Promise<{
  readonly target: Target;
  readonly device: Backend;
  readonly subgroups?: SubgroupRange | undefined;
}> {
  if (backend === "cpu") return { target: targets.cpu, device: createCpuBackend({ threads }) };
  const gpu = await testGpu();
  const found = await findAdapter(gpu);
  const device = await createWebGpuBackend(gpu);
  if (found?.software === true) return { target: targets.software, device };
  return { target: targets.gpu, device, subgroups: found?.subgroups };
}

/**
 * The whole model as a contestant that computes `output`. A session computes nothing twice, so that
 * `changing`, one of the inputs, is given with other numbers in every other call.
 */
export function forwardContestant(
  name: string,
  { plan, session }: OpenModel,
  inputs: Readonly<Record<string, HostTensor>>,
  output: string,
  changing: string,
): Contestant {
  const known = new Set(plan.inputs.map((input) => input.name));
  const given = Object.fromEntries(Object.entries(inputs).filter(([each]) => known.has(each)));
  const first = given[changing];
  if (first === undefined) throw new Error(`${plan.model} has no input ${changing}`);
  const second = otherwise(first);
  let calls = 0;
  return {
    name,
    run: async () => {
      const changed = calls % 2 === 0 ? first : second;
      const found = await session.forward(calls === 0 ? given : { [changing]: changed });
      calls++;
      const tensor = await found.get(output)?.read();
      return tensor?.data ?? [];
    },
    close: () => session.close(),
  };
}

/** The same tensor, its numbers a little larger: results stay comparable. */
function otherwise(tensor: HostTensor): HostTensor {
  if (tensor.element !== "f32") throw new Error("only floats can change a little");
  return { ...tensor, data: tensor.data.map((value) => value * (1 + 2 ** -20)) };
}
