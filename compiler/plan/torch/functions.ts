/**
 * The blocks and attentions of a model as graphs by themselves: what a function of an extension
 * computes. Inputs and weights have the names of its arguments.
 */

import { GraphBuilder } from "../../graph/build.ts";
import {
  type BlockInstance,
  type Graph,
  type Node,
  nodeAt,
  type ValueId,
  valueId,
} from "../../graph/graph.ts";
import { attendArguments } from "../../op/op.ts";
import { showPredicate } from "../../op/show-predicate.ts";
import { contentKey } from "./content-key.ts";
import { identifier, Identifiers } from "./identifiers.ts";
import { withOwnRows } from "./own-rows.ts";

/** A function to be. */
export interface TorchFunction {
  readonly name: string;
  /** For people: what it is in the spec. */
  readonly doc: string;
  readonly graph: Graph;
}

/** A part of a graph: its own nodes, and how values from outside and weights are called. */
interface Part {
  readonly name: string;
  readonly doc: string;
  readonly own: ReadonlySet<ValueId>;
  readonly results: readonly ValueId[];
  readonly names: ReadonlyMap<ValueId, string>;
  readonly path: string;
}

/** Each block that the spec itself calls, then each attention; those that are equal once. */
export function torchFunctions(graph: Graph): readonly TorchFunction[] {
  const repeated = repeatedNodes(graph);
  const taken = new Identifiers();
  const known = new Set<string>();
  return [...blocks(graph, repeated), ...attentions(graph)].flatMap((part) => {
    const own = withOwnRows(extracted(graph, part, repeated));
    const key = `${part.name} ${contentKey(own)}`;
    const measures = own.nodes.some(({ op }) => op.kind === "measure");
    if (known.has(key) || own.inputs.length === 0 || measures) return [];
    known.add(key);
    const name = taken.take(identifier(part.name));
    return [{ name, doc: part.doc, graph: { ...own, name } }];
  });
}

/**
 * The nodes that a function computes again rather than takes: sizes, constants and what follows from
 * them and positions, and weights in another view.
 */
function repeatedNodes(graph: Graph): readonly boolean[] {
  const free: boolean[] = [];
  const repeated: boolean[] = [];
  for (const { op, args } of graph.nodes) {
    const isFree =
      op.kind === "input"
        ? op.role === "position"
        : op.kind !== "weight" && op.kind !== "state" && args.every((arg) => free[arg]);
    free.push(isFree);
    const isView = ["rename", "split", "merge", "slice", "select", "stack"].includes(op.kind);
    const ofWeights = isView && args.every((arg) => repeated[arg]);
    repeated.push(isFree || op.kind === "weight" || ofWeights);
  }
  return repeated;
}

function blocks(graph: Graph, repeated: readonly boolean[]): readonly Part[] {
  const nodes = new Map<BlockInstance, Set<ValueId>>();
  for (const [index, { origin }] of graph.nodes.entries()) {
    if (repeated[index] === true) continue;
    for (let each = origin.instance; each !== undefined; each = each.caller) {
      const own = nodes.get(each) ?? new Set();
      nodes.set(each, own.add(valueId(index)));
    }
  }
  const used = usedOutside(graph);
  return [...nodes]
    .filter(([instance]) => !instance.call.file.startsWith("std/"))
    .sort(([a], [b]) => a.call.start - b.call.start)
    .map(([{ block, path, formals }, own]) => ({
      name: block,
      doc: `The block \`${block}\`${path === "" ? "" : ` at \`${path}\``}.`,
      own,
      results: [...own].filter((value) => used(value, own)),
      names: formals,
      path,
    }));
}

/** Whether a value is read by anything but `own`. */
function usedOutside(graph: Graph): (value: ValueId, own: ReadonlySet<ValueId>) => boolean {
  const users = new Map<ValueId, ValueId[]>();
  for (const [index, { args }] of graph.nodes.entries())
    for (const arg of args) users.set(arg, [...(users.get(arg) ?? []), valueId(index)]);
  const outputs = new Set(graph.outputs.map(({ value }) => value));
  return (value, own) =>
    outputs.has(value) || (users.get(value) ?? []).some((user) => !own.has(user));
}

function attentions(graph: Graph): readonly Part[] {
  return graph.nodes.flatMap(({ op, args, origin }, index): Part[] => {
    if (op.kind !== "attend") return [];
    const own = new Set([valueId(index)]);
    const names = new Map<ValueId, string>();
    const roles = attendArguments(op, args);
    const call = (value: ValueId | undefined, name: string): void => {
      if (value !== undefined) names.set(beneath(graph, value, own), name);
    };
    call(roles.query, "query");
    for (const { key, value, data } of roles.parts) {
      call(key, "key");
      call(value, "value");
      for (const [place, each] of data) call(each, `data${place}`);
    }
    for (const [place, each] of roles.data) call(each, `data${place}`);
    call(roles.sink, "sink");
    const mask = op.parts.map((each) => showPredicate(each.mask)).join("; ");
    const block = origin.instance?.block ?? "model";
    const path = origin.path === "" ? "" : ` at \`${origin.path}\``;
    const doc = `The attention of \`${block}\`${path}. A query sees a key where: ${mask}.`;
    return [{ name: `${block}_attend`, doc, own, results: [valueId(index)], names, path: "" }];
  });
}

