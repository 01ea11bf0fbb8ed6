/**
 * A graph as text, for golden tests, dumps and messages: the axes that nodes name, one line a node,
 * the outputs. Equal graphs print equally; spans are left out, so that edits elsewhere in the source
 * change nothing.
 */

import type { Axis } from "../op/axis.ts";
import { showDimension } from "../op/dimension.ts";
import { applyTable, type AttendOp, type Op, type OpTable } from "../op/op.ts";
import { showPredicate, showScore } from "../op/show-predicate.ts";
import type { TensorType } from "../op/type.ts";
import type { Graph, Node, Origin } from "./graph.ts";
import { axesOf } from "./uses.ts";

/** The whole graph. */
export function printGraph(graph: Graph): string {
  const used = new Set(graph.nodes.flatMap((node) => axesOf(node)));
  const axes = [...graph.axes.values()].filter((axis) => used.has(axis.name));
  const lines = [
    `graph ${graph.name}`,
    ...axes.map((axis) => `axis ${printAxis(axis)}`),
    ...graph.nodes.map((node, id) => printNode(node, id)),
    ...graph.outputs.map((output) => `output ${output.name} = %${output.value}`),
  ];
  if (graph.generation !== undefined) {
    const { tokens, axis, logits } = graph.generation;
    lines.push(`generate ${tokens}[${axis}] from %${logits}`);
  }
  return `${lines.join("\n")}\n`;
}

/** `%3: float[S, D] = map multiply %0 %1   ; model.layers.0, x`. */
export function printNode(node: Node, id: number): string {
  const args = node.args.map((arg) => ` %${arg}`).join("");
  const line = `%${id}: ${printType(node.type)} = ${printOp(node.op)}${args}`;
  const note = printOrigin(node.origin);
  return note === "" ? line : `${line}   ; ${note}`;
}

/** `float[S, D]`; a scalar is its element alone. */
export function printType(type: TensorType): string {
  return type.axes.length === 0 ? type.element : `${type.element}[${type.axes.join(", ")}]`;
}

/** An operation with its attributes. */
export function printOp(op: Op): string {
  return applyTable(table, op);
}

function printAxis(axis: Axis): string {
  const { lineage } = axis;
  const notes: string[] = [];
  if (axis.label !== axis.name) notes.push(`label ${axis.label}`);
  if (lineage.kind === "renamed") notes.push(`renamed ${lineage.from}`);
  if (lineage.kind === "segment") notes.push(`segment ${lineage.segment} of ${lineage.of}`);
  if (lineage.kind === "selected") notes.push(`selected from ${lineage.from}`);
  if (axis.segments.length > 0)
    notes.push(`sequence ${axis.segments.map((each) => `${each.name}: ${each.axis}`).join(", ")}`);
  const size = `${axis.name} = ${showDimension(axis.size)}`;
  return notes.length === 0 ? size : `${size}   ; ${notes.join("; ")}`;
}

function printOrigin(origin: Origin): string {
  return [origin.path, origin.name ?? ""].filter((part) => part !== "").join(", ");
}

const shownNumbers = 8;

const table: OpTable<[], string> = {
  input: (op) => `input ${op.role} ${op.name}`,
  weight: (op) => `weight ${op.name}`,
  constant: (op) => `constant ${op.element} ${printNumber(op.value)}`,
  table: (op) => {
    const shown = op.data.slice(0, shownNumbers).map(printNumber).join(" ");
    const more = op.data.length > shownNumbers ? ` … ${op.data.length} in all` : "";
    return `table (${shown}${more})`;
  },
  size: (op) => `size (${showDimension(op.size)})`,
  index: (op) => `index ${op.axis}`,
  measure: (op) => `measure ${op.symbol} <= ${op.most.key}`,
  map: (op) => `map ${op.fn}`,
  reduce: (op) => `reduce ${op.fn} over ${op.over.join(", ")}:`,
  cumulative: (op) => `cumulative ${op.axis}`,
  contract: (op) => `contract over ${op.over.length === 0 ? "nothing" : op.over.join(", ")}:`,
  rename: (op) => `rename ${op.from} as ${op.to}:`,
  split: (op) => `split ${op.axis} = ${op.into.join(" * ")}:`,
  merge: (op) => `merge ${op.axes.join(" * ")} = ${op.into}:`,
  slice: (op) => `slice ${op.axis} from ${showDimension(op.start)} as ${op.into}:`,
  select: (op) => `select ${op.axis}${op.padded ? " padded" : ""}:`,
  join: (op) => `join ${op.into} = ${op.parts.join(" + ")}:`,
  stack: (op) => `stack ${op.into}:`,
  attend: printAttend,
  top: (op) => `top ${op.axis} as ${op.into} ${op.result}:`,
  sort: (op) => `sort ${op.axis} ${op.result}:`,
  state: (op) => `state ${op.name}`,
  append: ({ state, axis, into, ring, pages }) => {
    const memory = ring === undefined ? "" : ` in ${ring} slots`;
    return `append ${state} ${axis} as ${into}${memory}${pages === undefined ? "" : ` in pages of ${pages}`}:`;
  },
};

function printAttend(op: AttendOp): string {
  const segment = op.querySegment === undefined ? "" : ` in ${op.querySegment}`;
  const parts = op.parts.map((part) => {
    const where = part.segment === undefined ? "" : ` in ${part.segment}`;
    return `${part.axis}${where} where ${showPredicate(part.mask)}`;
  });
  const group = op.group === undefined ? "" : ` heads ${op.group.query} on ${op.group.key};`;
  const score = op.score === undefined ? "" : ` score ${showScore(op.score)};`;
  const data = op.data.length === 0 ? "" : ` data ${op.data.join(" ")};`;
  const normalize = op.normalize === "softmax" ? "" : ` ${op.normalize};`;
  const sink = op.sink ? " sink;" : "";
  const result = op.result === "output" ? "" : ` ${op.result};`;
  return (
    `attend ${op.query}${segment} over (${parts.join("; ")}) by ${op.contracted} to ${op.value};` +
    `${group} scale ${printNumber(op.scale)};${score}${data}${normalize}${sink}${result}`
  );
}

function printNumber(value: number): string {
  return Object.is(value, -0) ? "-0" : `${value}`;
}
