/** Attention apart for each segment of its query rows, over the key segments that it sees. */

import { invariant } from "../../grammar/invariant.ts";
import { GraphBuilder } from "../graph/build.ts";
import { type Graph, type Node, type Origin, type ValueId, valueId } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, divide, equalDimensions } from "../op/dimension.ts";
import {
  type AttendArguments,
  attendArguments,
  type AttendOp,
  listAttendArguments,
  type OpOf,
} from "../op/op.ts";
import { applyAgain } from "./apply-again.ts";
import { zerosOf } from "./zeros.ts";
import {
  AttendCells,
  type Cell,
  type QueryCells,
  type SegmentRows,
} from "../phase/attend-cells.ts";

/** A graph where attentions are split, and what each split replaces. */
export interface SplitGraph {
  readonly graph: Graph;
  /** By the value that stands for a split attention: the attention itself, which nothing uses now. */
  readonly whole: ReadonlyMap<ValueId, ValueId>;
  /** The new value of each old one. */
  readonly moved: readonly ValueId[];
}

/** Which attentions to split, by what their masks are. */
export type SplitChoice = (id: ValueId, op: AttendOp, cells: readonly QueryCells[]) => boolean;

/**
 * Rewrites the chosen attentions segment by segment. Rows that see no key are zeros. Rows that see
 * exactly themselves are their own values: a softmax over one key is 1. All others attend to the key
 * segments that they may see, each with the mask simplified for that pair of segments.
 *
 * Sound because the simplification is, and because one softmax over several parts is the softmax over
 * all their keys. Leaves slices of queries, keys and values for `narrowRows` to move up, and the
 * attention itself for `removeDead`.
 */
export function splitSegments(graph: Graph, choice: SplitChoice): SplitGraph {
  return new Splitting(graph, choice).run();
}

class Splitting {
  readonly #graph: Graph;
  readonly #choice: SplitChoice;
  readonly #builder: GraphBuilder;
  readonly #cells: AttendCells;
  readonly #whole: Map<ValueId, ValueId> = new Map();
  readonly #moved: ValueId[] = [];
  readonly #keyAxes: Map<AxisName, AxisName> = new Map();
  readonly #views: Map<string, ValueId> = new Map();

  constructor(graph: Graph, choice: SplitChoice) {
    this.#graph = graph;
    this.#choice = choice;
    this.#builder = GraphBuilder.without(graph);
    this.#cells = new AttendCells(graph);
  }

  run(): SplitGraph {
    this.#graph.nodes.forEach((node, index) => {
      const args = node.args.map((arg) => this.#new(arg));
      const id = applyAgain(this.#builder, this.#graph, node, args);
      const { op } = node;
      // Probabilities have one axis for all keys.
      const may = op.kind === "attend" && op.result !== "weights";
      const splits = may && this.#choice(valueId(index), op, this.#cells.of(op));
      this.#moved.push(splits ? this.#split(op, node, args, id) : id);
    });
    for (const { name, value } of this.#graph.outputs)
      this.#builder.addOutput(name, this.#new(value));
    const { generation } = this.#graph;
    if (generation !== undefined)
      this.#builder.setGeneration({ ...generation, logits: this.#new(generation.logits) });
    return { graph: this.#builder.finish(), whole: this.#whole, moved: this.#moved };
  }

  #new(id: ValueId): ValueId {
    const moved = this.#moved[id];
    invariant(moved !== undefined, `split-segments meets %${id} before its node`);
    return moved;
  }

  #split(op: AttendOp, node: Node, args: readonly ValueId[], id: ValueId): ValueId {
    const queries = this.#cells.of(op);
    // A join of nothing but plain zeros would lack the other axes.
    if (queries.every(({ verdict }) => verdict.kind === "zeros")) {
      const zeros = zerosOf(this.#builder, node.type, node.origin);
      this.#whole.set(zeros, id);
      return zeros;
    }
    const roles = attendArguments(op, args);
    const pieces = queries.map((query) => this.#piece(op, node, roles, query));
    const [only, more] = pieces;
    invariant(only !== undefined, "an attention has no query rows");
    const parts = queries.map(({ rows }) => rows.axis);
    const replacement =
      more === undefined && parts[0] === op.query && this.#hasAxes(only, node)
        ? only
        : this.#builder.node({ kind: "join", into: op.query, parts }, pieces, node.origin);
    this.#whole.set(replacement, id);
    return replacement;
  }

  #hasAxes(id: ValueId, node: Node): boolean {
    return this.#builder.typeOf(id).axes.length === node.type.axes.length;
  }

  #piece(
    op: AttendOp,
    node: Node,
    roles: AttendArguments<ValueId>,
    { rows, cells, verdict }: QueryCells,
  ): ValueId {
    const { origin } = node;
    switch (verdict.kind) {
      case "zeros":
        return this.#builder.node({ kind: "constant", element: "float", value: 0 }, [], origin);
      case "identity": {
        const cell = cells[verdict.part];
        invariant(cell !== undefined, "a verdict names no part");
        return this.#ownValue(op, roles, rows, cell, origin);
      }
      case "attend":
        return this.#attend(op, roles, rows, liveCells(cells, verdict.live), origin);
    }
  }

