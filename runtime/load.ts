/**
 * Brings what never changes onto the device: the weights and the constants of a model.
 */

import {
  type Backend,
  type DeviceBuffer,
  elementBytes,
  type Slice,
  tensorBytes,
  wholeOf,
} from "./backend.ts";
import {
  type Plan,
  type PlanConstant,
  type PlanWeight,
  type Quantization,
  scalesOf,
  type WeightLayout,
} from "./contract.ts";
import { BraidError, invariant } from "./errors.ts";
import { showBytes } from "./show-bytes.ts";
import { type DirectReference, showReference } from "./steps.ts";
import { elementCount } from "./tensor.ts";
import type { WeightSource } from "./weight-source.ts";
import type { WeightValues } from "./weights/narrow.ts";
import { Packer, storedElements } from "./weights/pack.ts";
import { quantizedElements, type QuantizationLoss, Quantizer } from "./weights/quantize.ts";

/** How far loading is: bytes of weights, or numbers of kernels. */
export interface LoadProgress {
  readonly stage: "kernels" | "weights";
  readonly done: number;
  readonly total: number;
}

/** What never changes, by `weight <name>` and `constant <name>`. */
export type Residents = ReadonlyMap<string, DeviceBuffer>;

/** Where the weight or constant that a reference names lies. */
export function residentOf(residents: Residents, reference: DirectReference): Slice {
  const buffer = residents.get(showReference(reference));
  invariant(buffer !== undefined, `${showReference(reference)} was not loaded`);
  return wholeOf(buffer);
}

/**
 * Loads the weights and constants of `plan`; `tellLoss` is told what each quantised weight lost.
 * Throws `memory/weights` at once where they cannot fit.
 */
export async function loadResidents(
  plan: Plan,
  backend: Backend,
  source: WeightSource,
  progress: (event: LoadProgress) => void,
  tellLoss: (weight: string, loss: QuantizationLoss) => void = () => undefined,
): Promise<Residents> {
  const residents = new Map<string, DeviceBuffer>();
  const total = plan.weights.reduce((sum, weight) => sum + weightBytes(weight), 0);
  checkCapacity(plan, backend, total);
  const buffers = weightBuffers(plan);
  for (const [name, bytes] of buffers) checkSize(name, bytes, backend);
  // Asked for at once: a device says of each only later whether there is room.
  const asked: readonly Promise<readonly [string, DeviceBuffer]>[] = [
    ...plan.constants.map((each) => loadConstant(each, backend)),
    ...[...buffers].map(([name, bytes]) => allocateFor(`weight ${name}`, bytes, backend)),
  ];
  for (const [label, buffer] of await Promise.all(asked)) residents.set(label, buffer);
  let done = 0;
  progress({ stage: "weights", done, total });
  for (const weight of plan.weights) {
    const { name, layout, pack } = weight;
    if (layout?.quantized === undefined) {
      const buffer = residents.get(`weight ${pack?.buffer ?? name}`);
      invariant(buffer !== undefined, `there is no buffer for the weight ${name}`);
      await loadWeight(weight, buffer, backend, source);
    } else {
      const use = { backend, source };
      const { words, scales, loss } = await loadQuantized(weight, layout, layout.quantized, use);
      residents.set(`weight ${name}`, words);
      residents.set(`weight ${scalesOf(name)}`, scales);
      tellLoss(name, loss);
    }
    done += weightBytes(weight);
    progress({ stage: "weights", done, total });
  }
  return residents;
}

async function loadConstant(
  { name, element, data }: PlanConstant,
  backend: Backend,
): Promise<readonly [string, DeviceBuffer]> {
  const made = await allocateFor(`constant ${name}`, tensorBytes(data.length), backend);
  const values = element === "f32" ? Float32Array.from(data) : Int32Array.from(data);
  await backend.upload(made[1], 0, values);
  return made;
}

async function allocateFor(
  label: string,
  bytes: number,
  backend: Backend,
): Promise<readonly [string, DeviceBuffer]> {
  return [label, await backend.allocate(bytes, label)];
}

/** The bytes of each buffer of weights that are floats, by its name. */
function weightBuffers(plan: Plan): ReadonlyMap<string, number> {
  const buffers = new Map<string, number>();
  for (const weight of plan.weights) {
    if (weight.layout?.quantized !== undefined) continue;
    const name = weight.pack?.buffer ?? weight.name;
    const end = (weight.pack?.offset ?? 0) + storedElements(weight);
    const bytes = tensorBytes(end, weight.element);
    buffers.set(name, Math.max(bytes, buffers.get(name) ?? 0));
  }
  return buffers;
}

async function loadWeight(
  weight: PlanWeight,
  buffer: DeviceBuffer,
  backend: Backend,
  source: WeightSource,
): Promise<void> {
  const { layout, pack, element } = weight;
  const start = pack?.offset ?? 0;
  const each = elementBytes[element ?? "f32"];
  const upload = async (values: WeightValues, offset: number): Promise<void> =>
    backend.upload(buffer, (start + offset) * each, values);
  if (layout !== undefined) {
    const packer = new Packer(layout, upload, element);
    await readAll(weight, source, (values) => packer.push(values));
    return;
  }
  const words = new WholeWords(upload);
  await readAll(weight, source, (values, offset) => words.push(values, offset));
  await words.end();
}

