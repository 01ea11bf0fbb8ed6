/**
 * Which rows of each value are read. Demand runs backwards from the roots; a value of which only
 * slices are read is computed slice by slice where its operation allows that, else as a whole. Slices
 * that are all of it together are computed as a whole, too: then a product reads its weights once.
 */

import { type Graph, type Node, nodeAt, sizeOf, type ValueId, valueId } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import { add, constant, equalDimensions } from "../op/dimension.ts";
import {
  axisBefore,
  orderedPath,
  type Path,
  pathKey,
  pathOfArgument,
  type Step,
  stepOf,
} from "./row-path.ts";
import { RowPaths } from "./row-paths.ts";

/** The rows of one node that are computed. */
export interface Computed {
  readonly path: Path;
  /** Steps that follow `path`, whose rows are computed apart and joined along `axis`. */
  readonly pieces?: { readonly axis: AxisName; readonly steps: readonly Step[] };
}

/** For each node what of it is computed, by the key of the path; undefined for dead nodes. */
export type Demands = readonly (ReadonlyMap<string, Computed> | undefined)[];

/** Whether the rows of a value along a sequence axis are better computed segment by segment. */
export type Separates = (id: ValueId, axis: AxisName) => boolean;

const none: readonly never[] = [];

/** What is read of a value: all of it, slices of it, or both. */
class Wanted {
  whole = false;
  steps: readonly { readonly step: Step; readonly wanted: Wanted }[] = none;

  at(path: Path): Wanted {
    return path.reduce<Wanted>((wanted, step) => wanted.#step(step), this);
  }

  #step(step: Step): Wanted {
    const found = this.steps.find((each) => each.step.key === step.key);
    if (found !== undefined) return found.wanted;
    const wanted = new Wanted();
    this.steps = [...this.steps, { step, wanted }];
    return wanted;
  }
}

/** What must be computed for the values `roots`. */
export function demandOf(
  paths: RowPaths,
  roots: Iterable<ValueId>,
  separates: Separates = () => false,
): Demands {
  return new DemandAnalysis(paths, separates).run(roots);
}

/** The values of which some row must be computed for `roots`, in order. */
export function computedFor(graph: Graph, roots: Iterable<ValueId>): readonly ValueId[] {
  const demands = demandOf(new RowPaths(graph), roots);
  return demands.flatMap((computed, index) => (computed === undefined ? [] : [valueId(index)]));
}

class DemandAnalysis {
  readonly #paths: RowPaths;
  readonly #graph: Graph;
  readonly #separates: Separates;
  readonly #wanted: (Wanted | undefined)[];
  readonly #computed: (Map<string, Computed> | undefined)[];
  /** By node: it depends on weights and on nothing else that varies. */
  readonly #fixed: readonly boolean[];

