/** Computes only the rows that somebody reads. */

import { invariant } from "../../grammar/invariant.ts";
import { GraphBuilder } from "../graph/build.ts";
import {
  type Graph,
  type Node,
  nodeAt,
  type Origin,
  sizeOf,
  type ValueId,
  valueId,
} from "../graph/graph.ts";
import { resultType } from "../graph/result-type.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, constant, equalDimensions } from "../op/dimension.ts";
import type { Op } from "../op/op.ts";
import type { TensorType } from "../op/type.ts";
import { type Computed, demandOf, type Demands, type Separates } from "./demand.ts";
import {
  axisAfter,
  axisBefore,
  isZero,
  orderedPath,
  type Path,
  pathKey,
  pathOfArgument,
  type Step,
  staysZero,
} from "./row-path.ts";
import { RowPaths } from "./row-paths.ts";
import { applyAgain } from "./apply-again.ts";
import { zerosOf } from "./zeros.ts";

/**
 * Moves slices of rows up through the operations that treat rows alike (maps, projections, norms, the
 * queries of attention) to the joins, inputs and states where the rows come from, so that rows which
 * nobody reads are not computed. A value of which all rows are read is computed as a whole, and slices
 * of it stay slices; with `separates`, such a value is computed segment by segment where that says
 * so and its segments are read one by one (as well). Rows that are zeros (an attention that sees
 * nothing) stay zeros through projections and disappear from sums.
 *
 * Sound because each such operation gives a row from the same row of its arguments. Zeros assume
 * that weights are finite. The order of axes in storage may change where rows of a join are taken
 * from one of its parts. Leaves what zeros were multiplied with to `removeDead`.
 */
export function narrowRows(graph: Graph, separates?: Separates): Graph {
  const paths = new RowPaths(graph);
  return new Narrowing(paths, demandOf(paths, rootsOf(graph), separates)).run();
}

/** What leaves the graph, and caches that are filled although nothing here reads them. */
function rootsOf(graph: Graph): readonly ValueId[] {
  const used = new Set(graph.nodes.flatMap((node) => node.args));
  const filled = graph.nodes.flatMap(({ op }, index) =>
    op.kind === "append" && !used.has(valueId(index)) ? [valueId(index)] : [],
  );
  const logits = graph.generation === undefined ? [] : [graph.generation.logits];
  return [...graph.outputs.map((output) => output.value), ...logits, ...filled];
}

/** A value of the new graph, or zeros that are not written out. */
type Value =
  | { readonly kind: "value"; readonly id: ValueId }
  | { readonly kind: "zeros"; readonly type: TensorType };

class Narrowing {
  readonly #paths: RowPaths;
  readonly #graph: Graph;
  readonly #builder: GraphBuilder;
  readonly #demands: Demands;
  /** By the key of the path, then by old node. */
  readonly #values: Map<string, Value[]> = new Map();
  readonly #written: Map<string, ValueId> = new Map();

  constructor(paths: RowPaths, demands: Demands) {
    const { graph } = paths;
    this.#paths = paths;
    this.#graph = graph;
    this.#demands = demands;
    this.#builder = GraphBuilder.without(graph);
  }

