/** Columns of a product that are read crosswise become products of their own. */

import { createContext, evaluateNode } from "../graph/evaluate.ts";
import type { GraphBuilder } from "../graph/build.ts";
import {
  type Graph,
  type Node,
  nodeAt,
  type Origin,
  sizeOf,
  type ValueId,
} from "../graph/graph.ts";
import { rewriteGraph, rootsOf, usersOf } from "../graph/rewrite.ts";
import type { NamedTensor } from "../graph/tensor.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, constant } from "../op/dimension.ts";
import { equalTypes } from "../op/type.ts";

/**
 * An elementwise value of a product that reads the product's columns at `e` and at half the axis
 * further (rotary positions) becomes the join of its lower and its upper half. Each half reads both
 * halves of the product at one place, so that a tile which has the sums of two columns has all that
 * the two results need: the value can be the epilogue of the product.
 *
 * Sound because the value is elementwise but for selections by indices that are known when building,
 * and each half computes the elements that it has. Values that are neither the halves' nor read by
 * others are left to `removeDead`.
 */
export function splitColumns(graph: Graph): Graph {
  const crossings = findCrossings(graph);
  const parts = new Map<AxisName, readonly Part[]>();
  let known: KnownValues | undefined;
  return rewriteGraph(graph, "splitColumns", (node, old, builder) => {
    const axis = crossings.get(old);
    if (axis === undefined) return undefined;
    known ??= new KnownValues(graph, (id) => builder.nodeOf(id));
    const halves = parts.get(axis) ?? addHalves(builder, axis);
    parts.set(axis, halves);
    const value = builder.append(node);
    const halving = new Halving({ graph, builder, known }, axis, halves);
    const split = halves.map((part) => halving.at(value, part));
    const joined = builder.node(
      { kind: "join", into: axis, parts: halves.map((part) => part.axis) },
      split,
      node.origin,
    );
    return equalTypes(builder.typeOf(joined), node.type) ? joined : value;
  });
}

/** Half of an axis: an axis of its own, and where it begins. */
interface Part {
  readonly axis: AxisName;
  readonly start: number;
  readonly size: number;
}

function addHalves(builder: GraphBuilder, name: AxisName): readonly Part[] {
  const axis = builder.axis(name);
  const size = (asConstant(sizeOf({ axes: builder.axes, name: builder.name }, name)) ?? 0) / 2;
  return ["low", "high"].map((word, index) => {
    const label = `${axis?.label ?? name}.${word}`;
    const lineage = { kind: "own" } as const;
    const added = builder.addFreshAxis({ label, size: constant(size), lineage, segments: [] });
    return { axis: added, start: index * size, size };
  });
}

/** By value, the axis along which it is to be halved. */
function findCrossings(graph: Graph): ReadonlyMap<ValueId, AxisName> {
  const users = usersOf(graph);
  const roots = rootsOf(graph);
  const known = new KnownValues(graph, (id) => nodeAt(graph, id));
  const found = new Map<ValueId, AxisName>();
  graph.nodes.forEach(({ op, args }, index) => {
    const [source, places] = args;
    if (op.kind !== "select" || op.padded || source === undefined || places === undefined) return;
    if (!crossesHalves(graph, known, places, op.axis)) return;
    const product = productBelow(graph, source, op.axis);
    if (product === undefined) return;
    const end = onlyEnd(graph, users, roots, product, op.axis);
    if (end !== undefined && end !== product && end >= index) found.set(end, op.axis);
  });
  return found;
}

/** Whether the index goes from each half of the axis to the same place of the other. */
function crossesHalves(graph: Graph, known: KnownValues, places: ValueId, axis: AxisName): boolean {
  const size = asConstant(sizeOf(graph, axis));
  const { axes } = nodeAt(graph, places).type;
  if (size === undefined || size % 2 !== 0 || axes.length !== 1 || axes[0] !== axis) return false;
  const value = known.of(places);
  return value?.data.every((place, index) => place === (index + size / 2) % size) ?? false;
}

