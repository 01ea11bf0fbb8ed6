/** Runs the phases of a model one after another, states carried from one to the next. */

import type { Environment, Tensor } from "../../compiler/graph/evaluate.ts";
import { evaluateGraph } from "../../compiler/graph/evaluate.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { NamedTensor } from "../../compiler/graph/tensor.ts";
import { evaluateDimension, symbolsOf } from "../../compiler/op/dimension.ts";
import type { Phase, Phases } from "../../compiler/phase/phase.ts";
import { verifyGraph } from "../../compiler/graph/verify.ts";
import { weightsOf } from "./toy-prompt.ts";

/** A running model: what its phases have left so far. */
export class PhaseRun {
  readonly #split: Phases;
  readonly #weights: (name: string) => Tensor;
  readonly states: Map<string, NamedTensor> = new Map();
  /** The names of the phases that ran, in order. */
  readonly ran: string[] = [];
  past = 0;
  /** What phases have measured, by symbol. */
  readonly #measured: Map<string, number> = new Map();

  constructor(graph: Graph, split: Phases) {
    this.#split = split;
    this.#weights = weightsOf(graph);
    for (const phase of split.phases) verifyGraph(phase.graph, `phase ${phase.name}`);
  }

  /** Runs the static phases for these inputs. */
  prepare(environment: Environment): void {
    for (const phase of this.#phases("static")) this.#run(phase, environment);
  }

  /** Forgets the rows in the caches. */
  clear(): void {
    for (const state of this.#split.states)
      if (state.kind === "cache") this.states.delete(state.name);
    this.past = 0;
  }

  /** The logits of the last of the text rows `from … to`, which follow those that were given before. */
  next(environment: Environment, from: number, to: number): NamedTensor {
    const [prompt] = this.#phases("prompt");
    const [extend] = this.#phases("extend");
    const phase = this.past === 0 && prompt !== undefined ? prompt : extend;
    if (phase === undefined) throw new RangeError("the model has no phase `extend`");
    const outputs = this.#run(phase, textRows(environment, from, to));
    this.past += to - from;
    const [logits] = outputs.values();
    if (logits === undefined) throw new RangeError("`extend` gives no logits");
    return logits;
  }

  /** All outputs for a whole prompt. */
  forward(environment: Environment): ReadonlyMap<string, NamedTensor> {
    const [forward] = this.#phases("forward");
    if (forward === undefined) throw new RangeError("the model has no phase `forward`");
    return this.#run(forward, environment);
  }

  #phases(kind: Phase["kind"]): readonly Phase[] {
    return this.#split.phases.filter((phase) => phase.kind === kind);
  }

  #run(phase: Phase, environment: Environment): ReadonlyMap<string, NamedTensor> {
    this.ran.push(phase.name);
    const sizes = new Map([...environment.sizes, ...this.#measured]).set("past", this.past);
    const result = evaluateGraph(phase.graph, {
      ...environment,
      sizes,
      inputs: new Map(
        phase.inputs.map((name) => [name, environment.inputs.get(name) ?? missing(name)]),
      ),
      weights: this.#weights,
      states: this.#statesFor(phase, sizes),
    });
    for (const { state, value } of phase.writes)
      this.states.set(state, result.values[value] ?? missing(state));
    for (const [name, value] of result.states) this.states.set(name, value);
    for (const [name, value] of result.measured) this.#measured.set(name, value);
    return result.outputs;
  }

  /** The states that a phase reads, and empty caches where there are none yet. */
  #statesFor(phase: Phase, sizes: ReadonlyMap<string, number>): Map<string, Tensor> {
    const states = new Map<string, Tensor>(
      phase.reads.map((name) => [name, this.states.get(name) ?? missing(name)]),
    );
    for (const { op, type } of phase.graph.nodes) {
      if (op.kind !== "append") continue;
      const shape = type.axes.map((axis) => {
        const size = phase.graph.axes.get(axis)?.size;
        if (size === undefined) return 0;
        return symbolsOf(size).has("past") ? 0 : evaluateDimension(size, sizes);
      });
      states.set(op.state, this.states.get(op.state) ?? { element: type.element, shape, data: [] });
    }
    return states;
  }
}

function missing(name: string): never {
  throw new RangeError(`nothing has left \`${name}\``);
}

/** The text rows `from … to` of a prompt, with everything else as it is. */
function textRows(environment: Environment, from: number, to: number): Environment {
  const inputs = new Map(environment.inputs);
  for (const name of ["prompt", "position.text"]) {
    const whole = inputs.get(name);
    if (whole === undefined) continue;
    const data = Array.from(whole.data).slice(from, to);
    inputs.set(name, { element: whole.element, shape: [data.length], data });
  }
  const sizes = new Map(environment.sizes).set("T", to - from);
  return { ...environment, inputs, sizes };
}
