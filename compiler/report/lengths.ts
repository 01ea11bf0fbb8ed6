/**
 * Lengths that a person names (`image=4,text=64`) as values of a model's run-time symbols. A name is a
 * segment, an input or a symbol; what it says must fix one symbol.
 */

import { type Graph, sizeOf } from "../graph/graph.ts";
import type { Axis, AxisName } from "../op/axis.ts";
import {
  asConstant,
  constant,
  type Dimension,
  evaluateDimension,
  substitute,
  symbolsOf,
} from "../op/dimension.ts";
import { growthOf } from "../phase/growth.ts";
import { past } from "../phase/phase.ts";

/** What every symbol of a model is for one prompt. */
export interface Lengths {
  /** As a person reads it: `image=1, text=64`. */
  readonly title: string;
  readonly values: ReadonlyMap<string, number>;
  /** Symbols that the model itself measures, which are counted as the most that they can be. */
  readonly measured: readonly string[];
  /** The rows of each segment, in storage order. */
  readonly segments: readonly { readonly name: string; readonly rows: number }[];
}

/** The lengths that were asked for, or what is wrong with the words. */
export type LengthsResult =
  | { readonly kind: "lengths"; readonly lengths: Lengths }
  | { readonly kind: "mistake"; readonly message: string; readonly hint: string };

/** How many rows a prompt has where nobody says. */
const usualTokens = 64;

/** The most rows of a segment, whose positions are looked at one by one. */
const mostRows = 2 ** 22;

/**
 * Reads `text`, such as `image=4,text=64`. What it leaves out is one of each (one image) and 64 tokens;
 * all tokens are given and caches are empty. Fewer tokens than `least` are a mistake.
 */
export function readLengths(graph: Graph, text: string, least: number = 0): LengthsResult {
  const names = lengthNames(graph);
  const growing = growthOf(graph).symbols;
  const values = new Map<string, number>();
  for (const part of text.split(",").map((each) => each.trim())) {
    if (part === "") continue;
    const found = /^([^=\s]+)\s*=\s*(\d+)$/.exec(part);
    const [, word = "", number = ""] = found ?? [];
    if (Number(number) > mostRows) return tooMany(part);
    const size = names.get(word.toLowerCase());
    if (found === null || size === undefined) return unknown(part, names);
    const solved = solve(size, Number(number));
    if (solved === undefined) return impossible(part, size);
    if (growing.has(solved.symbol) && solved.value < least) return tooFew(part, least);
    const before = values.get(solved.symbol);
    if (before !== undefined && before !== solved.value) return twice(part, solved.symbol, before);
    values.set(solved.symbol, solved.value);
  }
  for (const each of freeSymbols(graph))
    if (!values.has(each)) values.set(each, growing.has(each) ? usualTokens : 1);
  const lengths = lengthsOf(graph, values);
  const crowd = lengths.segments.find(({ rows }) => rows > mostRows);
  if (crowd !== undefined) return tooMany(lengths.title);
  return { kind: "lengths", lengths };
}

