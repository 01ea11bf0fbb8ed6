/** The graph of `extend`: new rows only, over the rows that caches hold. */

import { invariant } from "../../grammar/invariant.ts";
import { GraphBuilder } from "../graph/build.ts";
import { type Graph, type Node, nodeAt, type Origin, type ValueId } from "../graph/graph.ts";
import { type AxisName, rowsOf } from "../op/axis.ts";
import { symbol } from "../op/dimension.ts";
import {
  type AttendArguments,
  attendArguments,
  type AttendOp,
  type AttendPart,
  listAttendArguments,
} from "../op/op.ts";
import { applyAgain } from "./apply-again.ts";
import type { Predicate } from "../op/predicate.ts";
import { AttendCells, type QueryCells } from "../phase/attend-cells.ts";
import { asksGiven, givenFromData, maskOfNewRows } from "../phase/given.ts";
import type { Growth } from "../phase/growth.ts";
import { isView } from "../phase/keep.ts";
import { past } from "../phase/phase.ts";
import { liveFrom, type Stream } from "../phase/streams.ts";
import { addCacheAxis, addChoice, asCacheRows, givenCache } from "./cache-rows.ts";
import { zerosOf } from "./zeros.ts";

/** What `extend` reads that other phases leave, by the temporary name of the state. */
export interface ExtendGraph {
  /** Its outputs are the last row of the logits, `logits`, and the greedy choice by it, `token`. */
  readonly graph: Graph;
  /** Values of the split graph that depend on the prompt as a whole. */
  readonly wholes: ReadonlyMap<string, ValueId>;
  /** Values of the split graph of which `extend` caches the rows, with the axis of the rows. */
  readonly caches: ReadonlyMap<string, { readonly value: ValueId; readonly axis: AxisName }>;
}

/** What the construction needs to know of the split graph. */
export interface ExtendFacts {
  readonly graph: Graph;
  readonly growth: Growth;
  readonly streams: readonly Stream[];
  readonly logits: ValueId;
  /** A phase of its own has the given rows, so that all rows here are new. */
  readonly afterPrompt: boolean;
}

/**
 * Takes the axis of the tokens for the new rows. Keys, values and positions of those rows are
 * appended to caches, and attention reads the caches. What depends on the prompt as a whole is read
 * as a state. The last row is all that leaves.
 *
 * Sound if old rows see no new row (`phase/stability.ts` proves it) and every other operation treats
 * the growing rows alike (`mixedRows` finds the others). Needs attention split by segments; leaves
 * what the last row does not need to `narrowRows`.
 */
export function extendGraph(facts: ExtendFacts): ExtendGraph {
  return new Extending(facts).run();
}

class Extending {
  readonly #facts: ExtendFacts;
  readonly #builder: GraphBuilder;
  readonly #cells: AttendCells;
  readonly #newMasks: Map<QueryCells, readonly Predicate[]> = new Map();
  readonly #moved: Map<ValueId, ValueId> = new Map();
  readonly #states: Map<ValueId, ValueId> = new Map();
  readonly #wholes: Map<string, ValueId> = new Map();
  readonly #caches: Map<string, { value: ValueId; axis: AxisName }> = new Map();
  readonly #appended: Map<ValueId, ValueId> = new Map();
  readonly #cacheAxes: Map<AxisName, AxisName> = new Map();
  readonly #givenFlags: Map<AxisName, ValueId> = new Map();

  constructor(facts: ExtendFacts) {
    this.#facts = facts;
    this.#builder = GraphBuilder.without(facts.graph);
    this.#cells = new AttendCells(facts.graph);
  }

  run(): ExtendGraph {
    const { graph, logits, streams } = this.#facts;
    const live = liveFrom(graph, [logits]);
    for (const id of [...live].sort((a, b) => a - b))
      if (streams[id] !== "whole") this.#moved.set(id, this.#emit(id, nodeAt(graph, id)));
    const rows = nodeAt(graph, logits).type.axes.find((axis) => this.#facts.growth.rows.has(axis));
    invariant(rows !== undefined, "extend: the logits have rows");
    addChoice(this.#builder, this.#arg(logits), rows);
    return { graph: this.#builder.finish(), wholes: this.#wholes, caches: this.#caches };
  }

  #arg(id: ValueId): ValueId {
    const moved = this.#moved.get(id) ?? this.#state(id);
    invariant(moved !== undefined, `extend: %${id} is met before its node`);
    return moved;
  }

  /** A value that depends on the prompt as a whole; views of one are made again. */
  #state(id: ValueId): ValueId {
    const known = this.#states.get(id);
    if (known !== undefined) return known;
    const { graph, streams } = this.#facts;
    const node = nodeAt(graph, id);
    const [source] = node.args;
    const view = source !== undefined && isView(graph, node) && streams[source] !== "rows";
    const state = view ? this.#view(node) : this.#read(id, node);
    this.#states.set(id, state);
    return state;
  }

  #view(node: Node): ValueId {
    const args = node.args.map((arg) => this.#arg(arg));
    return this.#builder.node(node.op, args, node.origin);
  }

  #read(id: ValueId, { type, origin }: Node): ValueId {
    const name = `whole ${id}`;
    this.#wholes.set(name, id);
    return this.#builder.node({ kind: "state", name, type }, [], origin);
  }

