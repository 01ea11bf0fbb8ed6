/**
 * Which static values are worth keeping between calls, and where the cut runs: at computed values
 * whose making took real work, where what a value depends on changes.
 */

import { type Graph, type Node, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import { applyTable, type OpTable } from "../op/op.ts";
import { type Dependences, type InputSet, isStatic } from "./dependence.ts";

/** By kept value: the inputs it depends on, which is the phase that computes it. */
export type Kept = ReadonlyMap<ValueId, InputSet>;

/**
 * The static values that a later phase or a dynamic value reads.
 *
 * A value is kept only if some projection, attention or reduction of weights or tensors went into it:
 * tables of positions are computed again where they are used. Views are made again, too, so that the
 * cut is at what was computed. And an elementwise value is made again if all that it is computed
 * from is kept anyway (the halves of a key, swapped and negated, next to the key).
 */
export function keptValues(graph: Graph, dependences: Dependences): Kept {
  const heavy = heavyValues(graph);
  const setOf = (id: ValueId): InputSet => dependences.of[id]?.all ?? 0n;
  const kept = new Set<ValueId>();
  const keep = (id: ValueId): void => {
    if (heavy[id] !== true || kept.has(id)) return;
    const node = nodeAt(graph, id);
    if (!isView(graph, node)) kept.add(id);
    else for (const arg of node.args) keep(arg);
  };
  graph.nodes.forEach((node, index) => {
    for (const arg of node.args) {
      const crosses =
        !isStatic(dependences, valueId(index)) || setOf(arg) !== setOf(valueId(index));
      if (crosses && isStatic(dependences, arg)) keep(arg);
    }
  });
  for (const { value } of graph.outputs) if (isStatic(dependences, value)) keep(value);
  const again = (id: ValueId): boolean => isMadeAgain(graph, id, kept, heavy, setOf);
  for (const id of [...kept].sort((a, b) => a - b)) if (again(id)) kept.delete(id);
  return new Map([...kept].sort((a, b) => a - b).map((id) => [id, setOf(id)]));
}

/** Whether an elementwise value comes from kept values of its own phase alone. */
function isMadeAgain(
  graph: Graph,
  id: ValueId,
  kept: ReadonlySet<ValueId>,
  heavy: readonly boolean[],
  setOf: (id: ValueId) => InputSet,
): boolean {
  const isLight = ({ op }: Node): boolean =>
    op.kind === "map" || op.kind === "join" || op.kind === "stack";
  const from = (arg: ValueId): boolean => {
    if (heavy[arg] !== true) return true;
    if (kept.has(arg)) return setOf(arg) === setOf(id);
    const node = nodeAt(graph, arg);
    return (isView(graph, node) || isLight(node)) && node.args.every(from);
  };
  const node = nodeAt(graph, id);
  return isLight(node) && node.args.every(from);
}

/** Whether a node only shows another value's numbers in another shape. */
export function isView(graph: Graph, { op, args }: Node): boolean {
  switch (op.kind) {
    case "rename":
    case "split":
    case "merge":
    case "slice":
      return true;
    case "select": {
      const [, index] = args;
      return index !== undefined && isConstant(graph, index);
    }
    default:
      return false;
  }
}

/** Whether a value is known when compiling. */
function isConstant(graph: Graph, id: ValueId): boolean {
  const { op, args } = nodeAt(graph, id);
  const leaf = op.kind === "constant" || op.kind === "table" || op.kind === "index";
  return leaf || (args.length > 0 && args.every((arg) => isConstant(graph, arg)));
}

/** By node: whether work over weights or tensors went into it. */
export function heavyValues(graph: Graph): readonly boolean[] {
  const heavy: boolean[] = [];
  const filled: boolean[] = [];
  for (const { op, args } of graph.nodes) {
    const fill = (op.kind === "input" && op.role === "tensor") || op.kind === "weight";
    const full = fill || args.some((arg) => filled[arg]);
    filled.push(full);
    heavy.push((full && applyTable(isWork, op)) || args.some((arg) => heavy[arg]));
  }
  return heavy;
}

const no = (): boolean => false;
const yes = (): boolean => true;

/** Whether an operation is more than moving numbers or computing each from a few others. */
const isWork: OpTable<[], boolean> = {
  input: no,
  weight: no,
  constant: no,
  table: no,
  size: no,
  index: no,
  // Whoever reads it knows how many rows there are without asking the device again.
  measure: yes,
  map: no,
  reduce: yes,
  cumulative: yes,
  contract: yes,
  rename: no,
  split: no,
  merge: no,
  slice: no,
  select: no,
  join: no,
  stack: no,
  attend: yes,
  top: yes,
  sort: yes,
  // What another phase has kept was worth keeping.
  state: yes,
  append: yes,
};