/** Lengths for values of the free symbols. */
export function lengthsOf(graph: Graph, free: ReadonlyMap<string, number>): Lengths {
  const values = new Map(free);
  for (const axis of graph.axes.values()) {
    // Given rows are all rows of a prompt.
    if (axis.lineage.kind !== "segment" || axis.lineage.segment !== "given") continue;
    const rows = asConstant(substitute(sizeOf(graph, axis.lineage.of), constants(values)));
    for (const each of symbolsOf(axis.size)) if (rows !== undefined) values.set(each, rows);
  }
  values.set(past, 0);
  const measured = measuredSizes(graph);
  for (const [name, most] of measured) values.set(name, evaluateDimension(most, values));
  const names = [...titleNames(graph)].flatMap(([name, each]) => {
    const value = free.get(each);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  const segments = segmentRows(graph, values);
  return { title: names.join(","), values, segments, measured: [...measured.keys()] };
}

/** By symbol: the most that each size which the model measures can be, in symbols before it. */
function measuredSizes(graph: Graph): ReadonlyMap<string, Dimension> {
  return new Map(
    graph.nodes.flatMap(({ op }) => (op.kind === "measure" ? [[op.symbol, op.most] as const] : [])),
  );
}

function segmentRows(graph: Graph, values: ReadonlyMap<string, number>): Lengths["segments"] {
  const all = sequencesOf(graph).flatMap(({ segments }) =>
    segments.map(({ name, axis: own }) => {
      const rows = evaluateDimension(sizeOf(graph, own), values);
      return [`${name} ${rows}`, { name, rows }] as const;
    }),
  );
  // A sequence formed later may have as many rows of a segment.
  return [...new Map(all).values()];
}

/** The values of a model's symbols when `rows` more tokens follow what caches hold. */
export function afterwards(graph: Graph, { values, measured }: Lengths, rows: number): Lengths {
  const growing = growthOf(graph).symbols;
  const held = Math.max(0, ...[...growing].map((each) => values.get(each) ?? 0));
  const later = new Map(
    [...values].map(([name, value]) => [name, growing.has(name) ? rows : value]),
  );
  later.set(past, held);
  const segments = segmentRows(graph, later);
  return { title: `${rows} after ${held}`, values: later, segments, measured };
}

/** The sequences whose segments have lengths of their own. */
function sequencesOf(graph: Graph): readonly Axis[] {
  return [...graph.axes.values()].filter(
    ({ lineage, segments }) =>
      lineage.kind === "own" &&
      segments.some((each) => asConstant(sizeOf(graph, each.axis)) === undefined),
  );
}

/** The symbols that inputs bring: those that `readLengths` gives values to. */
function freeSymbols(graph: Graph): ReadonlySet<string> {
  const sizes = graph.inputs.flatMap((input) => input.type.axes.map((axis) => sizeOf(graph, axis)));
  return new Set(sizes.flatMap((size) => [...symbolsOf(size)]));
}

/** By lower-case name: the size that a length of that name gives. */
function lengthNames(graph: Graph): ReadonlyMap<string, Dimension> {
  const names = new Map<string, Dimension>();
  const add = (name: string, axis: AxisName | undefined): void => {
    const size = axis === undefined ? undefined : sizeOf(graph, axis);
    const free = size !== undefined && asConstant(size) === undefined;
    if (free && !names.has(name.toLowerCase())) names.set(name.toLowerCase(), size);
  };
  for (const input of graph.inputs)
    if (input.role !== "position") add(input.name, input.type.axes[0]);
  for (const { segments } of sequencesOf(graph))
    for (const segment of segments) add(segment.name, segment.axis);
  for (const input of graph.inputs)
    for (const axis of input.type.axes) {
      const size = sizeOf(graph, axis);
      if (symbolsOf(size).has(size.key)) add(size.key, axis);
    }
  return names;
}

/** The name that titles use for each symbol: a segment or an input that it is the length of. */
function titleNames(graph: Graph): ReadonlyMap<string, string> {
  const segments = sequencesOf(graph).flatMap((sequence) =>
    sequence.segments.map((each) => each.name.toLowerCase()),
  );
  const names = [...lengthNames(graph)];
  const best = new Map<string, string>();
  for (const symbol of freeSymbols(graph)) {
    const own = names.filter(([, size]) => size.key === symbol).map(([name]) => name);
    const name = own.find((each) => segments.includes(each)) ?? own[0];
    if (name !== undefined) best.set(name, symbol);
  }
  return best;
}

/** The whole number that the only symbol of `size` must be for it to be `value`. */
function solve(
  size: Dimension,
  value: number,
): { readonly symbol: string; readonly value: number } | undefined {
  const [symbol, more] = [...symbolsOf(size)];
  if (symbol === undefined || more !== undefined) return undefined;
  const at = (each: number): number =>
    asConstant(substitute(size, constants(new Map([[symbol, each]])))) ?? Number.NaN;
  const slope = at(1) - at(0);
  const solution = (value - at(0)) / slope;
  const right = Number.isInteger(solution) && solution >= 0 && at(solution) === value;
  return right ? { symbol, value: solution } : undefined;
}

function constants(values: ReadonlyMap<string, number>): ReadonlyMap<string, Dimension> {
  return new Map([...values].map(([name, value]) => [name, constant(value)]));
}

function unknown(part: string, names: ReadonlyMap<string, Dimension>): LengthsResult {
  const known = [...names.keys()];
  if (known.length === 0)
    return {
      kind: "mistake",
      message: `\`${part}\` is no length of this model: all its sizes are constants`,
      hint: "leave it out",
    };
  const example = known.map((name) => `${name}=1`).join(",");
  return {
    kind: "mistake",
    message: `\`${part}\` is no length of this model, which has ${known.join(", ")}`,
    hint: `write whole numbers of these, for example ${example}`,
  };
}

function impossible(part: string, size: Dimension): LengthsResult {
  return {
    kind: "mistake",
    message: `\`${part}\` cannot be: that length is ${size.key}`,
    hint: `choose a length that is ${size.key} for some whole number`,
  };
}

function tooMany(part: string): LengthsResult {
  return {
    kind: "mistake",
    message: `\`${part}\` is too long: rows are looked at one by one`,
    hint: `give at most ${mostRows} rows`,
  };
}

function tooFew(part: string, least: number): LengthsResult {
  return {
    kind: "mistake",
    message: `\`${part}\` is too short to answer: the next token follows the last one`,
    hint: `give at least ${least}`,
  };
}

function twice(part: string, symbol: string, before: number): LengthsResult {
  return {
    kind: "mistake",
    message: `\`${part}\` does not go with what was said before: ${symbol} is ${before}`,
    hint: "leave one of the two out",
  };
}
