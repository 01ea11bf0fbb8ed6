/** How a function finds its run-time sizes: from the shapes of its arguments, as far as they tell. */

import { type Graph, axisAt } from "../../graph/graph.ts";
import { axesOf } from "../../graph/uses.ts";
import {
  asConstant,
  constant,
  type Dimension,
  substitute,
  subtract,
  symbolsOf,
} from "../../op/dimension.ts";

/** A size that an argument tells: (its extent along an axis − `rest`) / `factor`. */
export interface SolvedSymbol {
  readonly name: string;
  readonly argument: string;
  readonly axis: number;
  readonly rest: Dimension;
  readonly factor: number;
}

/** Every symbol that the shapes of inputs tell, each after those that it depends on. */
export function solvedSymbols(graph: Graph): readonly SolvedSymbol[] {
  const found: SolvedSymbol[] = [];
  const known = new Set<string>();
  const extents = graph.inputs.flatMap(({ name, type }) =>
    type.axes.map((each, axis) => ({ argument: name, axis, size: axisAt(graph, each).size })),
  );
  for (let before = -1; before < found.length; ) {
    before = found.length;
    for (const { argument, axis, size } of extents) {
      const [name, more] = [...symbolsOf(size)].filter((each) => !known.has(each));
      const linear = name === undefined || more !== undefined ? undefined : solve(size, name);
      if (name === undefined || linear === undefined) continue;
      known.add(name);
      found.push({ name, argument, axis, ...linear });
    }
  }
  return found;
}

/** The symbols that nothing tells, which a function is given. */
export function givenSymbols(graph: Graph): readonly string[] {
  const solved = new Set(solvedSymbols(graph).map(({ name }) => name));
  const sizes = graph.nodes.flatMap((node) => [
    ...axesOf(node).map((axis) => axisAt(graph, axis).size),
    ...(node.op.kind === "slice" ? [node.op.start] : []),
    ...(node.op.kind === "size" ? [node.op.size] : []),
  ]);
  const all = new Set(sizes.flatMap((size) => [...symbolsOf(size)]));
  return [...all].filter((name) => !solved.has(name)).sort();
}

/** `size` as `factor · name + rest`, if it is that. */
function solve(
  size: Dimension,
  name: string,
): { readonly rest: Dimension; readonly factor: number } | undefined {
  const at = (value: number): Dimension => substitute(size, new Map([[name, constant(value)]]));
  const rest = at(0);
  const [once, twice] = [1, 2].map((value) => asConstant(subtract(at(value), rest)));
  if (once === undefined || twice !== 2 * once || !Number.isInteger(once) || once <= 0) return;
  return { rest, factor: once };
}
