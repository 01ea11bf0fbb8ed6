/** One kernel shape on a device: its memory, its candidates checked against the default, their times. */

import {
  type Backend,
  type Command,
  type DeviceBuffer,
  type DeviceData,
  elementBytes,
  tensorBytes,
  wholeOf,
} from "../../../runtime/backend.ts";
import { invariant } from "../../../grammar/invariant.ts";
import type { ElementType, Plan } from "../../../runtime/contract.ts";
import { type BufferSource, resultsOf, sourceKey } from "../../fusion/region.ts";
import { halfFromBits } from "../../kernel/half.ts";
import { evaluateDimension } from "../../op/dimension.ts";
import type { RowNumbers } from "../../report/row-numbers.ts";
import type { Candidate } from "./candidates.ts";
import { contentOf } from "./memory.ts";
import type { KernelShape } from "./shapes.ts";
import { toleranceOf } from "./tolerance.ts";

/** What a candidate's results are to the default's. */
export type Agreement = "same bits" | "another order" | "unchecked" | "wrong";

/** How long commands run before a time is believed, in milliseconds. */
const leastMilliseconds = 2;
/** Calls of a kernel at a time, at most. */
const mostCalls = 256;

/** Half the spacing at 1. */
const units: Readonly<Record<ElementType, number>> = {
  f32: 2 ** -24,
  i32: 0,
  f16: 2 ** -11,
  bf16: 2 ** -8,
};

interface Memory {
  readonly source: BufferSource;
  readonly element: ElementType;
  readonly content: DeviceData;
  readonly buffer: DeviceBuffer;
  readonly written: boolean;
}

/** A shape whose kernels can be run. `close` frees its memory. */
export class Trial {
  readonly #shape: KernelShape;
  readonly #backend: Backend;
  readonly #candidates: readonly Candidate[];
  readonly #memory: ReadonlyMap<string, Memory>;
  readonly #clock: () => number;
  readonly #rows: RowNumbers;
  readonly #commands: (readonly Command[])[];

  private constructor(
    shape: KernelShape,
    candidates: readonly Candidate[],
    memory: ReadonlyMap<string, Memory>,
    device: TrialDevice,
    rows: RowNumbers,
  ) {
    this.#shape = shape;
    this.#backend = device.backend;
    this.#candidates = candidates;
    this.#memory = memory;
    this.#clock = device.clock;
    this.#rows = rows;
    this.#commands = candidates.map((each) => [this.#command(each)]);
  }

  /** Fills the memory of a shape, whose default is the first of `candidates`. */
  static async open(
    shape: KernelShape,
    candidates: readonly Candidate[],
    device: TrialDevice,
    rows: RowNumbers,
  ): Promise<Trial> {
    const { backend, plan } = device;
    const memory = new Map<string, Memory>();
    const [usual] = candidates;
    for (const [index, { parameter }] of (usual?.lowered.bindings ?? []).entries()) {
      const source = usual?.sources[index];
      if (source === undefined) continue;
      const key = sourceKey(source);
      const written = parameter.access !== "read";
      const before = memory.get(key);
      if (before !== undefined) {
        memory.set(key, { ...before, written: written || before.written });
        continue;
      }
      const content = contentOf(shape, plan, rows, source, parameter);
      const bytes = tensorBytes(content.length, parameter.element);
      const buffer = await backend.allocate(bytes, `${shape.name} ${parameter.name}`);
      const { element } = parameter;
      memory.set(key, { source, element, content, buffer, written });
    }
    const trial = new Trial(shape, candidates, memory, device, rows);
    for (const each of memory.values()) await backend.upload(each.buffer, 0, whole(each.content));
    return trial;
  }

