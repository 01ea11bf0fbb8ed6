/** Questions about paths through one graph, each answered once: equal layers ask them by the thousand. */

import { type Graph, nodeAt, sizeOf, type ValueId } from "../graph/graph.ts";
import { add, subtract } from "../op/dimension.ts";
import { isNonNegative, type JoinRows } from "./join-rows.ts";
import { type Passage, type Path, passageOf, pathKey, type Step } from "./row-path.ts";

export class RowPaths {
  readonly graph: Graph;
  /** By the key of the path, then by node. */
  readonly #passages: Map<string, Passage[]> = new Map();
  readonly #joins: Map<string, JoinRows> = new Map();
  readonly #orders: Map<string, boolean> = new Map();

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
