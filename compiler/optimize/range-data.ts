/** The smallest and largest token data of some key rows at a time, for the classes of tiles. */

import { invariant } from "../../grammar/invariant.ts";
import { mostBuffers, sourcesOf } from "../graph/bound.ts";
import type { GraphBuilder } from "../graph/build.ts";
import type { Graph, Node, Origin, ValueId } from "../graph/graph.ts";
import { rewriteGraph } from "../graph/rewrite.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, ceilDivide, constant, type Dimension, subtract } from "../op/dimension.ts";
import {
  attendArguments,
  type AttendOp,
  type DataRange,
  granule,
  listAttendArguments,
} from "../op/op.ts";
import { dataUses } from "../op/replace-data.ts";

/**
 * Gives attentions whose masks read token data of keys the smallest and largest of each `granule`
 * rows, computed once for all layers: what a tile of keys holds is then read in a few places, instead
 * of in each of its rows by every tile of queries.
 *
 * Sound because nothing but the bounds changes where a kernel finds them. Runs on the graphs of phases,
 * after all that reasons about masks.
 */
export function rangeData(graph: Graph): Graph {
  const ranging = new Ranging();
  const ranged = rewriteGraph(graph, "range-data", (node, _old, builder) =>
    ranging.visit(node, builder),
  );
  return ranging.found ? ranged : graph;
}

class Ranging {
  found = false;
  readonly #made: Map<string, ValueId> = new Map();
  readonly #axes: Map<AxisName, Granules> = new Map();

  visit({ op, args, origin }: Node, builder: GraphBuilder): ValueId | undefined {
    if (op.kind !== "attend") return undefined;
    const roles = attendArguments(op, args);
    let buffers = sourcesOf((id) => builder.nodeOf(id), args).size + 1;
    const ranged = op.parts.map(({ mask, axis }, index) =>
      dataUses(mask).flatMap(([use, side]): Ranged[] => {
        const value = roles.parts[index]?.data.get(use);
        if (side !== "k" || value === undefined || buffers >= mostBuffers) return [];
        if (!builder.typeOf(value).axes.includes(axis)) return [];
        buffers++;
        const granules = this.#granules(builder, axis);
        return [{ index: use, ...granules, value: this.#range(builder, value, granules, origin) }];
      }),
    );
    if (ranged.every((each) => each.length === 0)) return undefined;
    this.found = true;
    const ranges = ranged.map((part) =>
      part.map(({ index, ends, granules }): DataRange => ({ index, ends, granules })),
    );
    const parts = roles.parts.map((part, index) => {
      const own = (ranged[index] ?? []).map((each) => [each.index, each.value] as const);
      return own.length === 0 ? part : { ...part, ranges: new Map(own) };
    });
    const wider: AttendOp = { ...op, ranges };
    return builder.node(wider, listAttendArguments(wider, { ...roles, parts }), origin);
  }

  #range(builder: GraphBuilder, value: ValueId, granules: Granules, origin: Origin): ValueId {
    const key = `${value} ${granules.rows}`;
    const known = this.#made.get(key) ?? addRange(builder, value, granules, origin);
    this.#made.set(key, known);
    return known;
  }

  #granules(builder: GraphBuilder, rows: AxisName): Granules {
    const known = this.#axes.get(rows) ?? granulesOf(builder, rows);
    this.#axes.set(rows, known);
    return known;
  }
}

/** The axes of the granules of some key rows, of their rows, and of both ends of a range. */
interface Granules {
  readonly rows: AxisName;
  readonly granules: AxisName;
  readonly inside: AxisName;
  readonly ends: AxisName;
}

interface Ranged extends Granules {
  readonly index: number;
  readonly value: ValueId;
}

function granulesOf(builder: GraphBuilder, rows: AxisName): Granules {
  const axis = builder.axis(rows);
  invariant(axis !== undefined, `there is no axis ${rows}`);
  const add = (label: string, size: Dimension): AxisName =>
    builder.addFreshAxis({ label, size, lineage: { kind: "own" }, segments: [] });
  return {
    rows,
    granules: add(`${axis.label}.granule`, ceilDivide(axis.size, constant(granule))),
    inside: add("Inside", constant(granule)),
    ends: add("End", constant(2)),
  };
}

/** The largest `-1 - x` and the largest `x`: no number is too small for the one, as for `-x`. */
function addRange(
  builder: GraphBuilder,
  value: ValueId,
  { rows, granules, inside, ends }: Granules,
  origin: Origin,
): ValueId {
  const int = (number: number): ValueId =>
    builder.node({ kind: "constant", element: "int", value: number }, [], origin);
  const map = (fn: "add" | "multiply" | "min" | "subtract", ...args: readonly ValueId[]): ValueId =>
    builder.node({ kind: "map", fn }, args, origin);
  const size = builder.axis(rows)?.size;
  invariant(size !== undefined, `there is no axis ${rows}`);
  const [first, row] = [granules, inside].map((axis) =>
    builder.node({ kind: "index", axis }, [], origin),
  );
  invariant(first !== undefined && row !== undefined, "range-data: two indices");
  const end = subtract(size, constant(1));
  const known = asConstant(end);
  const last =
    known === undefined ? builder.node({ kind: "size", size: end }, [], origin) : int(known);
  const wanted = map("min", map("add", map("multiply", first, int(granule)), row), last);
  const x = builder.node({ kind: "select", axis: rows, padded: false }, [value, wanted], origin);
  const both = builder.node(
    { kind: "stack", into: ends },
    [map("subtract", int(-1), x), x],
    origin,
  );
  const named = { ...origin, name: `${builder.nodeOf(value).origin.name ?? "data"}_range` };
  return builder.node({ kind: "reduce", fn: "max", over: [inside] }, [both], named);
}
