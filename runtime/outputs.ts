/**
 * The outputs of phases on the device, read when somebody wants them.
 */

import { type Backend, type Slice, tensorBytes } from "./backend.ts";
import type { PlanOutput, PlanPhase } from "./contract.ts";
import { BraidError, invariant } from "./errors.ts";
import { evaluateSize, type SymbolValues } from "./size.ts";
import { elementCount, type HostTensor } from "./tensor.ts";

/**
 * An output of one run. It can be read until its phase runs again; after that,
 * `session/overwritten`.
 */
export interface OutputTensor {
  readonly name: string;
  readonly element: "f32" | "i32";
  readonly shape: readonly number[];
  /** All of it. */
  read(): Promise<HostTensor>;
  /** Its last `elements` elements, as a vector. */
  readLast(elements: number): Promise<HostTensor>;
}

interface StoredOutput {
  /** Where it lies; the same object as long as that and its shape stay. */
  slice: Slice;
  shape: readonly number[];
  /** Counts the runs of the phase. */
  run: number;
}

/** The outputs of all phases of a session. */
export class OutputStore {
  readonly #backend: Backend;
  readonly #stored: Map<PlanOutput, StoredOutput> = new Map();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /**
   * Makes room for the outputs of `phase` and says where they lie; earlier ones can no longer be
   * read.
   */
  async prepare(phase: PlanPhase, values: SymbolValues): Promise<(name: string) => Slice> {
    for (const output of phase.outputs) {
      const shape = output.axes.map(({ size }) => evaluateSize(size, values));
      if (!this.#reuse(output, shape)) await this.#make(phase, output, shape);
    }
    return (name) => {
      const output = phase.outputs.find((each) => each.name === name);
      const stored = output === undefined ? undefined : this.#stored.get(output);
      if (stored === undefined) invariant(false, `phase ${phase.name} has no output ${name}`);
      return stored.slice;
    };
  }

  /** Says that `phase` ran again for the same sizes: what it gave before can no longer be read. */
  again(phase: PlanPhase): void {
    for (const output of phase.outputs) {
      const stored = this.#stored.get(output);
      if (stored !== undefined) stored.run++;
    }
  }

  /** Says which sizes `phase` ran for, where it was made room for larger ones. */
  settle(phase: PlanPhase, values: SymbolValues): void {
    for (const output of phase.outputs) {
      const stored = this.#stored.get(output);
      invariant(stored !== undefined, `phase ${phase.name} has no output ${output.name}`);
      const shape = output.axes.map(({ size }) => evaluateSize(size, values));
      stored.shape = shape;
    }
  }

  /** The outputs of the last run of `phase`; `onRead` is told whenever one has been read. */
  of(phase: PlanPhase, onRead: () => void = () => undefined): ReadonlyMap<string, OutputTensor> {
    const found = new Map<string, OutputTensor>();
    for (const output of phase.outputs) {
      const stored = this.#stored.get(output);
      if (stored === undefined)
        invariant(false, `phase ${phase.name} has not computed its output ${output.name}`);
      found.set(output.name, new StoredTensor(this.#backend, output, phase.name, stored, onRead));
    }
    return found;
  }

  /** Writes over what there is, if that is large enough. */
  #reuse(output: PlanOutput, shape: readonly number[]): boolean {
    const old = this.#stored.get(output);
    const bytes = tensorBytes(elementCount(shape));
    if (old === undefined || old.slice.buffer.bytes < bytes) return false;
    const { buffer } = old.slice;
    if (old.slice.bytes !== bytes) old.slice = { buffer, offset: 0, bytes };
    old.shape = shape;
    old.run++;
    return true;
  }

  async #make({ name }: PlanPhase, output: PlanOutput, shape: readonly number[]): Promise<void> {
    const bytes = tensorBytes(elementCount(shape));
    const old = this.#stored.get(output);
    if (old !== undefined) {
      this.#backend.free(old.slice.buffer);
      old.run++;
    }
    this.#stored.delete(output);
    const buffer = await this.#backend.allocate(bytes, `output ${name}.${output.name}`);
    const slice = { buffer, offset: 0, bytes };
    this.#stored.set(output, { slice, shape, run: 0 });
  }
}

/** An output of one run. */
class StoredTensor implements OutputTensor {
  readonly name: string;
  readonly element: "f32" | "i32";
  readonly shape: readonly number[];
  readonly #backend: Backend;
  readonly #phase: string;
  readonly #stored: StoredOutput;
  readonly #run: number;
  readonly #onRead: () => void;

  constructor(
    backend: Backend,
    { name, element }: PlanOutput,
    phase: string,
    stored: StoredOutput,
    onRead: () => void,
  ) {
    this.name = name;
    this.element = element;
    this.shape = stored.shape;
    this.#backend = backend;
    this.#phase = phase;
    this.#stored = stored;
    this.#run = stored.run;
    this.#onRead = onRead;
  }

  async read(): Promise<HostTensor> {
    const bytes = this.#download(0, elementCount(this.shape));
    return this.#tensor(this.shape, bytes instanceof ArrayBuffer ? bytes : await bytes);
  }

  async readLast(elements: number): Promise<HostTensor> {
    const all = elementCount(this.shape);
    if (elements > all)
      invariant(false, `${this.name} has ${all} elements, fewer than ${elements}`);
    const bytes = this.#download(all - elements, elements);
    return this.#tensor([elements], bytes instanceof ArrayBuffer ? bytes : await bytes);
  }

  #download(first: number, count: number): Promise<ArrayBuffer> | ArrayBuffer {
    if (this.#stored.run !== this.#run) throw overwritten(this.name, this.#phase);
    if (count === 0) return new ArrayBuffer(0);
    return this.#backend.download(this.#stored.slice.buffer, first * 4, count * 4);
  }

  #tensor(shape: readonly number[], bytes: ArrayBuffer): HostTensor {
    if (this.shape.every((size) => size > 0)) this.#onRead();
    return hostTensor(this.element, shape, bytes);
  }
}

function hostTensor(
  element: "f32" | "i32",
  shape: readonly number[],
  bytes: ArrayBuffer,
): HostTensor {
  return element === "f32"
    ? { element, shape, data: new Float32Array(bytes) }
    : { element, shape, data: new Int32Array(bytes) };
}

function overwritten(name: string, phase: string): BraidError {
  const message = `the output \`${name}\` is gone: phase \`${phase}\` has run again since`;
  return new BraidError("session/overwritten", message, {
    hint: "read an output before the next call",
  });
}