  /** How the results of each candidate agree with the default's; the first is the default. */
  async agreements(): Promise<readonly Agreement[]> {
    const wanted = await this.#results(0);
    const agreements: Agreement[] = ["same bits"];
    let tolerances: readonly number[] | undefined;
    let known = false;
    for (let index = 1; index < this.#candidates.length; index++) {
      const found = await this.#results(index);
      if (wanted.every((each, at) => sameBits(each, found[at]))) {
        agreements.push("same bits");
        continue;
      }
      if (!known) tolerances = toleranceOf(this.#shape, this.#rows, (each) => this.#unit(each));
      known = true;
      if (tolerances === undefined) agreements.push("unchecked");
      else agreements.push(this.#within(wanted, found, tolerances) ? "another order" : "wrong");
    }
    return agreements;
  }

  /** Milliseconds of one call of a candidate. */
  async time(index: number): Promise<number> {
    const commands = this.#commands[index] ?? [];
    const took = await this.#run(commands);
    const [first] = commands;
    if (first !== undefined && took < leastMilliseconds && commands.length < mostCalls) {
      const wanted = Math.ceil((commands.length * leastMilliseconds) / Math.max(took, 1e-3));
      const count = Math.min(mostCalls, wanted);
      this.#commands[index] = Array.from({ length: count }, () => first);
    }
    return took / Math.max(1, commands.length);
  }

  close(): void {
    for (const { buffer } of this.#memory.values()) this.#backend.free(buffer);
  }

  async #run(commands: readonly Command[]): Promise<number> {
    await this.#backend.finish();
    const start = this.#clock();
    const own = await this.#backend.measure?.(commands);
    if (own !== undefined) return own;
    await this.#backend.run(commands);
    await this.#backend.finish();
    return this.#clock() - start;
  }

  #command({ lowered, sources }: Candidate): Command {
    const { kernel, groups, scalars, flops } = lowered;
    const { sizes } = this.#shape;
    return {
      kind: "dispatch",
      label: this.#shape.name,
      kernel: kernel.name,
      groups: evaluateDimension(groups, sizes),
      buffers: sources.map((source) => {
        const found = this.#memory.get(sourceKey(source));
        invariant(found !== undefined, `${this.#shape.name} has memory for all that it binds`);
        return wholeOf(found.buffer);
      }),
      scalars: scalars.map((scalar) => evaluateDimension(scalar, sizes)),
      flops: evaluateDimension(flops, sizes),
    };
  }

  /** What one call of a candidate leaves in the memory that the kernel writes. */
  async #results(index: number): Promise<readonly DeviceData[]> {
    const written = [...this.#memory.values()].filter((each) => each.written);
    for (const { buffer, content } of written)
      await this.#backend.upload(buffer, 0, whole(content));
    const command = this.#commands[index]?.[0];
    await this.#backend.run(command === undefined ? [] : [command]);
    const results: DeviceData[] = [];
    for (const { buffer, content, element } of written) {
      const bytes = Math.ceil((content.length * elementBytes[element]) / 4) * 4;
      results.push(viewOf(await this.#backend.download(buffer, 0, bytes), element));
    }
    return results;
  }

  #within(
    wanted: readonly DeviceData[],
    found: readonly DeviceData[],
    tolerances: readonly number[],
  ): boolean {
    const results = resultsOf(this.#shape.region);
    const written = [...this.#memory.values()].filter((each) => each.written);
    return written.every(({ source, element }, at) => {
      const own = results.flatMap(({ store }, index) =>
        sourceKey(store.target) === sourceKey(source) ? [tolerances[index] ?? 0] : [],
      );
      return agree(wanted[at], found[at], element, Math.max(0, ...own));
    });
  }

  #unit(source: BufferSource): number {
    return units[this.#memory.get(sourceKey(source))?.element ?? "f32"];
  }
}

/** Where trials run. */
export interface TrialDevice {
  readonly backend: Backend;
  /** The plan of the model that is tuned. */
  readonly plan: Plan;
  /** Milliseconds since some time. */
  readonly clock: () => number;
}

/** Data as whole words. */
function whole(data: DeviceData): DeviceData {
  if (!(data instanceof Uint16Array) || data.length % 2 === 0) return data;
  const padded = new Uint16Array(data.length + 1);
  padded.set(data);
  return padded;
}

function viewOf(bytes: ArrayBuffer, element: ElementType): DeviceData {
  if (element === "f32") return new Float32Array(bytes);
  return element === "i32" ? new Int32Array(bytes) : new Uint16Array(bytes);
}

function sameBits(a: DeviceData | undefined, b: DeviceData | undefined): boolean {
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  const [left, right] = [a, b].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  return left !== undefined && right !== undefined && left.every((each, at) => each === right[at]);
}

function agree(
  wanted: DeviceData | undefined,
  found: DeviceData | undefined,
  element: ElementType,
  tolerance: number,
): boolean {
  if (wanted === undefined || found === undefined) return false;
  const number = (data: DeviceData, at: number): number => {
    const each = data[at] ?? 0;
    return element === "f16" || element === "bf16" ? halfFromBits(each, element) : each;
  };
  for (let at = 0; at < wanted.length; at++) {
    const [a, b] = [number(wanted, at), number(found, at)];
    if (Object.is(a, b) || Math.abs(a - b) <= (element === "i32" ? 0 : tolerance)) continue;
    return false;
  }
  return true;
}
