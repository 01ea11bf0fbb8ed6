/**
 * Attentions with random masks: every kind of predicate, segments that interleave in any way, token
 * data, tables, grouped heads, sinks and normalisations, as a graph and what it is run on.
 */

import type { Environment, Tensor } from "../../compiler/graph/evaluate.ts";
import type { Graph, ValueId } from "../../compiler/graph/graph.ts";
import { sumOf, symbol } from "../../compiler/op/dimension.ts";
import type { AttendOp } from "../../compiler/op/op.ts";
import type { Predicate, Term } from "../../compiler/op/predicate.ts";
import {
  dataSides,
  type Random,
  random,
  randomPredicate,
  randomSequence,
  type Row,
  type Sequence,
} from "../compiler/mask/random.ts";
import { Draft } from "./draft.ts";
import { randomTensor, seeded } from "./random.ts";

/** A graph with one attention, and numbers for it. */
export interface RandomAttention {
  readonly graph: Graph;
  readonly environment: Environment;
  readonly mask: Predicate;
}

const width = 4;

/** The attention of `seed`, over at most `most` rows. */
export function randomAttention(seed: number, most: number): RandomAttention {
  const from = random(seed);
  const predicate = decided(randomPredicate(from, from.below(5)));
  const sequence = randomSequence(from, most);
  const table = from.below(4) === 0 ? randomTable(from) : undefined;
  const mask = table === undefined ? predicate : joined(from, predicate, table);
  return { mask, ...new Building(seed, from, mask, sequence, table).finish() };
}

/** Numbers by row of queries and keys, or by runs of them. */
interface Table {
  readonly rows: number;
  readonly columns: number;
  /** Row-major. */
  readonly numbers: readonly number[];
  readonly term: Extract<Term, { kind: "table" }>;
}

/** The axes of the table. */
const tableAxes = ["TableRow", "TableColumn"] as const;

function randomTable(from: Random): Table {
  const [rows, columns] = [1 + from.below(9), 1 + from.below(9)];
  const truth = from.below(2) === 0;
  const numbers = Array.from({ length: rows * columns }, () =>
    truth ? from.below(2) : from.below(4) - 1,
  );
  const at = (["q", "k"] as const).map((side, index) => {
    const position: Term = { kind: "position", side };
    const operator = from.pick(["/", "/", "%"] as const);
    const by: Term = { kind: "number", value: from.pick([1, 3, 8, 16]) };
    const whole: Term = { kind: "binary", operator, left: position, right: by };
    return { axis: tableAxes[index] ?? "", at: whole };
  });
  const term = { kind: "table", index: dataSides.length, at, truth } as const;
  return { rows, columns, numbers, term };
}

/** `mask` and, or or without what a table says. */
function joined(from: Random, mask: Predicate, { term }: Table): Predicate {
  const zero: Term = { kind: "number", value: 0 };
  const isLive: Predicate = { kind: "compare", comparison: "!=", left: term, right: zero };
  const kind = from.pick(["and", "and", "or"] as const);
  return from.below(3) === 0 ? isLive : { kind, operands: [isLive, mask] };
}

/** `mask` where all rows are given: generation is no matter of kernels. */
function decided(mask: Predicate): Predicate {
  switch (mask.kind) {
    case "given":
      return { kind: "constant", value: true };
    case "not":
      return { ...mask, operand: decided(mask.operand) };
    case "and":
    case "or":
      return { ...mask, operands: mask.operands.map(decided) };
    default:
      return mask;
  }
}

class Building {
  readonly #draft: Draft = new Draft("RandomAttention");
  readonly #inputs: Map<string, Tensor> = new Map();
  readonly #numbers: () => number;
  readonly #from: Random;
  readonly #mask: Predicate;
  readonly #sequence: Sequence;
  /** In storage order: segment after segment. */
  readonly #rows: readonly Row[];
  readonly #table: Table | undefined;

  constructor(
    seed: number,
    from: Random,
    mask: Predicate,
    sequence: Sequence,
    table: Table | undefined,
  ) {
    this.#table = table;
    this.#numbers = seeded(seed);
    this.#from = from;
    this.#mask = mask;
    this.#sequence = sequence;
    this.#rows = sequence.segments.flatMap((name) => rowsOf(sequence, name));
  }

