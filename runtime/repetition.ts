/**
 * Calls of a phase that differ from the one before by what its inputs hold and by how many rows the
 * caches hold: the steps of an answer, and a model that is called again and again.
 *
 * What such a call needs besides was checked, bound and placed by the call before, and is not looked
 * at again. The weights of a step pass through the processor's caches and leave nothing of the runtime
 * there, so that what is done besides takes several times as long as it would alone.
 */

import type { Backend, Upload } from "./backend.ts";
import type { Plan, PlanPhase } from "./contract.ts";
import { invariant } from "./errors.ts";
import type { Inputs, InputStore } from "./inputs.ts";
import type { PhaseProgram } from "./program.ts";
import { type SymbolValues, symbolsOf } from "./size.ts";
import type { StateStore } from "./states.ts";
import type { HostTensor } from "./tensor.ts";

/** A call that was made, and with what. */
export interface MadeCall {
  readonly plan: Plan;
  readonly phase: PlanPhase;
  readonly program: PhaseProgram;
  readonly inputs: InputStore;
  readonly states: StateStore;
  /** The values of its symbols. */
  readonly values: SymbolValues;
  /** What cached rows depend on beside those before them: an input that is given anew is none. */
  readonly basis: readonly string[];
}

/** A call that can be repeated, as long as nothing else happens to the session between. */
export class Repetition {
  readonly phase: PlanPhase;
  readonly #call: MadeCall;
  readonly #past: readonly string[];
  /** The inputs that may be given anew, and the shapes that they have. */
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  /** The rows that the caches have room for. */
  readonly #room: number;
  /** The rows that a call appends. */
  readonly rows: number;
  /** The values of the symbols in the call that is made. */
  readonly #values: Map<string, number>;

  private constructor(call: MadeCall, past: readonly string[], rows: number, room: number) {
    const { phase, inputs, plan, basis } = call;
    this.phase = phase;
    this.#call = call;
    this.#past = past;
    this.rows = rows;
    this.#values = new Map(call.values);
    this.#room = room;
    const others = plan.phases.filter((each) => each !== phase && each.kind !== "forward");
    const shared = new Set([...basis, ...others.flatMap((each) => each.inputs)]);
    this.#shapes = new Map(
      phase.inputs.flatMap((name) =>
        shared.has(name) ? [] : [[name, inputs.get(name, phase.name).tensor.shape]],
      ),
    );
  }

  /** How to make `call` again; undefined if the next one may need more than its inputs. */
  static of(call: MadeCall, rows: number): Repetition | undefined {
    const { plan, phase, program, states } = call;
    const isPlain = phase.kind === "extend" || phase.kind === "forward";
    if (!isPlain || !program.isSettled) return undefined;
    const past = plan.symbols.filter(({ source }) => source.kind === "past");
    const names = past.map(({ name }) => name);
    const sizes = [
      ...phase.outputs.flatMap(({ axes }) => axes.map(({ size }) => size)),
      ...phase.buffers.map(({ size }) => size),
    ];
    const grows = sizes.some((size) => names.some((name) => symbolsOf(size).has(name)));
    const room = states.room(phase, call.values);
    return grows || room === undefined ? undefined : new Repetition(call, names, rows, room);
  }

  /** Whether it is all of what `Session.forward` does. */
  get isWhole(): boolean {
    const { phase, plan } = this.#call;
    return phase.kind === "forward" && plan.phases.every(({ kind }) => kind !== "static");
  }

  /** Whether a call of the phase `name` with `given` is such a call. */
  takes(name: string, given: Inputs): boolean {
    if (name !== this.phase.name || this.#call.states.past + this.rows > this.#room) return false;
    for (const input in given) {
      const [shape, tensor] = [this.#shapes.get(input), given[input]];
      if (shape === undefined || tensor === undefined || !hasShape(tensor, shape)) return false;
    }
    return true;
  }

  /**
   * Runs the next call, whose inputs were given but for what is to arrive with it; what there is to wait
   * for.
   */
  run(backend: Backend, arriving: Upload | undefined): Promise<void> | undefined {
    const { program, states } = this.#call;
    for (const name of this.#past) this.#values.set(name, states.past);
    const commands = program.again(this.#values);
    if (arriving === undefined) return backend.run(commands);
    invariant(backend.runWith !== undefined, "a device copies while it runs");
    return backend.runWith(arriving, commands);
  }
}

function hasShape({ shape }: HostTensor, wanted: readonly number[]): boolean {
  if (shape.length !== wanted.length) return false;
  for (let axis = 0; axis < wanted.length; axis++) if (shape[axis] !== wanted[axis]) return false;
  return true;
}