/**
 * Lets pieces go out in whole words of 32 bits: a pattern of 16 bits that ends a piece waits for the
 * one that begins the next. The last word of a weight is filled up.
 */
class WholeWords {
  readonly #upload: (values: WeightValues, offset: number) => Promise<void>;
  #waiting: { readonly pattern: number; readonly offset: number } | undefined;

  constructor(upload: (values: WeightValues, offset: number) => Promise<void>) {
    this.#upload = upload;
  }

  async push(values: WeightValues, offset: number): Promise<void> {
    if (values instanceof Float32Array) return this.#upload(values, offset);
    const [first] = values;
    if (first === undefined) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined)
      await this.#upload(Uint16Array.of(waiting.pattern, first), waiting.offset);
    const from = waiting === undefined ? 0 : 1;
    const to = values.length - ((values.length - from) % 2);
    const last = to < values.length ? values[to] : undefined;
    if (last !== undefined) this.#waiting = { pattern: last, offset: offset + to };
    if (to > from) await this.#upload(values.subarray(from, to), offset + from);
  }

  async end(): Promise<void> {
    const waiting = this.#waiting;
    if (waiting !== undefined)
      await this.#upload(Uint16Array.of(waiting.pattern, 0), waiting.offset);
  }
}

/** Loads a weight as whole numbers, and gives their memory and that of their scales. */
async function loadQuantized(
  weight: PlanWeight,
  layout: WeightLayout,
  quantized: Quantization,
  { backend, source }: { readonly backend: Backend; readonly source: WeightSource },
): Promise<{
  readonly words: DeviceBuffer;
  readonly scales: DeviceBuffer;
  readonly loss: QuantizationLoss;
}> {
  const { name } = weight;
  const sizes = quantizedElements(layout, quantized);
  const words = await backend.allocate(tensorBytes(sizes.words), `weight ${name}`);
  const scales = await backend.allocate(tensorBytes(sizes.scales), `scales of ${name}`);
  const quantizer = new Quantizer(layout, quantized);
  const { inner, width } = layout;
  const groups = Math.ceil(inner / quantized.group);
  const packer = new Packer(layout, async (values, offset) => {
    invariant(values instanceof Float32Array, "what is quantised comes as floats");
    const run = quantizer.run(values);
    // Runs begin with a group: so many of the whole tensor lie before them.
    const panel = Math.floor(offset / (inner * width));
    const before = panel * groups + Math.floor((offset / width - panel * inner) / quantized.group);
    const group = { words: (quantized.group * width * quantized.bits) / 8, scales: width * 4 };
    await backend.upload(words, before * group.words, run.words);
    await backend.upload(scales, before * group.scales * (quantized.symmetric ? 1 : 2), run.scales);
  });
  await readAll(weight, source, (values) => packer.push(values));
  return { words, scales, loss: quantizer.loss };
}

/** Gives all values of `weight` to `take`, which must be as many as its shape says. */
async function readAll(
  weight: PlanWeight,
  source: WeightSource,
  take: (values: WeightValues, offset: number) => Promise<void>,
): Promise<void> {
  const elements = elementCount(weight.shape);
  let read = 0;
  await source.read(weight, async (values, offset) => {
    read += values.length;
    if (offset + values.length <= elements) await take(values, offset);
  });
  if (read === elements) return;
  const shape = `[${weight.shape.join(", ")}]`;
  const message = `the weight \`${weight.name}\` has ${read} values`;
  throw new BraidError("weights/shape", `${message}, but ${shape} takes ${elements}`, {
    hint: "check the sizes of the model",
  });
}

/** The bytes that a weight takes on the device, its scales included. */
function weightBytes(weight: PlanWeight): number {
  const { layout } = weight;
  const bytes = tensorBytes(storedElements(weight), weight.element);
  if (layout?.quantized === undefined) return bytes;
  return bytes + tensorBytes(quantizedElements(layout, layout.quantized).scales);
}

function checkSize(name: string, bytes: number, { largestTensor, description }: Backend): void {
  if (largestTensor === undefined || bytes <= largestTensor) return;
  const message = `the weight \`${name}\` takes ${showBytes(bytes)}`;
  const limit = `${description} binds at most ${showBytes(largestTensor)} at once`;
  throw new BraidError("memory/weights", `${message}, but ${limit}`, {
    hint: "use `--backend cpu`, another device, or a smaller model",
  });
}

function checkCapacity(plan: Plan, backend: Backend, total: number): void {
  const { capacity, description } = backend;
  if (capacity === undefined || total <= capacity) return;
  const message = `the weights of ${plan.model} take ${showBytes(total)}`;
  const holds = `${description} holds ${showBytes(capacity)}`;
  throw new BraidError("memory/weights", `${message}, but ${holds}`, {
    hint: "use `--backend webgpu` on a device with more memory, or a smaller model",
  });
}
