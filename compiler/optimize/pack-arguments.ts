/** Arguments of an attention lie in one place, where a kernel could not bind them all. */

import { boundArguments, buffersFor, mostBuffers, sourcesOf, viewed } from "../graph/bound.ts";
import type { GraphBuilder } from "../graph/build.ts";
import type { Graph, Node, Origin, ValueId } from "../graph/graph.ts";
import { rewriteGraph } from "../graph/rewrite.ts";
import type { AxisName } from "../op/axis.ts";
import { constant, type Dimension, productOf, sumOf } from "../op/dimension.ts";
import type { AttendOp } from "../op/op.ts";
import type { Element } from "../op/type.ts";

/**
 * Where an attention reads more memory than a kernel binds, its whole numbers (positions, token data)
 * are copied side by side, and if that is not enough its floats, too, and it reads them there. Caches
 * stay where they are. What several attentions share is copied once.
 *
 * Sound because a slice of a join at a part is the part. Runs on the graphs of phases, after all that
 * reasons about masks; what phases leave for others is packed before (`pack-states`).
 */
export function packArguments(graph: Graph): Graph {
  const packing = new Packing();
  const packed = rewriteGraph(graph, "pack-arguments", (node, _old, builder) =>
    node.op.kind === "attend" ? packing.visit(node.op, node, builder) : undefined,
  );
  return packing.found ? packed : graph;
}

class Packing {
  found = false;
  readonly #made: Map<string, ReadonlyMap<ValueId, ValueId>> = new Map();

  visit(op: AttendOp, { args, origin }: Node, builder: GraphBuilder): ValueId | undefined {
    const nodeOf = (id: ValueId): Node => builder.nodeOf(id);
    const bound = [...new Set(boundArguments(op, args))];
    let buffers = buffersFor(nodeOf, bound);
    const moved = new Map<ValueId, ValueId>();
    for (const element of ["int", "bool", "float"] as const) {
      if (buffers <= mostBuffers) break;
      const members = bound.filter((id) => isMovable(nodeOf, id, element));
      const { size } = sourcesOf(nodeOf, members);
      if (size < 2) continue;
      for (const [from, to] of this.#pack(builder, members, origin)) moved.set(from, to);
      buffers -= size - 1;
    }
    if (moved.size === 0) return undefined;
    this.found = true;
    return builder.node(
      op,
      args.map((arg) => moved.get(arg) ?? arg),
      origin,
    );
  }

  #pack(
    builder: GraphBuilder,
    members: readonly ValueId[],
    origin: Origin,
  ): ReadonlyMap<ValueId, ValueId> {
    const key = members.join();
    const known = this.#made.get(key) ?? pack(builder, members, origin);
    this.#made.set(key, known);
    return known;
  }
}

/** Whether a value with these elements can be copied: it has rows, and is no cache. */
function isMovable(nodeOf: (id: ValueId) => Node, id: ValueId, element: Element): boolean {
  const { type } = nodeOf(id);
  const { op } = nodeOf(viewed(nodeOf, id));
  return type.element === element && type.axes.length > 0 && !notMoved.has(op.kind);
}

const notMoved: ReadonlySet<string> = new Set(["append", "index", "constant", "size"]);

/** By value: what reads the same from where all of them lie one after another. */
function pack(
  builder: GraphBuilder,
  values: readonly ValueId[],
  origin: Origin,
): ReadonlyMap<ValueId, ValueId> {
  const own = (label: string, size: Dimension): AxisName =>
    builder.addFreshAxis({ label, size, lineage: { kind: "own" }, segments: [] });
  const sizeOf = (axis: AxisName): Dimension => builder.axis(axis)?.size ?? constant(1);
  let end = constant(0);
  const flat = values.map((value) => {
    const { axes } = builder.typeOf(value);
    const size = productOf(axes.map(sizeOf));
    const [row = "", ...others] = axes;
    const start = end;
    end = sumOf([start, size]);
    if (others.length === 0) return { axes, start, row, value };
    const into = own("Flat", size);
    return {
      axes,
      start,
      row: into,
      value: builder.node({ kind: "merge", axes, into }, [value], origin),
    };
  });
  const into = own("Packed", end);
  const parts = flat.map(({ row }) => row);
  const named = { ...origin, name: "packed" };
  const whole = builder.node(
    { kind: "join", into, parts },
    flat.map(({ value }) => value),
    named,
  );
  return new Map(
    flat.map(({ axes, start, row }, index) => {
      const part = builder.node({ kind: "slice", axis: into, start, into: row }, [whole], origin);
      const shaped =
        axes.length === 1
          ? part
          : builder.node({ kind: "split", axis: row, into: axes }, [part], origin);
      return [values[index] ?? part, shaped] as const;
    }),
  );
}
