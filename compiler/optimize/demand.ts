/**
 * Which rows of each value are read. Demand runs backwards from the roots; a value of which only
 * slices are read is computed slice by slice where its operation allows that, else as a whole.
 */

import { type Graph, type Node, nodeAt, sizeOf, type ValueId, valueId } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import { add, constant, equalDimensions, subtract } from "../op/dimension.ts";
import {
  axisBefore,
  isNonNegative,
  orderedPath,
  passageOf,
  type Path,
  pathKey,
  pathOfArgument,
  type Step,
  stepKey,
} from "./row-path.ts";

/** The rows of one node that are computed. */
export interface Computed {
  readonly path: Path;
  /** Steps that follow `path`, whose rows are computed apart and joined along `axis`. */
  readonly pieces?: { readonly axis: AxisName; readonly steps: readonly Step[] };
}

/** For each node what of it is computed, by the key of the path; empty for dead nodes. */
export type Demands = readonly ReadonlyMap<string, Computed>[];

/** Whether the rows of a value along a sequence axis are better computed segment by segment. */
export type Separates = (id: ValueId, axis: AxisName) => boolean;

/** What is read of a value: all of it, slices of it, or both. */
class Wanted {
  whole = false;
  readonly steps: Map<string, { readonly step: Step; readonly wanted: Wanted }> = new Map();

  at(path: Path): Wanted {
    return path.reduce<Wanted>((wanted, step) => wanted.#step(step), this);
  }

  #step(step: Step): Wanted {
    const key = stepKey(step);
    const found = this.steps.get(key);
    if (found !== undefined) return found.wanted;
    const wanted = new Wanted();
    this.steps.set(key, { step, wanted });
    return wanted;
  }
}

/** What must be computed for the values `roots`. */
export function demandOf(
  graph: Graph,
  roots: Iterable<ValueId>,
  separates: Separates = () => false,
): Demands {
  return new DemandAnalysis(graph, separates).run(roots);
}

class DemandAnalysis {
  readonly #graph: Graph;
  readonly #separates: Separates;
  readonly #wanted: Wanted[];
  readonly #computed: Map<string, Computed>[];
  /** By node: it depends on weights and on nothing else that varies. */
  readonly #fixed: readonly boolean[];

  constructor(graph: Graph, separates: Separates) {
    this.#graph = graph;
    this.#separates = separates;
    this.#wanted = graph.nodes.map(() => new Wanted());
    this.#computed = graph.nodes.map(() => new Map());
    this.#fixed = weightsOnly(graph);
  }

  run(roots: Iterable<ValueId>): Demands {
    for (const root of roots) this.#want(root, []);
    for (let id = this.#graph.nodes.length - 1; id >= 0; id--) {
      const wanted = this.#wanted[id];
      if (wanted !== undefined) this.#settle(valueId(id), [], wanted);
    }
    return this.#computed;
  }