/** The product that an elementwise value comes from, if `axis` is one of its columns. */
function productBelow(graph: Graph, value: ValueId, axis: AxisName): ValueId | undefined {
  const { op, args, type } = nodeAt(graph, value);
  if (!type.axes.includes(axis)) return undefined;
  if (op.kind === "contract") {
    const operands = args.filter((arg) => nodeAt(graph, arg).type.axes.includes(axis));
    return operands.length === 1 ? value : undefined;
  }
  if (op.kind !== "map") return undefined;
  for (const arg of args) {
    const found = productBelow(graph, arg, axis);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The last value that is computed elementwise from `product`, if there is only one. */
function onlyEnd(
  graph: Graph,
  users: readonly (readonly ValueId[])[],
  roots: ReadonlySet<ValueId>,
  product: ValueId,
  axis: AxisName,
): ValueId | undefined {
  const along = new Set([product]);
  let end: ValueId | undefined;
  for (const id of along) {
    const each = users[id] ?? [];
    const goesOn = each.every((user) => {
      const { op, args, type } = nodeAt(graph, user);
      if (type.axes.length !== nodeAt(graph, product).type.axes.length) return false;
      return op.kind === "map" || (op.kind === "select" && op.axis === axis && args[0] === id);
    });
    if (goesOn && each.length > 0 && !roots.has(id)) {
      for (const user of each) along.add(user);
      continue;
    }
    if (end !== undefined) return undefined;
    end = id;
  }
  return end;
}

/** Computes values of the new graph for one half of an axis. */
class Halving {
  readonly #graph: Graph;
  readonly #builder: GraphBuilder;
  readonly #values: KnownValues;
  readonly #axis: AxisName;
  readonly #halves: readonly Part[];
  readonly #known: Map<string, ValueId> = new Map();

  constructor(
    graphs: { readonly graph: Graph; readonly builder: GraphBuilder; readonly known: KnownValues },
    axis: AxisName,
    halves: readonly Part[],
  ) {
    this.#graph = graphs.graph;
    this.#builder = graphs.builder;
    this.#values = graphs.known;
    this.#axis = axis;
    this.#halves = halves;
  }

  /** The half `part` of `value`; the value itself if it has not the axis. */
  at(value: ValueId, part: Part): ValueId {
    const node = this.#builder.nodeOf(value);
    if (!node.type.axes.includes(this.#axis)) return value;
    const key = `${value} ${part.axis}`;
    const known = this.#known.get(key) ?? this.#compute(value, node, part);
    this.#known.set(key, known);
    return known;
  }

  #compute(value: ValueId, node: Node, part: Part): ValueId {
    const { op, args, origin } = node;
    const number = this.#constant(value, node, part);
    if (number !== undefined) return number;
    if (op.kind === "map" || op.kind === "contract") {
      const halves = args.map((arg) => this.at(arg, part));
      return this.#builder.node(op, halves, origin);
    }
    return (op.kind === "select" && this.#selected(node, part)) || this.#slice(value, part, origin);
  }

  /** The value as one number, if it is known and the same in the whole half. */
  #constant(value: ValueId, { type, origin }: Node, part: Part): ValueId | undefined {
    if (type.axes.length !== 1) return undefined;
    const numbers = this.#numbers(value, part);
    const [first] = numbers ?? [];
    if (first === undefined || numbers?.some((each) => each !== first)) return undefined;
    const { element } = type;
    return this.#builder.node({ kind: "constant", element, value: first }, [], origin);
  }

  /** What a selection takes: a half of its operand, or all of another axis. */
  #selected({ op, args, origin }: Node, part: Part): ValueId | undefined {
    const [source, places] = args;
    if (op.kind !== "select" || source === undefined || places === undefined) return undefined;
    const numbers = this.#numbers(places, part);
    const [start] = numbers ?? [];
    if (op.padded || numbers?.every((each, index) => each === (start ?? 0) + index) !== true)
      return undefined;
    if (op.axis === this.#axis) {
      const from = this.#halves.find((each) => each.start === start);
      if (from === undefined) return undefined;
      const half = this.at(source, from);
      return from === part ? half : this.#rename(half, from.axis, part.axis, origin);
    }
    const whole = asConstant(sizeOf(this.#graph, op.axis)) === part.size && start === 0;
    const taken = this.#builder.typeOf(source).axes.includes(this.#axis);
    return whole && !taken ? this.#rename(source, op.axis, part.axis, origin) : undefined;
  }

  #rename(value: ValueId, from: AxisName, to: AxisName, origin: Origin): ValueId {
    return this.#builder.node({ kind: "rename", from, to }, [value], origin);
  }

  #slice(value: ValueId, part: Part, origin: Origin): ValueId {
    const start = constant(part.start);
    return this.#builder.node(
      { kind: "slice", axis: this.#axis, start, into: part.axis },
      [value],
      origin,
    );
  }

  /** The numbers of a value over the axis alone, if they are known when building. */
  #numbers(value: ValueId, part: Part): Float64Array | undefined {
    const { axes } = this.#builder.typeOf(value);
    if (axes.length !== 1 || axes[0] !== this.#axis) return undefined;
    return this.#values.of(value)?.data.subarray(part.start, part.start + part.size);
  }
}

/** Values of index arithmetic over one axis, each computed once for all layers. */
class KnownValues {
  readonly #graph: Graph;
  readonly #nodeOf: (id: ValueId) => Node;
  readonly #values: Map<ValueId, NamedTensor | undefined> = new Map();

  constructor(graph: Graph, nodeOf: (id: ValueId) => Node) {
    this.#graph = graph;
    this.#nodeOf = nodeOf;
  }

  /** The value, if it is known when building. */
  of(id: ValueId): NamedTensor | undefined {
    if (this.#values.has(id)) return this.#values.get(id);
    const value = this.#compute(this.#nodeOf(id));
    this.#values.set(id, value);
    return value;
  }

  #compute(node: Node): NamedTensor | undefined {
    if (node.op.kind !== "map" && node.op.kind !== "index" && node.op.kind !== "constant")
      return undefined;
    if (node.type.axes.length > 1) return undefined;
    const values = node.args.flatMap((arg) => this.of(arg) ?? []);
    if (values.length !== node.args.length) return undefined;
    const sizes = node.type.axes.map((axis) => asConstant(sizeOf(this.#graph, axis)));
    if (sizes.includes(undefined)) return undefined;
    return evaluateNode(node, values, createContext(this.#graph, noEnvironment, "float64"));
  }
}

const noEnvironment = {
  sizes: new Map<string, number>(),
  inputs: new Map(),
  weights: (name: string): never => {
    throw new RangeError(`the weight ${name} is not known when building`);
  },
};
