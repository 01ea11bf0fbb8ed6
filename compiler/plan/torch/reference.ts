/**
 * Functions in plain PyTorch, operation by operation as the graph has them: what the kernels are
 * tested against. Slow and obvious; attentions have their whole mask.
 */

import { type Graph, type Node, nodeAt, type ValueId, valueId } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import { applyTable, type MapFunction, type Op, type OpOf, type OpTable } from "../../op/op.ts";
import { numberText } from "../emit/code.ts";
import { identifier, Identifiers } from "./identifiers.ts";
import { symbolText } from "./python.ts";
import { attendLines } from "./reference-attend.ts";
import { aligned, gathered, type Named, ordered, sizeOfAxis } from "./reference-views.ts";
import { gatheredWeights, parametersOf, type TorchSignature } from "./signatures.ts";
import { pythonDimension } from "./size-text.ts";

/** `reference.py`. */
export function referenceText(
  functions: readonly { readonly graph: Graph; readonly signature: TorchSignature }[],
): string {
  return [
    '"""What the kernels compute, in plain PyTorch.',
    "",
    "`factor` is given what products multiply; `online` is around the sums that kernels rescale as they grow.",
    '"""',
    "",
    "from contextlib import nullcontext",
    "",
    "import torch",
    "from torch.nn import functional",
    "",
    "# What floats are computed in; their arguments have this type.",
    "FLOAT = torch.float64",
    "",
    "",
    "def exact(tensor):",
    "    return tensor",
    ...functions.flatMap(({ graph, signature }) => ["", "", ...functionLines(graph, signature)]),
    "",
  ].join("\n");
}

function functionLines(graph: Graph, signature: TorchSignature): readonly string[] {
  const { name, symbols, sizes } = signature;
  const writer = new ReferenceWriter(graph, signature);
  const parameters = [
    ...parametersOf(signature).map((each) => (each === "weights" ? each : each.name)),
    ...sizes,
  ];
  const gathered = gatheredWeights(signature);
  const weights = gathered.map((each) => `${each.name} = weights["${each.path}"]`);
  const body = [...weights, ...symbols.map(symbolText), ...writer.lines()];
  return [
    `def ${name}(${parameters.join(", ")}, factor=exact, online=nullcontext):`,
    ...body.map((line) => `    ${line}`),
  ];
}

/** Writes one function. */
class ReferenceWriter {
  readonly #graph: Graph;
  readonly #taken: Identifiers = new Identifiers();
  readonly #names: string[] = [];
  readonly #lines: string[] = [];

  constructor(graph: Graph, { tensors, symbols, sizes }: TorchSignature) {
    this.#graph = graph;
    const taken = [
      ...tensors.map(({ name }) => name),
      ...symbols.map(({ name }) => name),
      ...sizes,
    ];
    for (const each of [
      ...taken,
      "weights",
      "factor",
      "online",
      "FLOAT",
      "torch",
      "functional",
      "exact",
    ])
      this.#taken.take(each);
  }