  #want(id: ValueId, path: Path): void {
    const wanted = this.#wanted[id]?.at(orderedPath(this.#graph, path));
    if (wanted !== undefined) wanted.whole = true;
  }

  /** Decides how the rows `path` of a node, of which `wanted` is read, are computed. */
  #settle(id: ValueId, path: Path, wanted: Wanted): void {
    const steps = [...wanted.steps.values()];
    if (!wanted.whole && steps.length === 0) return;
    const node = nodeAt(this.#graph, id);
    const passage = path.length === 0 ? undefined : passageOf(this.#graph, node, path);
    const moves = node.op.kind === "slice" || passage?.kind === "argument";
    const open = moves || this.#mayPart(id, node, path, steps);
    if (open && (!wanted.whole || moves)) {
      for (const each of steps) this.#settle(id, [...path, each.step], each.wanted);
      if (wanted.whole) this.#compute(id, node, path);
      return;
    }
    const pieces = open ? this.#piecesOf(id, path, steps) : undefined;
    if (pieces === undefined) {
      this.#compute(id, node, path);
      return;
    }
    this.#computed[id]?.set(pathKey(path), { path, pieces });
    for (const each of steps) {
      each.wanted.whole = true;
      this.#settle(id, [...path, each.step], each.wanted);
    }
  }

  #compute(id: ValueId, node: Node, path: Path): void {
    this.#computed[id]?.set(pathKey(path), { path });
    if (node.op.kind === "slice" || path.length > 0) {
      const passage = passageOf(this.#graph, node, path);
      if (passage.kind === "argument") {
        const arg = node.args[passage.index];
        if (arg !== undefined) this.#want(arg, passage.path);
        return;
      }
      if (passage.kind === "operation") {
        for (const index of passage.args) this.#wantArgument(node, index, path);
        return;
      }
    }
    for (const index of node.args.keys()) this.#wantArgument(node, index, path);
  }

  #wantArgument(node: Node, index: number, path: Path): void {
    const arg = node.args[index];
    // A join takes whole parts along its own axis: the passage has chosen them.
    const own = node.op.kind === "join" ? node.op.into : undefined;
    const rest = path.filter((step, at) => axisBefore(step.axis, path.slice(0, at)) !== own);
    if (arg !== undefined) this.#want(arg, pathOfArgument(this.#graph, node, index, rest));
  }

  /** Whether each of `steps` can be computed alone, and no row is computed twice. */
  #mayPart(
    id: ValueId,
    node: Node,
    path: Path,
    steps: readonly { readonly step: Step }[],
  ): boolean {
    const [first] = steps;
    if (first === undefined) return false;
    return (
      steps.every(({ step }) => this.#isOpen(id, node, [...path, step])) &&
      steps.every(({ step }) => step.axis === first.step.axis) &&
      areDisjoint(
        this.#graph,
        steps.map(({ step }) => step),
      )
    );
  }

  #isOpen(id: ValueId, node: Node, path: Path): boolean {
    const passage = passageOf(this.#graph, node, path);
    if (passage.kind === "closed") return false;
    if (passage.kind !== "operation" || this.#fixed[id] === true)
      return passage.kind !== "operation";
    const last = path.at(-1);
    const axis = last === undefined ? "" : axisBefore(last.axis, path.slice(0, -1));
    if (node.op.kind === "join" && node.op.into === axis) return true;
    // Rows that a weight has are its columns: one matrix product would become several.
    return node.args.every(
      (arg) => this.#fixed[arg] !== true || !nodeAt(this.#graph, arg).type.axes.includes(axis),
    );
  }

  #piecesOf(
    id: ValueId,
    path: Path,
    steps: readonly { readonly step: Step }[],
  ): Computed["pieces"] {
    const [first] = steps;
    if (first === undefined) return undefined;
    const { axis } = first.step;
    if (!this.#separates(id, axisBefore(axis, path))) return undefined;
    const order = coverOf(
      this.#graph,
      axis,
      steps.map(({ step }) => step),
    );
    return order === undefined ? undefined : { axis, steps: order };
  }
}

/** Whether no two of these slices of one axis surely share a row. */
function areDisjoint(graph: Graph, steps: readonly Step[]): boolean {
  const end = (step: Step) => add(step.start, sizeOf(graph, step.into));
  const before = (a: Step, b: Step): boolean => isNonNegative(subtract(b.start, end(a)));
  return steps.every((a, i) => steps.slice(i + 1).every((b) => before(a, b) || before(b, a)));
}

/** `steps` in the order in which they make up all of `axis`; undefined if they do not. */
function coverOf(
  graph: Graph,
  axis: AxisName,
  steps: readonly Step[],
): readonly Step[] | undefined {
  const order: Step[] = [];
  let end = constant(0);
  while (order.length < steps.length) {
    const next = steps.find((step) => equalDimensions(step.start, end) && !order.includes(step));
    if (next === undefined) return undefined;
    order.push(next);
    end = add(end, sizeOf(graph, next.into));
  }
  return equalDimensions(end, sizeOf(graph, axis)) ? order : undefined;
}

/** By node: whether it depends on some weight, and otherwise on constants only. */
function weightsOnly(graph: Graph): readonly boolean[] {
  type Kind = "constant" | "weight" | "varies";
  const kinds: Kind[] = [];
  for (const { op, args } of graph.nodes) {
    const of = args.map((arg) => kinds[arg] ?? "varies");
    if (op.kind === "input" || op.kind === "state" || of.includes("varies")) kinds.push("varies");
    else kinds.push(op.kind === "weight" || of.includes("weight") ? "weight" : "constant");
  }
  return kinds.map((kind) => kind === "weight");
}