  #emit(id: ValueId, node: Node): ValueId {
    const { op } = node;
    const { growth, streams } = this.#facts;
    if (streams[id] === "rows") {
      if (op.kind === "attend") return this.#attend(op, node);
      if (op.kind === "index" && growth.rows.has(this.#rows(op.axis))) return this.#index(node);
    }
    const args = node.args.map((arg) => this.#arg(arg));
    return applyAgain(this.#builder, this.#facts.graph, node, args);
  }

  #rows(axis: AxisName): AxisName {
    const found = this.#builder.axis(axis);
    invariant(found !== undefined, `there is no axis ${axis}`);
    return rowsOf(found, this.#builder.axes).name;
  }

  /** New rows are counted on from those before them. */
  #index({ op, origin }: Node): ValueId {
    const index = this.#builder.node(op, [], origin);
    const size = this.#builder.node({ kind: "size", size: symbol(past) }, [], origin);
    return this.#builder.node({ kind: "map", fn: "add" }, [index, size], origin);
  }

  #attend(op: AttendOp, node: Node): ValueId {
    const roles = attendArguments(op, node.args);
    const masks = this.#masks(op);
    const seen = [...masks.keys()].filter((index) => !isNever(masks[index]));
    const asks = masks.some(asksGiven);
    const kept = seen.length > 0 ? seen : [0];
    const parts = kept.flatMap((index): Piece[] => {
      const [part, role, mask] = [op.parts[index], roles.parts[index], masks[index]];
      if (part === undefined || role === undefined || mask === undefined) return [];
      const asked = asks ? givenFromData(mask, op.data.length) : mask;
      return [this.#part({ ...part, mask: asked }, role, asks ? op.data.length : undefined)];
    });
    const extended: AttendOp = {
      ...op,
      parts: parts.map(({ part }) => part),
      data: asks ? [...op.data, "k"] : op.data,
    };
    const args = listAttendArguments<ValueId>(extended, {
      query: this.#arg(roles.query),
      queryPosition: this.#arg(roles.queryPosition),
      parts: parts.map(({ role }) => role),
      data: new Map([...roles.data].map(([index, value]) => [index, this.#arg(value)])),
      ...(roles.sink === undefined ? {} : { sink: this.#arg(roles.sink) }),
    });
    return this.#builder.node(extended, args, node.origin);
  }

  /** By part: the mask of the rows that this phase has as queries. */
  #masks(op: AttendOp): readonly Predicate[] {
    if (!this.#facts.afterPrompt) return op.parts.map((part) => part.mask);
    const [query, more] = this.#cells.of(op);
    if (query === undefined || more !== undefined) return op.parts.map((part) => part.mask);
    const known = this.#newMasks.get(query);
    if (known !== undefined) return known;
    const masks = query.cells.map(({ mask, facts }) => maskOfNewRows(mask, facts));
    this.#newMasks.set(query, masks);
    return masks;
  }

  /** A part of the keys: those that grow are read from their cache, with the new ones. */
  #part(part: AttendPart, role: Role, givenIndex: number | undefined): Piece {
    const rows = this.#rows(part.axis);
    const grows = this.#facts.growth.rows.has(rows);
    const of = (value: ValueId): ValueId =>
      grows ? this.#cached(value, part.axis) : this.#arg(value);
    const data = new Map([...role.data].map(([index, value]) => [index, of(value)]));
    if (givenIndex !== undefined) data.set(givenIndex, this.#given(grows ? rows : undefined));
    return {
      part: grows ? { ...part, axis: this.#cacheAxis(rows) } : part,
      role: { key: of(role.key), value: of(role.value), position: of(role.position), data },
    };
  }

  /** The rows of `value` that its cache holds, then the new ones. */
  #cached(value: ValueId, axis: AxisName): ValueId {
    const { graph } = this.#facts;
    const { type, origin } = nodeAt(graph, value);
    if (!type.axes.includes(axis)) return this.#arg(value);
    const known = this.#appended.get(value);
    if (known !== undefined) return known;
    const rows = this.#rows(axis);
    const state = `cache ${value}`;
    this.#caches.set(state, { value, axis });
    const added = asCacheRows(this.#builder, this.#arg(value), axis, rows, origin);
    const appended = this.#append(state, added, rows, origin);
    this.#appended.set(value, appended);
    return appended;
  }

  #append(state: string, value: ValueId, rows: AxisName, origin: Origin): ValueId {
    const op = { kind: "append", state, axis: rows, into: this.#cacheAxis(rows) } as const;
    return this.#builder.node(op, [value], origin);
  }

  #cacheAxis(rows: AxisName): AxisName {
    const known = this.#cacheAxes.get(rows);
    if (known !== undefined) return known;
    const axis = addCacheAxis(this.#builder, rows);
    this.#cacheAxes.set(rows, axis);
    return axis;
  }

  /** 1 for rows that were given: all that do not grow, and none of the new ones. */
  #given(rows: AxisName | undefined): ValueId {
    const { origin } = nodeAt(this.#facts.graph, this.#facts.logits);
    if (rows === undefined)
      return this.#builder.node({ kind: "constant", element: "int", value: 1 }, [], origin);
    const known = this.#givenFlags.get(rows);
    if (known !== undefined) return known;
    const zeros = zerosOf(this.#builder, { element: "int", axes: [rows] }, origin);
    const flags = this.#append(givenCache, zeros, rows, origin);
    this.#givenFlags.set(rows, flags);
    return flags;
  }
}

type Role = AttendArguments<ValueId>["parts"][number];

interface Piece {
  readonly part: AttendPart;
  readonly role: Role;
}

function isNever(mask: Predicate | undefined): boolean {
  return mask?.kind === "constant" && !mask.value;
}
