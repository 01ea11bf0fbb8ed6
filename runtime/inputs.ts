/**
 * The inputs of a model: checked by name, kept on the device, and numbered by content.
 *
 * An input that is given again with equal content keeps its version, so that phases which depend on
 * nothing else need not run again. "Equal" is decided bit by bit, not by
 * a hash: on a copy of the host's, or for large ones on the device's where the host can look at it.
 */

import { type Backend, type Slice, tensorBytes, type Upload, wholeOf } from "./backend.ts";
import type { Plan, PlanInput, PlanPhase } from "./contract.ts";
import { BraidError, invariant } from "./errors.ts";
import { showSize } from "./size.ts";
import { copyTensor, dataFrom, firstDifference, type HostTensor, tensorOver } from "./tensor.ts";

/** Tensors by the name of the input that they are for. */
export type Inputs = Readonly<Record<string, HostTensor>>;

/** An input that has been given. */
export interface StoredInput {
  /** Its content until another is given; maybe the very memory of the device. */
  readonly tensor: HostTensor;
  /** Where it lies; the same object as long as it stays there. */
  readonly slice: Slice;
  /** Changes exactly when the content does. */
  version: number;
}

/** Inputs of so many bytes are compared where the device has them, if it lets the host look. */
const worthLooking = 65_536;

/** The inputs that a session has been given so far. */
export class InputStore {
  readonly #backend: Backend;
  readonly #declared: ReadonlyMap<string, PlanInput>;
  readonly #stored: Map<string, StoredInput> = new Map();
  #versions: number = 0;
  /** What `replace` left for whoever runs commands next. */
  #late: Upload | undefined;

  constructor(backend: Backend, plan: Plan) {
    this.#backend = backend;
    this.#declared = new Map(plan.inputs.map((input) => [input.name, input]));
  }

