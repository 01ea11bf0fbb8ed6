/**
 * Runs a graph: the definition of every operation. Plain loops, slow on purpose and obviously right;
 * a kernel that disagrees with this beyond rounding is wrong.
 *
 * In `float64` each step is rounded to double precision; in `float32` each addition, multiplication
 * and so on is rounded to single precision, sums go in storage order, and each elementwise function
 * is correctly rounded.
 */

import { invariant } from "../../grammar/invariant.ts";
import type { AxisName } from "../op/axis.ts";
import { type Dimension, evaluateDimension } from "../op/dimension.ts";
import { applyTable, type OpOf, type OpTable } from "../op/op.ts";
import type { Element, TensorType } from "../op/type.ts";
import { evaluateAttend } from "./evaluate-attend.ts";
import type { Environment, EvaluateContext } from "./evaluate-context.ts";
import { applyMap } from "./evaluate-map.ts";
import { evaluateSort, evaluateTop } from "./evaluate-order.ts";
import { evaluateContract, evaluateCumulative, evaluateReduce } from "./evaluate-reduce.ts";
import {
  evaluateJoin,
  evaluateMerge,
  evaluateSelect,
  evaluateSlice,
  evaluateStack,
} from "./evaluate-views.ts";
import { axisAt, type Graph, type Node, type ValueId, valueId } from "./graph.ts";
import { marginOf } from "./margin.ts";
import { align, countOf, type NamedTensor, type Tensor } from "./tensor.ts";

export type { Environment } from "./evaluate-context.ts";
export type { NamedTensor, Tensor } from "./tensor.ts";

/** How a graph is evaluated. */
export interface EvaluateOptions {
  readonly precision?: "float64" | "float32";
  /** Also report the margins of discontinuous operations. */
  readonly margins?: boolean;
}

/** What an evaluation found. */
export interface Evaluation {
  /** By output name. */
  readonly outputs: ReadonlyMap<string, NamedTensor>;
  /** What each `append` leaves: the state's rows with the new ones. */
  readonly states: ReadonlyMap<string, NamedTensor>;
  /** The value of every node. */
  readonly values: readonly NamedTensor[];
  /**
   * For each discontinuous node (`argmax`, `top`, `floor`, comparisons, …) the smallest change of an
   * argument that could change its result; empty unless asked for.
   */
  readonly margins: ReadonlyMap<ValueId, number>;
  /** What each `measure` found, by its symbol. */
  readonly measured: ReadonlyMap<string, number>;
}

/** Evaluates every node of `graph`. Throws if the environment lacks something or sizes disagree. */
export function evaluateGraph(
  graph: Graph,
  environment: Environment,
  options: EvaluateOptions = {},
): Evaluation {
  const context = createContext(graph, environment, options.precision ?? "float64");
  const values: NamedTensor[] = [];
  const margins = new Map<ValueId, number>();
  const states = new Map<string, NamedTensor>();
  const measured = new Map<string, number>();
  for (const [index, node] of graph.nodes.entries()) {
    const args = node.args.map((arg) => valueAt(values, arg));
    const value = evaluateNode(node, args, context);
    values.push(value);
    if (node.op.kind === "append") states.set(node.op.state, value);
    if (node.op.kind === "measure") measured.set(node.op.symbol, value.data[0] ?? 0);
    if (options.margins) {
      const margin = marginOf(node.op, args, context);
      if (margin !== undefined) margins.set(valueId(index), margin);
    }
  }
  const outputs = new Map(
    graph.outputs.map((output) => [output.name, valueAt(values, output.value)]),
  );
  return { outputs, states, values, margins, measured };
}

/** One node on the values of its arguments. */
export function evaluateNode(
  node: Node,
  args: readonly NamedTensor[],
  context: EvaluateContext,
): NamedTensor {
  const { element, axes } = node.type;
  const shape = axes.map(context.extent);
  const raw = applyTable(table, node.op, { args, axes, shape, type: node.type, context });
  invariant(
    raw.length === countOf(shape),
    `\`${node.op.kind}\` gave ${raw.length} numbers for [${shape.join(", ")}]`,
  );
  const data = element === "float" && context.single ? raw.map(Math.fround) : raw;
  return { element, axes, shape, data };
}

/** The context of an evaluation; axis sizes are computed once each. */
export function createContext(
  graph: Graph,
  environment: Environment,
  precision: "float64" | "float32",
): EvaluateContext {
  const extents = new Map<AxisName, number>();
  const sizes = new Map(environment.sizes);
  const sizeOf = (size: Dimension): number => evaluateDimension(size, sizes);
  const single = precision === "float32";
  return {
    graph,
    environment,
    single,
    round: single ? Math.fround : (value) => value,
    extent: (name) => {
      const known = extents.get(name);
      if (known !== undefined) return known;
      const size = sizeOf(axisAt(graph, name).size);
      invariant(Number.isInteger(size) && size >= 0, `the axis ${name} has ${size} rows`);
      extents.set(name, size);
      return size;
    },
    sizeOf,
    measure: (symbol, value) => {
      sizes.set(symbol, value);
    },
  };
}

