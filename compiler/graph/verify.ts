/**
 * Checks every invariant of a graph. A violation is our own mistake: it throws `InvariantError` that
 * names the pass, says what is wrong and prints the neighbourhood of the node.
 */

import { invariant } from "../../grammar/invariant.ts";
import { symbolsOf } from "../op/dimension.ts";
import { equalTypes } from "../op/type.ts";
import type { Graph, Node } from "./graph.ts";
import { printNode, printType } from "./print.ts";
import { resultType } from "./result-type.ts";
import { axesOf } from "./uses.ts";
import { verifySizes } from "./verify-sizes.ts";

/** Throws unless `graph`, as `pass` left it, is well-formed. */
export function verifyGraph(graph: Graph, pass: string): void {
  graph.nodes.forEach((node, id) => {
    blaming(
      `after ${pass}, %${id} is wrong`,
      () => neighbourhood(graph, node, id),
      () => verifyNode(graph, node, id),
    );
  });
  blaming(
    `after ${pass}, the graph is wrong`,
    () => `graph ${graph.name}`,
    () => verifyTables(graph),
  );
}

/** Runs `check`; what it throws is thrown again with what it is about before and `context` after. */
function blaming(subject: string, context: () => string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const reason = error.message.replace(/^Braid broke its own rule: /, "");
    invariant(false, `${subject}: ${reason}\n${context()}`);
  }
}

function verifyNode(graph: Graph, node: Node, id: number): void {
  for (const arg of node.args)
    invariant(Number.isInteger(arg) && arg >= 0 && arg < id, `its argument %${arg} is not earlier`);
  for (const axis of axesOf(node))
    invariant(graph.axes.has(axis), `the axis ${axis} is not in the graph`);
  const types = node.args.map((arg) => argument(graph, arg).type);
  const wanted = resultType(node.op, types, graph);
  invariant(
    equalTypes(wanted, node.type),
    `its type is ${printType(node.type)}, the operation gives ${printType(wanted)}`,
  );
  verifySizes(graph, node.op, types);
}

function verifyTables(graph: Graph): void {
  for (const [name, axis] of graph.axes) {
    invariant(name === axis.name, `the axis ${axis.name} is filed under ${name}`);
    for (const segment of axis.segments)
      invariant(graph.axes.has(segment.axis), `the axis ${segment.axis} is not in the graph`);
  }
  const names = new Set<string>();
  for (const output of graph.outputs) {
    invariant(graph.nodes[output.value] !== undefined, `output ${output.name} has no value`);
    invariant(!names.has(output.name), `two outputs are called ${output.name}`);
    names.add(output.name);
  }
  verifyMeasures(graph);
  const { generation } = graph;
  if (generation === undefined) return;
  invariant(graph.nodes[generation.logits] !== undefined, "generation reads no value");
  invariant(graph.axes.has(generation.axis), `the axis ${generation.axis} is not in the graph`);
}

/** Whatever has rows that the graph counts depends on the count, so that it is computed after it. */
function verifyMeasures(graph: Graph): void {
  const measured = new Set(
    graph.nodes.flatMap(({ op }) => (op.kind === "measure" ? [op.symbol] : [])),
  );
  if (measured.size === 0) return;
  const known: ReadonlySet<string>[] = [];
  for (const [id, node] of graph.nodes.entries()) {
    const own = new Set(node.args.flatMap((arg) => [...(known[arg] ?? [])]));
    if (node.op.kind === "measure") own.add(node.op.symbol);
    known.push(own);
    const sizes = node.type.axes.flatMap((axis) => graph.axes.get(axis)?.size ?? []);
    if (node.op.kind === "size") sizes.push(node.op.size);
    for (const symbol of sizes.flatMap((size) => [...symbolsOf(size)]))
      invariant(
        !measured.has(symbol) || own.has(symbol),
        `%${id} has rows by ${symbol}, on whose count it does not depend`,
      );
  }
}

function argument(graph: Graph, id: number): Node {
  const node = graph.nodes[id];
  invariant(node !== undefined, `its argument %${id} does not exist`);
  return node;
}

/** The node with its arguments and users, one line each, the node itself marked. */
function neighbourhood(graph: Graph, node: Node, id: number): string {
  const near = graph.nodes.flatMap((other, index) => {
    if (index === id) return [`> ${printNode(other, index)}`];
    const related = node.args.some((arg) => arg === index) || other.args.some((arg) => arg === id);
    return related ? [`  ${printNode(other, index)}`] : [];
  });
  return near.join("\n");
}