  lines(): readonly string[] {
    for (const [index, node] of this.#graph.nodes.entries()) this.#write(valueId(index), node);
    const results = this.#graph.outputs.map(({ value }) => this.#names[value] ?? "");
    return [...this.#lines, `return ${results.join(", ")}`];
  }

  #write(value: ValueId, node: Node): void {
    const args = node.args.map((arg) => this.#named(arg));
    const text = applyTable(table, node.op, {
      args,
      node,
      graph: this.#graph,
      add: (line) => this.#lines.push(line),
      fresh: (name) => this.#taken.take(name),
    });
    // What only names something is used as it is.
    if (/^[\w.]+$/.test(text)) {
      this.#names[value] = text;
      return;
    }
    const name = this.#taken.take(identifier(node.origin.name ?? node.op.kind));
    this.#lines.push(`${name} = ${text}`);
    this.#names[value] = name;
  }

  #named(value: ValueId): Named {
    const { type } = nodeAt(this.#graph, value);
    return { text: this.#names[value] ?? "", axes: type.axes, element: type.element };
  }
}

/** What a rule is given. */
export interface Written {
  readonly args: readonly Named[];
  readonly node: Node;
  readonly graph: Graph;
  /** Adds a line of its own. */
  readonly add: (line: string) => void;
  /** A name that is not used yet. */
  readonly fresh: (name: string) => string;
}

const table: OpTable<[Written], string> = {
  input: (op) => op.name,
  weight: (op) => op.name,
  constant: ({ element, value }) => scalar(element, value),
  table: (op, { graph }) => {
    const shape = op.axes.map((axis) => sizeOfAxis(graph, axis)).join(", ");
    const data = `[${op.data.map(numberText).join(", ")}]`;
    return `torch.tensor(${data}, dtype=${types[op.element]}).reshape(${shape})`;
  },
  size: (op) => `torch.tensor(${pythonDimension(op.size)})`,
  index: (op, { graph }) => `torch.arange(${sizeOfAxis(graph, op.axis)})`,
  map: (op, { args, node }) => {
    const operands = args.map((each) => aligned(each, node.type.axes));
    return maps[op.fn](...operands);
  },
  reduce: reduceText,
  cumulative: (op, written) => {
    const x = only(written);
    return `${x.text}.cumsum(${x.axes.indexOf(op.axis)})`;
  },
  contract: (_, { args, node }) => contractText(args, node),
  rename: (_, written) => only(written).text,
  split: (op, written) => {
    const x = only(written);
    const sizes = op.into.map((axis) => sizeOfAxis(written.graph, axis)).join(", ");
    return `${x.text}.unflatten(${x.axes.indexOf(op.axis)}, (${sizes}))`;
  },
  merge: (op, written) => {
    const x = only(written);
    const last = x.axes.findLast((axis) => op.axes.includes(axis));
    const order = x.axes.flatMap((axis) => {
      if (axis === last) return op.axes;
      return op.axes.includes(axis) ? [] : [axis];
    });
    const first = order.indexOf(op.axes[0] ?? "");
    return `${ordered(x, order)}.flatten(${first}, ${first + op.axes.length - 1})`;
  },
  slice: (op, written) => {
    const x = only(written);
    const [start, size] = [pythonDimension(op.start), sizeOfAxis(written.graph, op.into)];
    return `${x.text}.narrow(${x.axes.indexOf(op.axis)}, ${start}, ${size})`;
  },
  select: selectText,
  join: (op, { args, node, graph }) => {
    const at = node.type.axes.indexOf(op.into);
    const parts = args.map((arg, i) => {
      const axes = node.type.axes.with(at, op.parts[i] ?? op.into);
      const shape = axes.map((axis) => sizeOfAxis(graph, axis)).join(", ");
      return `${aligned(arg, axes)}.expand(${shape})`;
    });
    return `torch.cat([${parts.join(", ")}], ${at})`;
  },
  stack: (_, { args, node }) => {
    const parts = args.map((arg) => aligned(arg, node.type.axes.slice(1)));
    return `torch.stack(torch.broadcast_tensors(${parts.join(", ")}))`;
  },
  attend: (op, written) => attendLines(op, written),
  top: (op, written) => {
    const x = only(written);
    const at = x.axes.indexOf(op.axis);
    const sorted = `torch.sort(${x.text}, dim=${at}, descending=True, stable=True)`;
    return `${sorted}.${op.result}.narrow(${at}, 0, ${sizeOfAxis(written.graph, op.into)})`;
  },
  sort: (op, written) => {
    const x = only(written);
    return `torch.sort(${x.text}, dim=${x.axes.indexOf(op.axis)}, stable=True).${op.result}`;
  },
  measure: notHere,
  state: notHere,
  append: notHere,
};

function notHere({ kind }: Op): never {
  throw new RangeError(`a function has no ${kind}`);
}

const types = { float: "FLOAT", int: "torch.int64", bool: "torch.bool" } as const;

function scalar(element: keyof typeof types, value: number): string {
  if (element === "bool") return `torch.tensor(${value === 0 ? "False" : "True"})`;
  if (Number.isFinite(value)) return `torch.tensor(${numberText(value)}, dtype=${types[element]})`;
  return `torch.tensor(float("${value > 0 ? "inf" : value < 0 ? "-inf" : "nan"}"))`;
}

const maps: Readonly<Record<MapFunction, (...operands: readonly string[]) => string>> = {
  negate: (x) => `-${x}`,
  not: (x) => `torch.logical_not(${x})`,
  abs: (x) => `${x}.abs()`,
  exp: (x) => `${x}.exp()`,
  log: (x) => `${x}.log()`,
  sqrt: (x) => `${x}.sqrt()`,
  rsqrt: (x) => `${x}.rsqrt()`,
  tanh: (x) => `${x}.tanh()`,
  sigmoid: (x) => `${x}.sigmoid()`,
  silu: (x) => `functional.silu(${x})`,
  gelu: (x) => `functional.gelu(${x})`,
  gelu_tanh: (x) => `functional.gelu(${x}, approximate="tanh")`,
  quick_gelu: (x) => `${x} * (1.702 * ${x}).sigmoid()`,
  erf: (x) => `${x}.erf()`,
  relu: (x) => `${x}.relu()`,
  sin: (x) => `${x}.sin()`,
  cos: (x) => `${x}.cos()`,
  acos: (x) => `${x}.acos()`,
  floor: (x) => `${x}.floor()`,
  ceil: (x) => `${x}.ceil()`,
  round: (x) => `${x}.round()`,
  float: (x) => `${x}.to(FLOAT)`,
  int: (x) => `${x}.to(torch.int64)`,
  add: (a, b) => `${a} + ${b}`,
  subtract: (a, b) => `${a} - ${b}`,
  multiply: (a, b) => `${a} * ${b}`,
  divide: (a, b) => `${a} / ${b}`,
  floor_divide: (a, b) => `torch.div(${a}, ${b}, rounding_mode="floor")`,
  remainder: (a, b) => `torch.remainder(${a}, ${b})`,
  min: (a, b) => `torch.minimum(${a}, ${b})`,
  max: (a, b) => `torch.maximum(${a}, ${b})`,
  equal: (a, b) => `${a} == ${b}`,
  not_equal: (a, b) => `${a} != ${b}`,
  less: (a, b) => `${a} < ${b}`,
  less_equal: (a, b) => `${a} <= ${b}`,
  and: (a, b) => `torch.logical_and(${a}, ${b})`,
  or: (a, b) => `torch.logical_or(${a}, ${b})`,
  where: (condition, a, b) => `torch.where(${condition}, ${a}, ${b})`,
};

function only({ args }: Written): Named {
  const [x] = args;
  if (x === undefined) throw new RangeError("an operation lacks its argument");
  return x;
}

function reduceText(op: OpOf<"reduce">, written: Written): string {
  const x = only(written);
  const kept = x.axes.filter((axis) => !op.over.includes(axis));
  const last = ordered(x, [...kept, ...x.axes.filter((axis) => op.over.includes(axis))]);
  const rows = op.over.length === 1 ? last : `${last}.flatten(${kept.length})`;
  if (op.fn === "greedy")
    return `torch.where(${rows}.amax(-1) > -torch.inf, ${rows}.argmax(-1), -1)`;
  const name = { sum: "sum", mean: "mean", max: "amax", min: "amin", argmax: "argmax" }[op.fn];
  return op.over.length === 0 ? x.text : `${rows}.${name}(-1)`;
}

/** Einstein's sums name axes by letters. */
function contractText([left, right]: readonly Named[], { type }: Node): string {
  if (left === undefined || right === undefined) throw new RangeError("a product has two factors");
  const all: readonly AxisName[] = [...new Set([...left.axes, ...right.axes])];
  const letters = (axes: readonly AxisName[]): string =>
    axes.map((axis) => "abcdefghijklmnopqrstuvwxyz"[all.indexOf(axis)] ?? "?").join("");
  const sum = `${letters(left.axes)},${letters(right.axes)}->${letters(type.axes)}`;
  return `torch.einsum("${sum}", factor(${left.text}), factor(${right.text}))`;
}

function selectText(op: OpOf<"select">, { args, node, graph, add, fresh }: Written): string {
  const [x, index] = args;
  if (x === undefined || index === undefined) throw new RangeError("a selection has two arguments");
  const { axes } = node.type;
  const chosen = aligned(index, axes);
  if (!op.padded) return gathered(graph, x, op.axis, chosen, axes);
  const size = sizeOfAxis(graph, op.axis);
  const [at, inside] = [fresh("at"), fresh("inside")];
  add(`${at} = ${chosen}.to(torch.int64)`);
  add(`${inside} = (${at} >= 0) & (${at} < ${size})`);
  const taken = gathered(graph, x, op.axis, `${at}.clamp(0, ${size} - 1)`, axes);
  return `torch.where(${inside}, ${taken}, torch.zeros((), dtype=${x.text}.dtype))`;
}
