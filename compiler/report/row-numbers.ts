/**
 * What is known of a prompt from its lengths alone: the positions of rows, and token data computed
 * from them. Segments are taken to follow each other as declared (images before text), as they do
 * where a prompt has no placeholders.
 */

import type { NamedTensor, Tensor } from "../graph/evaluate.ts";
import { createContext, evaluateNode } from "../graph/evaluate.ts";
import { axisAt, type Graph, nodeAt, sizeOf, type ValueId } from "../graph/graph.ts";
import { type AxisName, rowsOf } from "../op/axis.ts";
import { evaluateDimension } from "../op/dimension.ts";
import type { Op } from "../op/op.ts";
import { past } from "../phase/phase.ts";

/** The values of a graph's nodes that follow from lengths. */
export class RowNumbers {
  readonly #graph: Graph;
  readonly #sizes: ReadonlyMap<string, number>;
  readonly #growing: ReadonlySet<string>;
  readonly #inputs: ReadonlyMap<string, Float64Array>;
  readonly #context: ReturnType<typeof createContext>;
  readonly #known: Map<ValueId, NamedTensor | undefined> = new Map();
  #before: RowNumbers | undefined;

  /**
   * `growing` are the symbols that count new rows only where caches hold `past` rows; `inputs` are
   * the integer inputs that are known, row-major.
   */
  constructor(
    graph: Graph,
    sizes: ReadonlyMap<string, number>,
    growing: ReadonlySet<string>,
    inputs: ReadonlyMap<string, Float64Array> = new Map(),
  ) {
    this.#graph = graph;
    this.#inputs = inputs;
    this.#sizes = sizes;
    this.#growing = growing;
    const weights = (name: string): Tensor => {
      throw new RangeError(`${name} is not known from lengths`);
    };
    this.#context = createContext(graph, { sizes, inputs: new Map(), weights }, "float64");
  }

  /** The number of rows of an axis. */
  extent(axis: AxisName): number {
    return this.#context.extent(axis);
  }

  /** The value of a node; undefined if it depends on more than lengths. */
  of(id: ValueId): NamedTensor | undefined {
    if (this.#known.has(id)) return this.#known.get(id);
    const value = this.#compute(id);
    this.#known.set(id, value);
    return value;
  }

  #compute(id: ValueId): NamedTensor | undefined {
    const node = nodeAt(this.#graph, id);
    const { op, type } = node;
    const shape = (): readonly number[] => type.axes.map((axis) => this.extent(axis));
    if (op.kind === "input") {
      if (op.role === "position") return this.#positions(type.axes, shape());
      const data = this.#inputs.get(op.name);
      return data && { element: type.element, axes: type.axes, shape: shape(), data };
    }
    if (op.kind === "append") return this.#append(op, id, shape());
    if (op.kind === "weight" || op.kind === "state") return undefined;
    const args: NamedTensor[] = [];
    for (const arg of node.args) {
      const value = this.of(arg);
      if (value === undefined) return undefined;
      args.push(value);
    }
    return evaluateNode(node, args, this.#context);
  }

  /** Consecutive positions, from where the rows of the axis begin in their sequence. */
  #positions(axes: readonly AxisName[], shape: readonly number[]): NamedTensor {
    const [axis = ""] = axes;
    const [count = 0] = shape;
    const start = this.#start(axis);
    const data = Float64Array.from({ length: count }, (_, row) => start + row);
    return { element: "int", axes, shape, data };
  }

  #start(axis: AxisName): number {
    const held = this.#sizes.get(past) ?? 0;
    const all = new Map(
      [...this.#sizes].map(([name, size]) => [name, this.#growing.has(name) ? size + held : size]),
    );
    const grows = evaluateDimension(sizeOf(this.#graph, axis), all) > this.extent(axis);
    const rows = rowsOf(axisAt(this.#graph, axis), this.#graph.axes).name;
    let start = grows ? held : 0;
    for (const { lineage, segments } of this.#graph.axes.values()) {
      if (lineage.kind !== "own") continue;
      const at = segments.findIndex((each) => each.axis === rows);
      for (const each of segments.slice(0, Math.max(0, at)))
        start += evaluateDimension(sizeOf(this.#graph, each.axis), all);
    }
    return start;
  }

  /** The rows that the cache got when they were new, then those of this call. */
  #append(op: Extract<Op, { kind: "append" }>, id: ValueId, shape: readonly number[]) {
    const [arg] = nodeAt(this.#graph, id).args;
    const added = arg === undefined ? undefined : this.of(arg);
    if (added === undefined || arg === undefined) return undefined;
    const held = this.#sizes.get(past) ?? 0;
    if (held > 0 && this.#before === undefined) {
      const sizes = new Map(
        [...this.#sizes].map(([name, size]) => [name, this.#growing.has(name) ? held : size]),
      );
      this.#before = new RowNumbers(this.#graph, sizes.set(past, 0), this.#growing);
    }
    const before = held > 0 ? this.#before?.of(arg) : undefined;
    if (held > 0 && before === undefined) return undefined;
    const { element, axes } = nodeAt(this.#graph, id).type;
    // Cached rows come first in memory.
    if (axes[0] !== op.into) return undefined;
    const data = new Float64Array((before?.data.length ?? 0) + added.data.length);
    if (before !== undefined) data.set(before.data);
    data.set(added.data, before?.data.length ?? 0);
    return { element, axes, shape, data };
  }
}
