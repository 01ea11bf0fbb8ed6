/**
 * Builds a graph node by node and infers each type. Nodes are appended as asked for: nothing is
 * shared or simplified, that is what passes do.
 */

import { invariant } from "../../grammar/invariant.ts";
import type { NamedText } from "../../grammar/source.ts";
import type { Axis, AxisName } from "../op/axis.ts";
import { symbolsOf } from "../op/dimension.ts";
import type { Op } from "../op/op.ts";
import type { TensorType } from "../op/type.ts";
import {
  type ConfigCheck,
  type Generation,
  type Graph,
  type InputInfo,
  type Node,
  type Origin,
  type Output,
  type SequenceInfo,
  type ValueId,
  valueId,
  type WeightInfo,
} from "./graph.ts";
import { resultType } from "./result-type.ts";

/** A graph in the making; `finish` gives the graph as it is then. */
export class GraphBuilder {
  readonly name: string;
  readonly #axes = new Map<AxisName, Axis>();
  readonly #nodes: Node[] = [];
  readonly #outputs: Output[] = [];
  readonly #weights = new Map<string, WeightInfo>();
  readonly #inputs: InputInfo[] = [];
  readonly #sequences: SequenceInfo[] = [];
  readonly #configChecks: ConfigCheck[] = [];
  /** By symbol: the node that measures it. */
  readonly #measures = new Map<string, ValueId>();
  readonly #sources: ReadonlyMap<string, NamedText>;
  #generation: Generation | undefined;

  /** An empty graph called `name`, whose origins are in `sources`. */
  constructor(name: string, sources: ReadonlyMap<string, NamedText> = new Map()) {
    this.name = name;
    this.#sources = sources;
  }

  /** A builder with all of `graph` but its nodes, outputs and generation: for passes. */
  static without(graph: Graph): GraphBuilder {
    const builder = new GraphBuilder(graph.name, graph.sources);
    for (const [name, axis] of graph.axes) builder.#axes.set(name, axis);
    for (const [name, weight] of graph.weights) builder.#weights.set(name, weight);
    builder.#inputs.push(...graph.inputs);
    builder.#sequences.push(...graph.sequences);
    builder.#configChecks.push(...graph.configChecks);
    return builder;
  }

  /** Adds an axis, whose name must be new; gives the name. */
  addAxis(axis: Axis): AxisName {
    invariant(!this.#axes.has(axis.name), `the axis ${axis.name} is added twice`);
    this.#axes.set(axis.name, axis);
    return axis.name;
  }

  /** Adds an axis whose name is its label, numbered (`K`, `K.2`, `K.3`) if that is taken. */
  addFreshAxis(axis: Omit<Axis, "name">): AxisName {
    return this.addAxis({ ...axis, name: freshAxisName(this.#axes, axis.label) });
  }

  /** The axis called `name`, if it was added. */
  axis(name: AxisName): Axis | undefined {
    return this.#axes.get(name);
  }

  /** All axes added so far. */
  get axes(): ReadonlyMap<AxisName, Axis> {
    return this.#axes;
  }

  /** Declares an input, which `input` nodes may then name. */
  addInput(input: InputInfo): void {
    invariant(
      this.#inputs.every((each) => each.name !== input.name),
      `the input ${input.name} is added twice`,
    );
    this.#inputs.push(input);
  }

  /** Declares a weight, which `weight` nodes may then name. Declaring it again changes nothing. */
  addWeight(weight: WeightInfo): void {
    if (!this.#weights.has(weight.name)) this.#weights.set(weight.name, weight);
  }

  /** The weight called `name`, which was declared. */
  weightOf(name: string): WeightInfo {
    const weight = this.#weights.get(name);
    invariant(weight !== undefined, `the graph ${this.name} has no weight ${name}`);
    return weight;
  }

  addSequence(sequence: SequenceInfo): void {
    this.#sequences.push(sequence);
  }

  addConfigCheck(check: ConfigCheck): void {
    this.#configChecks.push(check);
  }

  /** Makes `value` leave the graph under `name`. */
  addOutput(name: string, value: ValueId): void {
    this.#outputs.push({ name, value });
  }

  /** States what generation grows and reads. */
  setGeneration(generation: Generation): void {
    this.#generation = generation;
  }

  /**
   * Appends `op` of `args`; its type is inferred, and an ill-formed application throws. A `size` and
   * an `index` get the measures that they depend on as arguments.
   */
  node(op: Op, args: readonly ValueId[], origin: Origin): ValueId {
    const measures = this.#measuresFor(op);
    const all = measures.length === 0 ? args : [...new Set([...args, ...measures])];
    const types = all.map((arg) => this.typeOf(arg));
    const type = resultType(op, types, { inputs: this.#inputs, weights: this.#weights });
    return this.append({ op, args: all, type, origin });
  }

  #measuresFor(op: Op): readonly ValueId[] {
    if (this.#measures.size === 0) return [];
    const size =
      op.kind === "size" ? op.size : op.kind === "index" ? this.axis(op.axis)?.size : undefined;
    if (size === undefined) return [];
    return [...symbolsOf(size)].flatMap((symbol) => this.#measures.get(symbol) ?? []);
  }

  /** Appends a node whose type is known; `verify` checks it later. */
  append(node: Node): ValueId {
    const id = valueId(this.#nodes.push(node) - 1);
    if (node.op.kind === "measure") this.#measures.set(node.op.symbol, id);
    return id;
  }

  /** Gives a node the name that the user gave its value, unless it has one. */
  nameValue(id: ValueId, name: string): void {
    const node = this.nodeOf(id);
    if (node.origin.name !== undefined) return;
    this.#nodes[id] = { ...node, origin: { ...node.origin, name } };
  }

  /** The type of a node that was added. */
  typeOf(id: ValueId): TensorType {
    return this.nodeOf(id).type;
  }

  /** The node `id` stands for. */
  nodeOf(id: ValueId): Node {
    const node = this.#nodes[id];
    if (node === undefined) invariant(false, `the graph ${this.name} has no value %${id} yet`);
    return node;
  }

  /** The graph as built so far. */
  finish(): Graph {
    return {
      name: this.name,
      axes: new Map(this.#axes),
      nodes: [...this.#nodes],
      outputs: [...this.#outputs],
      weights: new Map(this.#weights),
      inputs: [...this.#inputs],
      sequences: [...this.#sequences],
      ...(this.#generation === undefined ? {} : { generation: this.#generation }),
      configChecks: [...this.#configChecks],
      sources: this.#sources,
    };
  }
}

/** `label`, or `label.2`, `label.3`, … : the first that `axes` does not have. */
export function freshAxisName(axes: ReadonlyMap<AxisName, unknown>, label: string): AxisName {
  if (!axes.has(label)) return label;
  let count = 2;
  while (axes.has(`${label}.${count}`)) count++;
  return `${label}.${count}`;
}