  run(): Graph {
    this.#demands.forEach((computed, id) => {
      for (const each of computed?.values() ?? []) this.#value(valueId(id), each.path);
    });
    for (const { name, value } of this.#graph.outputs)
      this.#builder.addOutput(name, this.#root(value));
    const { generation } = this.#graph;
    if (generation !== undefined)
      this.#builder.setGeneration({ ...generation, logits: this.#root(generation.logits) });
    return this.#builder.finish();
  }

  #root(id: ValueId): ValueId {
    return this.#write(this.#value(id, []), nodeAt(this.#graph, id).origin);
  }

  /** The rows `path` of an old value. */
  #value(id: ValueId, rows: Path): Value {
    const path = orderedPath(this.#graph, rows);
    const key = pathKey(path);
    const byNode = this.#values.get(key) ?? [];
    const known = byNode[id];
    if (known !== undefined) return known;
    if (byNode.length === 0) this.#values.set(key, byNode);
    const computed = this.#demands[id]?.get(key);
    const value = computed === undefined ? this.#rest(id, path) : this.#compute(id, computed);
    byNode[id] = value;
    return value;
  }

  /** Rows that are not computed alone: those of an argument, or a slice of what is computed. */
  #rest(id: ValueId, path: Path): Value {
    const node = nodeAt(this.#graph, id);
    const passage = this.#paths.passage(id, path);
    const before = path.slice(0, -1);
    const parent = this.#demands[id]?.has(pathKey(before));
    if (passage.kind === "argument" && parent !== true) return this.#argument(node, passage);
    const last = path.at(-1);
    invariant(last !== undefined, `narrow-rows: nobody asked for %${id}`);
    return this.#slice(this.#value(id, before), last, node.origin);
  }

  #argument(node: Node, passage: { readonly index: number; readonly path: Path }): Value {
    const arg = node.args[passage.index];
    invariant(arg !== undefined, "narrow-rows: an argument is missing");
    return this.#value(arg, passage.path);
  }

  #compute(id: ValueId, { path, pieces }: Computed): Value {
    const node = nodeAt(this.#graph, id);
    if (pieces !== undefined) {
      const args = pieces.steps.map((step) => this.#value(id, [...path, step]));
      const parts = pieces.steps.map((step) => step.into);
      return this.#apply(node, { kind: "join", into: pieces.axis, parts }, args, path);
    }
    if (path.length === 0 && node.op.kind !== "slice") {
      const args = node.args.map((arg) => this.#value(arg, []));
      return this.#apply(node, node.op, args, path);
    }
    const passage = this.#paths.passage(id, path);
    switch (passage.kind) {
      case "argument":
        return this.#argument(node, passage);
      case "index":
        return this.#index(node, passage.axis, passage.start);
      case "operation": {
        const args = passage.args.map((index) => this.#rowsOfArgument(node, index, path));
        return this.#apply(node, passage.op, args, path);
      }
      case "closed":
        invariant(false, `narrow-rows: the rows ${pathKey(path)} of %${id} cannot be had alone`);
    }
  }

  #rowsOfArgument(node: Node, index: number, path: Path): Value {
    const arg = node.args[index];
    invariant(arg !== undefined, "narrow-rows: an argument is missing");
    const own = node.op.kind === "join" ? node.op.into : undefined;
    const rest = path.filter((step, at) => axisBefore(step.axis, path.slice(0, at)) !== own);
    return this.#value(arg, pathOfArgument(this.#graph, node, index, rest));
  }

  #index(node: Node, axis: AxisName, start: ReturnType<typeof sizeOf>): Value {
    const { origin } = node;
    const index = this.#builder.node({ kind: "index", axis }, [], origin);
    if (equalDimensions(start, constant(0))) return { kind: "value", id: index };
    const value = asConstant(start);
    const op: Op =
      value === undefined
        ? { kind: "size", size: start }
        : { kind: "constant", element: "int", value };
    const offset = this.#builder.node(op, [], origin);
    const id = this.#builder.node({ kind: "map", fn: "add" }, [index, offset], origin);
    return { kind: "value", id };
  }

  #slice(value: Value, step: Step, origin: Origin): Value {
    const same =
      equalDimensions(step.start, constant(0)) &&
      equalDimensions(sizeOf(this.#graph, step.axis), sizeOf(this.#graph, step.into));
    const op: Op = same
      ? { kind: "rename", from: step.axis, to: step.into }
      : { kind: "slice", axis: step.axis, start: step.start, into: step.into };
    if (value.kind === "value")
      return { kind: "value", id: this.#builder.node(op, [value.id], origin) };
    const axes = value.type.axes.map((axis) => axisAfter(axis, [step]));
    return { kind: "zeros", type: { ...value.type, axes } };
  }

  /** `op` on `args`, which is the rows `path` of `node`. */
  #apply(node: Node, op: Op, args: readonly Value[], path: Path): Value {
    const wanted = node.type.axes.map((axis) => axisAfter(axis, path));
    if (op.kind === "join" && this.#joinsZeros(node, args))
      return { kind: "zeros", type: { element: node.type.element, axes: wanted } };
    const ids = args.some((arg) => arg.kind === "zeros")
      ? this.#withZeros(op, args, node.origin)
      : args.flatMap((arg) => (arg.kind === "value" ? [arg.id] : []));
    if (!Array.isArray(ids)) return ids;
    if (op === node.op && ids.length === node.args.length)
      return { kind: "value", id: applyAgain(this.#builder, this.#graph, node, ids, path) };
    const id = this.#builder.node(op, ids, node.origin);
    return { kind: "value", id: this.#spread(id, wanted, node.origin) };
  }

  /** A join of nothing but zeros, written out or not. */
  #joinsZeros(node: Node, args: readonly Value[]): boolean {
    return (
      node.op.kind === "join" &&
      args.every((arg) => arg.kind === "zeros" || isZero(this.#builder.nodeOf(arg.id)))
    );
  }

  /** `op` where some of `args` are zeros: its value if that is plain, else its arguments written. */
  #withZeros(op: Op, args: readonly Value[], origin: Origin): Value | ValueId[] {
    const types = args.map((arg) =>
      arg.kind === "zeros" ? arg.type : this.#builder.typeOf(arg.id),
    );
    const type = resultType(op, types, this.#graph);
    if (staysZero(op)) return { kind: "zeros", type };
    const others = args.filter((arg) => arg.kind === "value");
    const [other, more] = others;
    if (op.kind === "map" && op.fn === "add" && other !== undefined && more === undefined) {
      return { kind: "value", id: this.#spread(other.id, type.axes, origin) };
    }
    if (op.kind === "join") {
      const axes = others.map((arg) => this.#builder.typeOf(arg.id).axes.length);
      const full = axes.some((count) => count === type.axes.length);
      if (full) return args.map((arg) => this.#writeScalar(arg, origin));
    }
    return args.map((arg) => this.#write(arg, origin));
  }

  #writeScalar(value: Value, origin: Origin): ValueId {
    if (value.kind === "value") return value.id;
    return this.#builder.node(
      { kind: "constant", element: value.type.element, value: 0 },
      [],
      origin,
    );
  }

  #write(value: Value, origin: Origin): ValueId {
    if (value.kind === "value") return value.id;
    const key = `${value.type.element} ${value.type.axes.join(" ")}`;
    const known = this.#written.get(key);
    if (known !== undefined) return known;
    const id = zerosOf(this.#builder, value.type, origin);
    this.#written.set(key, id);
    return id;
  }

  /** `id` repeated along those of `axes` that it lacks. */
  #spread(id: ValueId, axes: readonly AxisName[], origin: Origin): ValueId {
    const type = this.#builder.typeOf(id);
    const missing = axes.filter((axis) => !type.axes.includes(axis));
    if (missing.length === 0) return id;
    const zeros = this.#write({ kind: "zeros", type: { element: type.element, axes } }, origin);
    return this.#builder.node({ kind: "map", fn: "add" }, [zeros, id], origin);
  }
}