  /** The values of the query rows themselves, for the query heads. */
  #ownValue(
    op: AttendOp,
    roles: AttendArguments<ValueId>,
    rows: SegmentRows,
    { keys }: Cell,
    origin: Origin,
  ): ValueId {
    const value = roles.parts[keys.part]?.value;
    invariant(value !== undefined, "an attention lacks an argument");
    const own =
      keys.axis === keys.of
        ? this.#builder.node({ kind: "rename", from: keys.of, to: rows.axis }, [value], origin)
        : this.#slice(value, keys, rows.axis, origin);
    const { group } = op;
    if (group === undefined || !this.#builder.typeOf(own).axes.includes(group.key)) return own;
    return this.#repeatHeads(own, group, origin);
  }

  /** Query head h has the value of key head floor(h / (H / G)). */
  #repeatHeads(
    value: ValueId,
    group: { readonly query: AxisName; readonly key: AxisName },
    origin: Origin,
  ): ValueId {
    const sizes = [group.query, group.key].map((axis) => this.#builder.axis(axis)?.size);
    const [heads, groups] = sizes;
    invariant(heads !== undefined && groups !== undefined, "an attention lacks its head axes");
    if (equalDimensions(heads, groups)) {
      const op = { kind: "rename", from: group.key, to: group.query } as const;
      return this.#builder.node(op, [value], origin);
    }
    const ratio = asConstant(divide(heads, groups));
    invariant(ratio !== undefined, "the sizes of head axes are not constant");
    const index = this.#builder.node({ kind: "index", axis: group.query }, [], origin);
    const each = this.#builder.node({ kind: "constant", element: "int", value: ratio }, [], origin);
    const at = this.#builder.node({ kind: "map", fn: "floor_divide" }, [index, each], origin);
    return this.#builder.node(
      { kind: "select", axis: group.key, padded: false },
      [value, at],
      origin,
    );
  }

  #attend(
    op: AttendOp,
    roles: AttendArguments<ValueId>,
    rows: SegmentRows,
    live: readonly Cell[],
    origin: Origin,
  ): ValueId {
    const parts = live.map((cell) => ({ cell, axis: this.#keyAxis(cell.keys) }));
    const { querySegment: _, ...rest } = op;
    const piece: AttendOp = {
      ...rest,
      ...(rows.segment === undefined ? {} : { querySegment: rows.segment }),
      query: rows.axis,
      parts: parts.map(({ cell, axis }) => ({
        axis,
        ...(cell.keys.segment === undefined ? {} : { segment: cell.keys.segment }),
        mask: cell.mask,
      })),
    };
    const ofQuery = (id: ValueId): ValueId => this.#slice(id, rows, rows.axis, origin);
    const args: AttendArguments<ValueId> = {
      query: ofQuery(roles.query),
      queryPosition: ofQuery(roles.queryPosition),
      parts: parts.map(({ cell: { keys }, axis }) => {
        const role = roles.parts[keys.part];
        invariant(role !== undefined, "an attention lacks an argument");
        const ofKeys = (id: ValueId): ValueId => this.#keyRows(id, keys, axis, origin);
        return {
          key: ofKeys(role.key),
          value: ofKeys(role.value),
          position: ofKeys(role.position),
          data: new Map([...role.data].map(([index, id]) => [index, ofKeys(id)])),
        };
      }),
      data: new Map([...roles.data].map(([index, id]) => [index, ofQuery(id)])),
      ...(roles.sink === undefined ? {} : { sink: roles.sink }),
    };
    return this.#builder.node(piece, listAttendArguments(piece, args), origin);
  }

  /** The axis of the key rows of one segment: one for all layers. */
  #keyAxis(keys: SegmentRows): AxisName {
    if (keys.axis === keys.of) return keys.of;
    const known = this.#keyAxes.get(keys.axis);
    if (known !== undefined) return known;
    const segment = this.#builder.axis(keys.axis);
    invariant(segment !== undefined, `a sequence has no axis ${keys.axis}`);
    const axis = this.#builder.addFreshAxis({
      label: `${segment.label}.key`,
      size: keys.size,
      lineage: { kind: "renamed", from: keys.axis },
      segments: [],
    });
    this.#keyAxes.set(keys.axis, axis);
    return axis;
  }

  /** The rows of a key segment: those of the segment, as keys, so that queries can share them. */
  #keyRows(id: ValueId, keys: SegmentRows, axis: AxisName, origin: Origin): ValueId {
    const rows = this.#slice(id, keys, keys.axis, origin);
    if (rows === id) return id;
    return this.#once({ kind: "rename", from: keys.axis, to: axis }, rows, origin);
  }

  /** The rows of one segment of a value; the value itself where it has no such axis. */
  #slice(id: ValueId, rows: SegmentRows, into: AxisName, origin: Origin): ValueId {
    if (into === rows.of || !this.#builder.typeOf(id).axes.includes(rows.of)) return id;
    return this.#once({ kind: "slice", axis: rows.of, start: rows.start, into }, id, origin);
  }

  /** A view of a value, made once. It has the value's name. */
  #once(op: OpOf<"slice"> | OpOf<"rename">, id: ValueId, { span }: Origin): ValueId {
    const key = `${id} ${op.kind === "slice" ? `${op.axis} ${op.start.key} ${op.into}` : op.to}`;
    const known = this.#views.get(key);
    if (known !== undefined) return known;
    const view = this.#builder.node(op, [id], { ...this.#builder.nodeOf(id).origin, span });
    this.#views.set(key, view);
    return view;
  }
}

/** The cells that may be seen; one of the others where there are none, since keys must have an axis. */
function liveCells(cells: readonly Cell[], live: readonly number[]): readonly Cell[] {
  return live.length === 0 ? cells.slice(0, 1) : live.flatMap((index) => cells[index] ?? []);
}