  /** Takes `given`: checks each tensor and uploads those that changed, from the first change on. */
  async accept(given: Inputs): Promise<void> {
    const pairs = Object.entries(given);
    for (const [name, tensor] of pairs) {
      const input = this.#declared.get(name);
      if (input === undefined) throw unknownInput(name, [...this.#declared.keys()]);
      checkInput(input, tensor);
    }
    for (const [name, tensor] of pairs) {
      const old = this.#stored.get(name);
      const changed = old === undefined ? 0 : firstDifference(old.tensor, tensor);
      if (changed !== undefined) await this.#store(name, tensor, old, changed);
    }
  }

  /**
   * As `accept`, where each is known and has the shape that it had: nothing is placed anew, and nothing
   * waited for where the device takes what is uploaded at once. A large one is left to `takeLate` where
   * the device copies while it runs.
   */
  replace(given: Inputs): Promise<unknown> | undefined {
    for (const name in given) {
      const [input, tensor] = [this.#declared.get(name), given[name]];
      if (input !== undefined && tensor !== undefined) checkInput(input, tensor);
    }
    let waiting: Promise<void>[] | undefined;
    for (const name in given) {
      const [stored, tensor] = [this.#stored.get(name), given[name]];
      if (stored === undefined || tensor === undefined) continue;
      const from = firstDifference(stored.tensor, tensor);
      if (from === undefined) continue;
      const { buffer } = stored.slice;
      const [offset, data] = [from * 4, dataFrom(tensor, from)];
      const looksAt = this.#looksAt(stored.slice);
      stored.version = ++this.#versions;
      if (looksAt && this.#late === undefined && this.#backend.runWith !== undefined) {
        this.#late = { buffer, offset, data };
        continue;
      }
      const wait = this.#backend.upload(buffer, offset, data);
      if (!looksAt) copyTensor(tensor, stored.tensor, from);
      if (wait === undefined) continue;
      waiting ??= [];
      waiting.push(this.#lostUnless(wait, name));
    }
    return waiting === undefined ? undefined : Promise.all(waiting);
  }

  /** What is to be uploaded with the commands that read it, before anything else is done. */
  takeLate(): Upload | undefined {
    const late = this.#late;
    this.#late = undefined;
    return late;
  }

  /** What was given for `name`; `input/missing` if nothing was. */
  get(name: string, phase: string): StoredInput {
    const stored = this.#stored.get(name);
    if (stored !== undefined) return stored;
    const input = this.#declared.get(name);
    invariant(input !== undefined, `no input is called ${name}`);
    const message = `phase \`${phase}\` needs the input \`${name}\`, which has not been given`;
    throw new BraidError("input/missing", message, {
      hint: `give \`${name}\`: ${showInput(input)}`,
    });
  }

  /** What was given of what `phase` needs, in memory that stays as it is. */
  given({ inputs }: PlanPhase): Inputs {
    const found = inputs.flatMap((name): (readonly [string, HostTensor])[] => {
      const stored = this.#stored.get(name);
      if (stored === undefined) return [];
      const { tensor, slice } = stored;
      return [[name, this.#looksAt(slice) ? copyTensor(tensor) : tensor]];
    });
    return Object.fromEntries(found);
  }

  /** The version of `name`, or undefined before it was given. Equal versions mean equal content. */
  version(name: string): number | undefined {
    return this.#stored.get(name)?.version;
  }

  /** Frees the device copies. */
  close(): void {
    for (const { slice } of this.#stored.values()) this.#backend.free(slice.buffer);
    this.#stored.clear();
  }

  /** Stores `tensor`, which is `old` up to element `from`. */
  async #store(
    name: string,
    tensor: HostTensor,
    old: StoredInput | undefined,
    from: number,
  ): Promise<void> {
    const bytes = tensorBytes(tensor.data.length);
    // From here on the old content is gone, even if the upload fails.
    this.#stored.delete(name);
    let slice = old?.slice;
    if (slice !== undefined && slice.bytes !== bytes) {
      this.#backend.free(slice.buffer);
      slice = undefined;
    }
    slice ??= wholeOf(await this.#backend.allocate(bytes, `input ${name}`));
    await this.#backend.upload(slice.buffer, from * 4, dataFrom(tensor, from));
    this.#versions++;
    const memory = this.#looksAt(slice) ? this.#backend.view?.(slice.buffer) : undefined;
    const kept =
      memory === undefined ? copyTensor(tensor, old?.tensor, from) : tensorOver(tensor, memory);
    this.#stored.set(name, { tensor: kept, slice, version: this.#versions });
  }

  /** Forgets an input whose upload fails: the device has neither content. */
  async #lostUnless(upload: Promise<void>, name: string): Promise<void> {
    try {
      await upload;
    } catch (error) {
      this.#stored.delete(name);
      throw error;
    }
  }

  /** Whether the content of an input that lies there is looked up there. */
  #looksAt({ bytes }: Slice): boolean {
    return bytes >= worthLooking && this.#backend.view !== undefined;
  }
}

/** An input as declared: `i32 [T], tokens below 512`. */
export function showInput({ element, axes, role, bound }: PlanInput): string {
  const shape = axes.map(({ label, size }) => {
    const text = showSize(size);
    return text === label ? label : `${label} = ${text}`;
  });
  const kind = role === "tensor" ? "" : `, ${role}s${bound === undefined ? "" : ` below ${bound}`}`;
  return `${element} [${shape.join(", ")}]${kind}`;
}

/**
 * Checks what can be checked of one tensor alone: element type, number of axes, tokens and
 * positions.
 */
export function checkInput(input: PlanInput, tensor: HostTensor): void {
  const { name, axes, element, role, bound } = input;
  if (tensor.element !== element) {
    throw new BraidError("input/type", `\`${name}\` holds ${tensor.element}, not ${element}`, {
      hint: `give \`${name}\` as ${showInput(input)}`,
    });
  }
  if (tensor.shape.length !== axes.length) {
    const shape = `[${tensor.shape.join(", ")}]`;
    const message = `\`${name}\` has ${tensor.shape.length} axes ${shape}, not ${axes.length}`;
    throw new BraidError("input/shape", message, {
      hint: `give \`${name}\` as ${showInput(input)}`,
    });
  }
  if (role === "token") checkTokens(name, tensor, bound ?? Number.POSITIVE_INFINITY);
  if (role === "position") checkPositions(name, tensor);
}

function checkTokens(name: string, { data }: HostTensor, bound: number): void {
  let wrong = 0;
  while (wrong < data.length && (data[wrong] ?? 0) >= 0 && (data[wrong] ?? 0) < bound) wrong++;
  if (wrong === data.length) return;
  const message = `token ${data[wrong]} at row ${wrong} of \`${name}\` is not in 0 … ${bound - 1}`;
  throw new BraidError("input/token", message, {
    hint: "use the tokenizer of the checkpoint; config.json has the size of the vocabulary",
  });
}

/** Positions increase along the last axis; other axes are several counts (M-RoPE has three). */
function checkPositions(name: string, { shape, data }: HostTensor): void {
  const length = shape.at(-1) ?? 0;
  for (let row = 0; row < data.length; row++) {
    const [before, here] = [data[row - 1] ?? -1, data[row] ?? 0];
    const rises = row % length === 0 ? here >= 0 : here > before;
    if (rises || shape.length > 1) continue;
    const message = `position ${here} at row ${row} of \`${name}\` does not follow ${before}`;
    throw new BraidError("input/position", message, {
      hint: "positions are not negative and increase from row to row within a segment",
    });
  }
}

function unknownInput(name: string, names: readonly string[]): BraidError {
  return new BraidError("input/unknown", `the model has no input \`${name}\``, {
    hint: `its inputs are ${names.map((each) => `\`${each}\``).join(", ")}`,
  });
}
