/** Questions about paths through one graph, each answered once: equal layers ask them by the thousand. */

import { type Graph, nodeAt, sizeOf, type ValueId } from "../graph/graph.ts";
import { add, subtract } from "../op/dimension.ts";
import { isNonNegative, type JoinRows } from "./join-rows.ts";
import {
  isZero,
  type Passage,
  type Path,
  passageOf,
  pathKey,
  pathOfArgument,
  staysZero,
  type Step,
} from "./row-path.ts";

export class RowPaths {
  readonly graph: Graph;
  /** By the key of the path, then by node. */
  readonly #passages: Map<string, Passage[]> = new Map();
  readonly #joins: Map<string, JoinRows> = new Map();
  readonly #orders: Map<string, boolean> = new Map();
  /** By the key of the path, then by node. */
  readonly #zeros: Map<string, boolean[]> = new Map();

  /** Nothing is worked out yet. */
  constructor(graph: Graph) {
    this.graph = graph;
  }

  /** How the rows `path` of `id` can be computed without the others. */
  passage(id: ValueId, path: Path): Passage {
    const key = pathKey(path);
    const byNode = this.#passages.get(key) ?? [];
    const found = byNode[id];
    if (found !== undefined) return found;
    if (byNode.length === 0) this.#passages.set(key, byNode);
    const passage = passageOf(this.graph, nodeAt(this.graph, id), path, this.#joins);
    byNode[id] = passage;
    return passage;
  }

  /** Whether the rows `path` of `id` are zeros whatever the inputs are. */
  areZeros(id: ValueId, path: Path): boolean {
    const key = pathKey(path);
    const byNode = this.#zeros.get(key) ?? [];
    const found = byNode[id];
    if (found !== undefined) return found;
    if (byNode.length === 0) this.#zeros.set(key, byNode);
    const zeros = this.#findZeros(id, path);
    byNode[id] = zeros;
    return zeros;
  }

  /** The arguments of `id` that are zeros where its rows `path` are computed from them. */
  zeroArguments(id: ValueId, path: Path): readonly number[] {
    const node = nodeAt(this.graph, id);
    return [...node.args.entries()].flatMap(([index, arg]) =>
      this.areZeros(arg, pathOfArgument(this.graph, node, index, path)) ? [index] : [],
    );
  }

  #findZeros(id: ValueId, path: Path): boolean {
    const node = nodeAt(this.graph, id);
    if (isZero(node)) return true;
    const passage = this.passage(id, path);
    if (passage.kind === "argument") {
      const arg = node.args[passage.index];
      return arg !== undefined && this.areZeros(arg, passage.path);
    }
    if (node.op.kind === "join") {
      const zeros = this.zeroArguments(id, path);
      return passage.kind === "operation" && passage.args.every((index) => zeros.includes(index));
    }
    if (!staysZero(node.op) && (node.op.kind !== "map" || node.op.fn !== "add")) return false;
    const zeros = this.zeroArguments(id, path).length;
    return staysZero(node.op) ? zeros > 0 : zeros === node.args.length;
  }

  /** Whether no two of these slices of one axis can share a row. */
  areDisjoint(steps: readonly Step[]): boolean {
    return steps.every((a, i) =>
      steps.slice(i + 1).every((b) => this.#isBefore(a, b) || this.#isBefore(b, a)),
    );
  }

  /** Whether `a` surely ends where `b` starts, or earlier. */
  #isBefore(a: Step, b: Step): boolean {
    const key = `${a.key} ${b.key}`;
    const known = this.#orders.get(key);
    if (known !== undefined) return known;
    const end = add(a.start, sizeOf(this.graph, a.into));
    const before = isNonNegative(subtract(b.start, end));
    this.#orders.set(key, before);
    return before;
  }
}
