/**
 * Brings what never changes onto the device: the weights and the constants of a model.
 */

import { type Backend, type DeviceBuffer, tensorBytes } from "./backend.ts";
import type { Plan, PlanConstant, PlanWeight } from "./contract.ts";
import { BraidError } from "./errors.ts";
import { showBytes } from "./show-bytes.ts";
import { elementCount } from "./tensor.ts";
import type { WeightSource } from "./weight-source.ts";
import { Packer, storedElements } from "./weights/pack.ts";

/** How far loading is: bytes of weights, or numbers of kernels. */
export interface LoadProgress {
  readonly stage: "kernels" | "weights";
  readonly done: number;
  readonly total: number;
}

/** What never changes, by `weight <name>` and `constant <name>`. */
export type Residents = ReadonlyMap<string, DeviceBuffer>;

/**
 * Loads the weights and constants of `plan`. Throws `memory/weights` at once where they cannot fit.
 */
export async function loadResidents(
  plan: Plan,
  backend: Backend,
  source: WeightSource,
  progress: (event: LoadProgress) => void,
): Promise<Residents> {
  const residents = new Map<string, DeviceBuffer>();
  const total = plan.weights.reduce((sum, weight) => sum + weightBytes(weight), 0);
  checkCapacity(plan, backend, total);
  for (const weight of plan.weights) checkSize(weight, backend);
  for (const constant of plan.constants) {
    residents.set(`constant ${constant.name}`, await loadConstant(constant, backend));
  }
  let done = 0;
  progress({ stage: "weights", done, total });
  for (const weight of plan.weights) {
    residents.set(`weight ${weight.name}`, await loadWeight(weight, backend, source));
    done += weightBytes(weight);
    progress({ stage: "weights", done, total });
  }
  return residents;
}

async function loadConstant(constant: PlanConstant, backend: Backend): Promise<DeviceBuffer> {
  const { name, element, data } = constant;
  const buffer = await backend.allocate(tensorBytes(data.length), `constant ${name}`);
  const values = element === "f32" ? Float32Array.from(data) : Int32Array.from(data);
  await backend.upload(buffer, 0, values);
  return buffer;
}

async function loadWeight(
  weight: PlanWeight,
  backend: Backend,
  source: WeightSource,
): Promise<DeviceBuffer> {
  const { name, layout } = weight;
  const elements = elementCount(weight.shape);
  const buffer = await backend.allocate(weightBytes(weight), `weight ${name}`);
  const upload = (values: Float32Array, offset: number): Promise<void> =>
    backend.upload(buffer, offset * 4, values);
  const packer = layout === undefined ? undefined : new Packer(layout, upload);
  let read = 0;
  await source.read(weight, async (values, offset) => {
    read += values.length;
    if (offset + values.length > elements) return;
    await (packer === undefined ? upload(values, offset) : packer.push(values));
  });
  if (read === elements) return buffer;
  const shape = `[${weight.shape.join(", ")}]`;
  const message = `the weight \`${name}\` has ${read} values`;
  throw new BraidError("weights/shape", `${message}, but ${shape} takes ${elements}`, {
    hint: "check the sizes of the model",
  });
}

/** The bytes that a weight takes on the device. */
function weightBytes(weight: PlanWeight): number {
  return tensorBytes(storedElements(weight));
}

function checkSize(weight: PlanWeight, { largestTensor, description }: Backend): void {
  const bytes = weightBytes(weight);
  if (largestTensor === undefined || bytes <= largestTensor) return;
  const message = `the weight \`${weight.name}\` takes ${showBytes(bytes)}`;
  const limit = `${description} binds at most ${showBytes(largestTensor)} at once`;
  throw new BraidError("memory/weights", `${message}, but ${limit}`, {
    hint: "use `--backend cpu`, another device, or a smaller model",
  });
}

function checkCapacity(plan: Plan, backend: Backend, total: number): void {
  const { capacity, description } = backend;
  if (capacity === undefined || total <= capacity) return;
  const message = `the weights of ${plan.model} take ${showBytes(total)} as 32-bit floats`;
  const holds = `${description} holds ${showBytes(capacity)}`;
  throw new BraidError("memory/weights", `${message}, but ${holds}`, {
    hint: "use `--backend webgpu` on a device with more memory, or a smaller model",
  });
}
