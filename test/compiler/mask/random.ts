/** Seeded masks and sequences: every kind of predicate and term, segments, data and interleaving. */

import type {
  Comparison,
  Predicate,
  Side,
  Term,
  TermOperator,
} from "../../../compiler/op/predicate.ts";

/** Integers below `bound`, and choices, from one seed. */
export interface Random {
  below(bound: number): number;
  pick<T>(choices: readonly T[]): T;
}

/** A generator of its own for each seed (mulberry32). */
export function random(seed: number): Random {
  let state = (seed * 0x9e3779b1) | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  const pick = <T>(choices: readonly T[]): T => {
    const choice = choices[below(choices.length)];
    if (choice === undefined) throw new RangeError("nothing to choose from");
    return choice;
  };
  return { below, pick };
}

/** Segment names that masks ask for; a sequence may have fewer. */
export const segmentNames = ["text", "visual", "audio"] as const;

/** The sides of the data uses, by index. */
export const dataSides: readonly Side[] = ["q", "k", "none"];

/** A predicate of the whole grammar. */
export function randomPredicate(from: Random, depth: number): Predicate {
  const kind = depth === 0 ? "atom" : from.pick(["atom", "not", "and", "or", "and", "or"] as const);
  switch (kind) {
    case "atom":
      return randomAtom(from);
    case "not":
      return { kind, operand: randomPredicate(from, depth - 1) };
    case "and":
    case "or": {
      const count = 2 + from.below(2);
      const operands = Array.from({ length: count }, () => randomPredicate(from, depth - 1));
      return { kind, operands };
    }
  }
}

function randomAtom(from: Random): Predicate {
  const kind = from.below(20);
  const side = from.pick(["q", "k"] as const);
  if (kind === 0) return { kind: "constant", value: from.below(2) === 1 };
  if (kind === 1) return { kind: "given", side };
  if (kind <= 4) return { kind: "segment", side, segment: from.pick(segmentNames) };
  const comparison = from.pick<Comparison>(["<", "<=", "==", "!="]);
  if (kind <= 10) return compare(comparison, ...from.pick(commonSides(from)));
  return compare(comparison, randomTerm(from, 2), randomTerm(from, 2));
}

/** What masks mostly compare. */
function commonSides(from: Random): readonly (readonly [Term, Term])[] {
  const small = number(from.below(7) - 2);
  const period = number(1 + from.below(from.pick([5, 5, 24])));
  const distance = binary("-", query, key);
  return [
    [query, key],
    [key, query],
    [distance, small],
    [small, distance],
    [key, small],
    [binary("%", distance, period), small],
    [binary("/", query, period), binary("/", key, period)],
    [binary("%", query, period), binary("%", key, period)],
    [datum(0), datum(1)],
    [{ kind: "absolute", operand: distance }, small],
    [distance, datum(2)],
  ];
}

function randomTerm(from: Random, depth: number): Term {
  if (depth === 0 || from.below(3) === 0)
    return from.pick<Term>([
      query,
      key,
      query,
      key,
      datum(from.below(3)),
      number(from.below(9) - 3),
    ]);
  if (from.below(8) === 0) return { kind: "absolute", operand: randomTerm(from, depth - 1) };
  const operator = from.pick<TermOperator>(["+", "-", "-", "*", "/", "%", "min", "max"]);
  return binary(operator, randomTerm(from, depth - 1), randomTerm(from, depth - 1));
}

const query: Term = { kind: "position", side: "q" };
const key: Term = { kind: "position", side: "k" };

function number(value: number): Term {
  return { kind: "number", value };
}

function datum(index: number): Term {
  return { kind: "data", index, side: dataSides[index] ?? "none" };
}

function binary(operator: TermOperator, left: Term, right: Term): Term {
  return { kind: "binary", operator, left, right };
}

function compare(comparison: Comparison, left: Term, right: Term): Predicate {
  return { kind: "compare", comparison, left, right };
}

/** One row of a sequence. `data` holds its value of each data use. */
export interface Row {
  readonly position: number;
  readonly segment: string;
  readonly given: boolean;
  readonly data: readonly number[];
}

/** A sequence: its segments and its rows in order of position. New rows of `growing` come last. */
export interface Sequence {
  readonly segments: readonly string[];
  readonly growing: string;
  readonly rows: readonly Row[];
  /** The value of data that belongs to no row. */
  readonly constant: number;
}

/** Segments that interleave, with gaps between positions now and then, and some new rows. */
export function randomSequence(from: Random, most: number): Sequence {
  const segments = segmentNames.slice(0, 1 + from.below(segmentNames.length));
  const growing = from.pick(segments);
  const gaps = from.below(3) === 0;
  const runs = from.below(2) === 0;
  const count = from.below(most + 1);
  const added = from.below(Math.min(count, 4) + 1);
  let position = from.below(2) * from.below(5);
  let segment = from.pick(segments);
  const rows = Array.from({ length: count }, (_, index): Row => {
    if (!runs || from.below(4) === 0) segment = from.pick(segments);
    const isNew = index >= count - added;
    const row = {
      position,
      segment: isNew ? growing : segment,
      given: !isNew,
      data: dataSides.map(() => from.below(4) - from.below(2)),
    };
    position += 1 + (gaps ? from.below(3) : 0);
    return row;
  });
  return { segments, growing, rows, constant: from.below(5) - 1 };
}