  constructor(paths: RowPaths, separates: Separates) {
    const { graph } = paths;
    this.#paths = paths;
    this.#graph = graph;
    this.#separates = separates;
    this.#wanted = graph.nodes.map(() => undefined);
    this.#computed = graph.nodes.map(() => undefined);
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
    const known = this.#wanted[id] ?? new Wanted();
    this.#wanted[id] = known;
    known.at(orderedPath(this.#graph, path)).whole = true;
  }

  /** Decides how the rows `path` of a node, of which `wanted` is read, are computed. */
  #settle(id: ValueId, path: Path, wanted: Wanted): void {
    const { steps } = wanted;
    if (!wanted.whole && steps.length === 0) return;
    const node = nodeAt(this.#graph, id);
    const passage = path.length === 0 ? undefined : this.#paths.passage(id, path);
    const moves = node.op.kind === "slice" || passage?.kind === "argument";
    const apart = moves || this.#mayPart(id, node, path, steps);
    if (apart && (moves || (!wanted.whole && !this.#areAll(id, path, steps)))) {
      for (const each of steps) this.#settle(id, [...path, each.step], each.wanted);
      if (wanted.whole) this.#compute(id, node, path);
      return;
    }
    const pieces = this.#piecesOf(id, node, path, wanted);
    if (pieces === undefined) {
      this.#compute(id, node, path);
      return;
    }
    this.#record(id, { path, pieces });
    for (const step of pieces.steps) {
      const piece = wanted.at([step]);
      piece.whole = true;
      this.#settle(id, [...path, step], piece);
    }
  }

  #record(id: ValueId, computed: Computed): void {
    const known = this.#computed[id] ?? new Map<string, Computed>();
    this.#computed[id] = known.set(pathKey(computed.path), computed);
  }

  #compute(id: ValueId, node: Node, path: Path): void {
    this.#record(id, { path });
    if (node.op.kind === "slice" || path.length > 0) {
      const passage = this.#paths.passage(id, path);
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
      this.#paths.areDisjoint(steps.map(({ step }) => step))
    );
  }

  #isOpen(id: ValueId, node: Node, path: Path): boolean {
    const passage = this.#paths.passage(id, path);
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

  /**
   * The pieces of a value that is read as a whole: what is read of it besides where that is better
   * computed apart, or its segments where some are simpler than others.
   */
  #piecesOf(id: ValueId, node: Node, path: Path, { steps }: Wanted): Computed["pieces"] {
    const [first] = steps;
    const axis = first?.step.axis;
    if (
      axis !== undefined &&
      this.#separates(id, axisBefore(axis, path)) &&
      this.#mayPart(id, node, path, steps)
    ) {
      const order = this.#coverOf(axis, steps);
      if (order !== undefined) return { axis, steps: order };
    }
    return path.length > 0 ? undefined : this.#unlikeSegments(id, node);
  }

  /** The segments of a value's rows, where an argument is zeros in some and not in others. */
  #unlikeSegments(id: ValueId, node: Node): Computed["pieces"] {
    if (node.op.kind !== "map") return undefined;
    for (const axis of node.type.axes) {
      const steps = segmentSteps(this.#graph, axis);
      if (steps.length < 2 || this.#areAlike(id, [], steps)) continue;
      const wanted = steps.map((step) => ({ step }));
      if (this.#mayPart(id, node, [], wanted) && this.#coverOf(axis, wanted) !== undefined)
        return { axis, steps };
    }
    return undefined;
  }

  /** Whether `steps` are all rows of a value, and there is no reason to compute some of them apart. */
  #areAll(id: ValueId, path: Path, steps: readonly { readonly step: Step }[]): boolean {
    const [first, second] = steps;
    if (first === undefined || second === undefined) return false;
    const { axis } = first.step;
    const rows = axisBefore(axis, path);
    if (this.#separates(id, rows) || this.#readsJoins(id, rows)) return false;
    // Rows of a join and of views are those of an argument.
    const computes = ({ step }: { readonly step: Step }): boolean =>
      this.#paths.passage(id, [...path, step]).kind === "operation";
    if (!steps.every(computes)) return false;
    const all = this.#coverOf(axis, steps);
    return all !== undefined && this.#areAlike(id, path, all);
  }

  /** Whether a value is elementwise of rows that are made segment by segment. */
  #readsJoins(id: ValueId, axis: AxisName): boolean {
    const { op, args } = nodeAt(this.#graph, id);
    return (
      op.kind === "map" &&
      args.every((arg) => {
        const { op: source, type } = nodeAt(this.#graph, arg);
        return !type.axes.includes(axis) || (source.kind === "join" && source.into === axis);
      })
    );
  }

  /** Whether the same is computed for all `steps`: no argument is zeros in some of them only. */
  #areAlike(id: ValueId, path: Path, steps: readonly Step[]): boolean {
    const zeros = steps.map((step) => this.#paths.zeroArguments(id, [...path, step]).join());
    return zeros.every((each) => each === zeros[0]);
  }

  #coverOf(axis: AxisName, steps: readonly { readonly step: Step }[]): readonly Step[] | undefined {
    return coverOf(
      this.#graph,
      axis,
      steps.map(({ step }) => step),
    );
  }
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

/** The segments of a sequence as slices of it. */
function segmentSteps(graph: Graph, axis: AxisName): readonly Step[] {
  let start = constant(0);
  return (graph.axes.get(axis)?.segments ?? []).map((segment) => {
    const step = stepOf(axis, start, segment.axis);
    start = add(start, sizeOf(graph, segment.axis));
    return step;
  });
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