interface Application {
  readonly args: readonly NamedTensor[];
  /** The axes, their sizes and the type of the result. */
  readonly axes: readonly AxisName[];
  readonly shape: readonly number[];
  readonly type: TensorType;
  readonly context: EvaluateContext;
}

const table: OpTable<[Application], Float64Array> = {
  input: (op, { shape, type, context }) => {
    const value = context.environment.inputs.get(op.name);
    invariant(value !== undefined, `the environment has no input \`${op.name}\``);
    return load(`input \`${op.name}\``, value, shape, type.element);
  },
  weight: (op, { shape, type, context }) =>
    load(`weight \`${op.name}\``, context.environment.weights(op.name), shape, type.element),
  constant: (op) => Float64Array.of(op.value),
  table: (op) => Float64Array.from(op.data),
  size: (op, { context }) => Float64Array.of(context.sizeOf(op.size)),
  index: (op, { context }) => Float64Array.from({ length: context.extent(op.axis) }, (_, i) => i),
  measure: (op, { args, context }) => {
    const { data } = only(args);
    const [count = 0] = data;
    const most = context.sizeOf(op.most);
    invariant(count >= 0 && count <= most, `${op.symbol} is measured as ${count} of ${most}`);
    context.measure(op.symbol, count);
    return Float64Array.from(data);
  },
  map: (op, { args, axes, shape, type }) => {
    const operands = args.map((arg) =>
      arg.data.length === 1 ? arg.data : align(arg, axes, shape),
    );
    return applyMap(op.fn, type.element, operands, countOf(shape));
  },
  reduce: (op, { args, context }) => evaluateReduce(op, only(args), context),
  cumulative: (op, { args, context }) => evaluateCumulative(op, only(args), context),
  contract: (op, { args, axes, context }) => {
    const [left, right] = pair(args);
    return evaluateContract(op, left, right, axes, context);
  },
  rename: (_, { args }) => only(args).data,
  split: (_, { args }) => only(args).data,
  merge: (op, { args }) => evaluateMerge(op, only(args)),
  slice: (op, { args, context }) => evaluateSlice(op, only(args), context),
  select: (op, { args, axes, shape }) => {
    const [x, index] = pair(args);
    return evaluateSelect(op, x, index, axes, shape);
  },
  join: (op, { args, axes, shape, context }) => evaluateJoin(op, args, axes, shape, context),
  stack: (_, { args, axes, shape }) => evaluateStack(args, axes, shape),
  attend: (op, { args, axes, context }) => evaluateAttend(op, args, axes, context),
  top: (op, { args, axes, context }) => evaluateTop(op, only(args), axes, context),
  sort: (op, { args, axes, context }) => evaluateSort(op, only(args), axes, context),
  state: (op, { shape, type, context }) =>
    load(`state \`${op.name}\``, stateOf(op.name, context), shape, type.element),
  append: evaluateAppend,
};

function evaluateAppend(op: OpOf<"append">, application: Application): Float64Array {
  const { args, axes, shape, type, context } = application;
  const x = only(args);
  const at = axes.indexOf(op.into);
  const inner = countOf(shape.slice(at + 1));
  const outer = countOf(shape.slice(0, at));
  const total = (shape[at] ?? 0) * inner;
  const added = context.extent(op.axis) * inner;
  const kept = total - added;
  const past = load(
    `state \`${op.state}\``,
    stateOf(op.state, context),
    shape.with(at, kept / (inner || 1)),
    type.element,
  );
  const result = new Float64Array(countOf(shape));
  for (let row = 0; row < outer; row++) {
    result.set(past.subarray(row * kept, (row + 1) * kept), row * total);
    result.set(x.data.subarray(row * added, (row + 1) * added), row * total + kept);
  }
  return result;
}

function stateOf(name: string, context: EvaluateContext): Tensor {
  const state = context.environment.states?.get(name);
  invariant(state !== undefined, `the environment has no state \`${name}\``);
  return state;
}

/** The numbers of a tensor from outside, which must be as many as `shape` has. */
function load(
  what: string,
  value: Tensor,
  shape: readonly number[],
  element: Element,
): Float64Array {
  invariant(
    value.data.length === countOf(shape),
    `${what} has ${value.data.length} numbers for [${shape.join(", ")}]`,
  );
  invariant(value.element === element, `${what} holds ${value.element}s, not ${element}s`);
  return value.data instanceof Float64Array ? value.data : Float64Array.from(value.data);
}

function valueAt(values: readonly NamedTensor[], id: ValueId): NamedTensor {
  const value = values[id];
  invariant(value !== undefined, `%${id} is used before it is computed`);
  return value;
}

function only(args: readonly NamedTensor[]): NamedTensor {
  const [x] = args;
  invariant(x !== undefined, "an operation lacks its argument");
  return x;
}

function pair(args: readonly NamedTensor[]): readonly [NamedTensor, NamedTensor] {
  const [left, right] = args;
  invariant(left !== undefined && right !== undefined, "an operation lacks an argument");
  return [left, right];
}