/** The value that an argument shows under other axis names; what renames it becomes the part's own. */
function beneath(graph: Graph, value: ValueId, own: Set<ValueId>): ValueId {
  const { op, args } = nodeAt(graph, value);
  const [from] = args;
  if (op.kind !== "rename" || from === undefined) return value;
  own.add(value);
  return beneath(graph, from, own);
}

/** The part as a graph: what it takes from outside are inputs. */
function extracted(graph: Graph, part: Part, repeated: readonly boolean[]): Graph {
  const builder = new GraphBuilder(part.name, graph.sources);
  for (const axis of graph.axes.values()) builder.addAxis(axis);
  const isOwn = (value: ValueId): boolean => part.own.has(value) || repeated[value] === true;
  const needed = neededNodes(graph, part.results, isOwn);
  const taken = new Identifiers();
  const made = new Map<ValueId, ValueId>();
  for (const value of needed) {
    const node = nodeAt(graph, value);
    const args = node.args.map((arg) => made.get(arg) ?? arg);
    made.set(value, builder.append(isOwn(value) ? copied(node, args) : taking(node, value)));
  }
  for (const [index, result] of part.results.entries()) {
    const name = nodeAt(graph, result).origin.name ?? "output";
    const value = made.get(result);
    if (value !== undefined) builder.addOutput(index === 0 ? name : taken.take(name), value);
  }
  return builder.finish();

  function taking({ type, origin }: Node, value: ValueId): Node {
    const name = taken.take(identifier(part.names.get(value) ?? origin.name ?? "input"));
    builder.addInput({ name, role: "tensor", type, doc: "" });
    return { op: { kind: "input", name, role: "tensor" }, args: [], type, origin };
  }

  function copied(node: Node, args: readonly ValueId[]): Node {
    const { op, type, origin } = node;
    if (op.kind === "input") {
      const name = taken.take(identifier(op.name));
      builder.addInput({ name, role: op.role, type, doc: "" });
      return { ...node, op: { ...op, name } };
    }
    if (op.kind !== "weight") return { ...node, args };
    const local = op.name.startsWith(`${part.path}.`)
      ? op.name.slice(part.path.length + 1)
      : op.name;
    const name = taken.take(identifier(local));
    const info = graph.weights.get(op.name);
    builder.addWeight({ name, alternatives: [[local]], axes: info?.axes ?? type.axes });
    return { op: { kind: "weight", name }, args, type, origin };
  }
}

/**
 * What `results` need, arguments first, in an order that equal parts share; nothing behind what is not
 * the part's own.
 */
function neededNodes(
  graph: Graph,
  results: readonly ValueId[],
  isOwn: (value: ValueId) => boolean,
): readonly ValueId[] {
  const needed = new Set<ValueId>();
  const open = results.toReversed();
  for (let value = open.at(-1); value !== undefined; value = open.at(-1)) {
    const args = isOwn(value) ? nodeAt(graph, value).args : [];
    const missing = args.filter((arg) => !needed.has(arg));
    if (missing.length > 0) open.push(...missing.toReversed());
    else needed.add(open.pop() ?? value);
  }
  return [...needed];
}