  finish(): Pick<RandomAttention, "graph" | "environment"> {
    const { segments } = this.#sequence;
    const draft = this.#draft;
    for (const name of segments) draft.axis(name, name);
    const whole = sumOf(segments.map((name) => symbol(name)));
    const all = segments.map((name) => ({ name, axis: name }));
    draft.axis("S", whole, all);
    draft.builder.addAxis({
      name: "K",
      label: "K",
      size: whole,
      lineage: { kind: "renamed", from: "S" },
      segments: all,
    });
    const groups = this.#from.pick([1, 2]);
    const heads = groups * this.#from.pick([1, 3]);
    for (const [name, size] of Object.entries({ H: heads, G: groups, E: width }))
      draft.axis(name, size);
    draft.output("seen", this.#attend(heads, groups));
    const sizes = new Map(segments.map((name) => [name, rowsOf(this.#sequence, name).length]));
    const environment = { sizes, inputs: this.#inputs, weights: noWeights };
    return { graph: draft.finish(), environment };
  }

  #attend(heads: number, groups: number): ValueId {
    const draft = this.#draft;
    const only = this.#from.below(4) === 0 ? this.#from.pick(this.#sequence.segments) : undefined;
    const query = only ?? "S";
    const queries = only === undefined ? this.#rows : rowsOf(this.#sequence, only);
    const normalize = this.#from.pick(["softmax", "softmax", "sigmoid", "relu"] as const);
    const sink = normalize === "softmax" && this.#from.below(3) === 0;
    const op: Pick<AttendOp, "query" | "contracted" | "value" | "parts"> & Partial<AttendOp> = {
      query,
      ...(only === undefined ? {} : { querySegment: only }),
      contracted: "E",
      value: "E",
      group: { query: "H", key: "G" },
      parts: [{ axis: "K", mask: this.#mask }],
      data: this.#table === undefined ? dataSides : [...dataSides, "none"],
      scale: 0.5,
      normalize,
      sink,
    };
    const positions = this.#sequence.segments.map((name) =>
      this.#integers(
        `position.${name}`,
        [name],
        rowsOf(this.#sequence, name).map((row) => row.position),
      ),
    );
    const position = draft.node(
      { kind: "join", into: "S", parts: this.#sequence.segments },
      ...positions,
    );
    const own = only === undefined ? position : positions[this.#sequence.segments.indexOf(only)];
    const [q, k, v] = [
      this.#floats("q", [query, "H", "E"], [queries.length, heads, width]),
      this.#floats("k", ["S", "G", "E"], [this.#rows.length, groups, width]),
      this.#floats("v", ["S", "G", "E"], [this.#rows.length, groups, width]),
    ];
    const datum = (index: number, axis: string, rows: readonly Row[]): ValueId => {
      const byRow = rows.map((row) => row.data[index] ?? 0);
      if (this.#from.below(3) > 0) return this.#integers(`data${index}`, [axis], byRow);
      // Each head has numbers of its own.
      const byHead = byRow.flatMap((value) =>
        Array.from({ length: heads }, (_, head) => value + (head % 2)),
      );
      return this.#integers(`data${index}`, [axis, "H"], byHead, [rows.length, heads]);
    };
    const keys = [k, v, position, datum(1, "S", this.#rows)].map((value) =>
      draft.node({ kind: "rename", from: "S", to: "K" }, value),
    );
    const none = this.#integers("data2", [], [this.#sequence.constant]);
    const tables = this.#table === undefined ? [] : [this.#tableInput(this.#table)];
    const sinks = sink ? [this.#floats("sink", ["H"], [heads])] : [];
    return draft.attend(
      op,
      q,
      own ?? position,
      ...keys,
      datum(0, query, queries),
      none,
      ...tables,
      ...sinks,
    );
  }

  #tableInput({ rows, columns, numbers }: Table): ValueId {
    const [row, column] = tableAxes;
    this.#draft.axis(row, rows);
    this.#draft.axis(column, columns);
    return this.#integers("table", tableAxes, numbers, [rows, columns]);
  }

  #floats(name: string, axes: readonly string[], shape: readonly number[]): ValueId {
    this.#inputs.set(name, randomTensor(this.#numbers, shape, 1));
    return this.#draft.input(name, axes);
  }

  #integers(
    name: string,
    axes: readonly string[],
    data: readonly number[],
    shape: readonly number[] = axes.map(() => data.length),
  ): ValueId {
    this.#inputs.set(name, { element: "int", shape, data });
    const role = name.startsWith("position") ? "position" : "tensor";
    return this.#draft.input(name, axes, "int", role);
  }
}

function rowsOf({ rows }: Sequence, segment: string): readonly Row[] {
  return rows.filter((row) => row.segment === segment);
}

function noWeights(name: string): never {
  throw new RangeError(`there is no weight ${name}`);
}
