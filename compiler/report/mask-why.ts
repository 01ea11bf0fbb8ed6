/** Why a row sees another one: the smallest part of a mask that decides, in one sentence. */

import { unreachable } from "../../grammar/invariant.ts";
import { evaluatePredicate, type RowFacts } from "../mask/index.ts";
import type { Predicate } from "../op/predicate.ts";
import { type DataName, showPredicate } from "../op/show-predicate.ts";
import type { Band, MaskPicture } from "./mask-picture.ts";
import { rowFacts } from "./tile-grid.ts";

/** The answer about one pair of rows. */
export interface Why {
  /** Rows in storage order. */
  readonly query: number;
  readonly key: number;
  readonly sees: boolean;
  /** The part of the mask that decides. */
  readonly part: Predicate;
  readonly sentence: string;
}

/**
 * The smallest part of `predicate`, by comparisons and memberships, that is as true or false as the
 * whole for these rows and alone makes it so: where it is true the whole is, or where it is false.
 */
export function decisivePart(predicate: Predicate, facts: RowFacts): Predicate {
  switch (predicate.kind) {
    case "constant":
    case "compare":
    case "segment":
    case "given":
      return predicate;
    case "not":
      return { kind: "not", operand: decisivePart(predicate.operand, facts) };
    case "and":
    case "or": {
      const value = evaluatePredicate(predicate, facts);
      const agreeing = predicate.operands.filter(
        (operand) => evaluatePredicate(operand, facts) === value,
      );
      const parts = agreeing.map((operand) => decisivePart(operand, facts));
      if (value === (predicate.kind === "and")) return together(predicate.kind, parts);
      const sizes = parts.map(countAtoms);
      return parts[sizes.indexOf(Math.min(...sizes))] ?? predicate;
    }
    default:
      return unreachable(predicate);
  }
}

/** All of `parts`, without constants, which say nothing. */
function together(kind: "and" | "or", parts: readonly Predicate[]): Predicate {
  const saying = parts
    .flatMap((part) => (part.kind === kind ? part.operands : [part]))
    .filter((part) => part.kind !== "constant");
  const [first, second] = saying;
  if (first === undefined) return { kind: "constant", value: kind === "and" };
  return second === undefined ? first : { kind, operands: saying };
}

function countAtoms(predicate: Predicate): number {
  switch (predicate.kind) {
    case "constant":
      return 0;
    case "not":
      return countAtoms(predicate.operand);
    case "and":
    case "or":
      return predicate.operands.reduce((sum, each) => sum + countAtoms(each), 0);
    case "compare":
    case "segment":
    case "given":
      return 1;
    default:
      return unreachable(predicate);
  }
}

/** Why query row `query` sees key row `key`, or does not; undefined if there are no such rows. */
export function whySees(picture: MaskPicture, query: number, key: number): Why | undefined {
  const q = bandOf(picture.queries, query);
  const k = bandOf(picture.keys, key);
  const cell = picture.cells.find((each) => each.query === q && each.key === k);
  const [queries, keys] = [picture.queries[q], picture.keys[k]];
  if (cell === undefined || queries === undefined || keys === undefined) return undefined;
  const facts = rowFacts(cell.grid, query - queries.start, key - keys.start);
  const part = decisivePart(cell.written, facts);
  const sees = evaluatePredicate(cell.written, facts);
  const pair = `${rowName(queries, query)} ${sees ? "sees" : "does not see"} ${rowName(keys, key)}`;
  const reason = sees ? showPredicate(part, picture.dataName) : hiddenBy(part, picture.dataName);
  return { query, key, sees, part, sentence: `${pair}: ${reason}` };
}

function bandOf(bands: readonly Band[], row: number): number {
  return bands.findIndex(({ start, rows }) => row >= start && row < start + rows);
}

function rowName({ segment, start }: Band, row: number): string {
  return `row ${row} (${segment} ${row - start})`;
}

/** What a false predicate says of a hidden pair. */
function hiddenBy(part: Predicate, name: DataName): string {
  if (part.kind === "constant") return "nothing is seen";
  if (part.kind === "not") return showPredicate(part.operand, name);
  if (part.kind !== "or") return `${showPredicate(part, name)} is false`;
  const parts = part.operands.map((each) => showPredicate(each, name));
  return parts.length === 2
    ? `neither ${parts.join(" nor ")}`
    : `none of ${parts.slice(0, -1).join(", ")} and ${parts.at(-1) ?? ""}`;
}
