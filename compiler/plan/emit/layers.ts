/**
 * Finds what repeats from layer to layer: pieces that are equal but for numbers inside their texts,
 * which grow by the same amount each time, become one piece with the layer's number in it.
 */

import { array, type Code, onOneLine, type Slot, sequence } from "./code.ts";

/** A piece with the numbers of its texts taken out: pieces with equal shapes may be of one kind. */
interface Taken {
  readonly shape: string;
  readonly numbers: readonly number[];
}

/** `items` with runs of equal kind written as `...layers(count, (l) => [ … ])`. */
export function gather(items: readonly Code[]): readonly Code[] {
  const run = bestRun(items.map(take));
  if (run === undefined) return items;
  const { start, period, count } = run;
  const variable = freeVariable(items);
  const body = Array.from({ length: period }, (_, offset) => {
    const same = Array.from(
      { length: count },
      (_, round) => items[start + round * period + offset],
    );
    return generalized(
      same.filter((each) => each !== undefined),
      variable,
    );
  });
  const parameter = body.some((each) => mentions(each, variable)) ? variable : "";
  const loop = sequence(`...layers(${count}, (${parameter}) => `, array(body), ")");
  return [...gather(items.slice(0, start)), loop, ...gather(items.slice(start + period * count))];
}

/** An expression of `variable` that gives `entries[0]` for 0, `entries[1]` for 1 and so on. */
export function byLayer(entries: readonly Code[], variable: string): Code {
  return regular(entries, variable, 0) ?? atEnds(entries, variable, 0);
}

/** Whether the piece has a slot of `variable` or names it in a condition. */
export function mentions(code: Code, variable: string): boolean {
  if (typeof code === "string") return new RegExp(`\\b${variable}\\b`).test(code);
  switch (code.kind) {
    case "text":
      return code.parts.some((part) => typeof part !== "string" && part.variable === variable);
    case "list":
      return code.items.some((item) => mentions(item, variable)) || mentions(code.open, variable);
    case "sequence":
      return code.parts.some((part) => mentions(part, variable));
  }
}

/** The entries as one piece, or as pieces that take turns; the first entry is for layer `first`. */
function regular(entries: readonly Code[], variable: string, first: number): Code | undefined {
  const taken = entries.map(take);
  if (affine(taken, 0, 1) === entries.length) return generalized(entries, variable, first);
  const flat = entries.map(onOneLine);
  for (let period = 2; period <= 4 && period < entries.length; period++) {
    if (!flat.every((each, index) => index < period || each === flat[index - period])) continue;
    const turns = Array.from(
      { length: period },
      (_, turn) => flat[(turn + period - (first % period)) % period],
    );
    return `alternate(${variable}, ${turns.join(", ")})`;
  }
  return undefined;
}

/** Entries that are regular but for the first or the last ones; else all of them. */
function atEnds(entries: readonly Code[], variable: string, first: number): Code {
  const [head, ...tail] = entries;
  const body = entries.slice(0, -1);
  const last = entries.at(-1);
  if (head === undefined || last === undefined) return "[]";
  const afterHead = tail.length > 1 ? regular(tail, variable, first + 1) : undefined;
  if (afterHead !== undefined)
    return sequence(`${variable} === ${first} ? `, head, " : ", afterHead);
  const beforeLast = body.length > 1 ? regular(body, variable, first) : undefined;
  const end = first + entries.length - 1;
  if (beforeLast !== undefined) return sequence(`${variable} < ${end} ? `, beforeLast, " : ", last);
  const inside = regular(tail.slice(0, -1), variable, first + 1);
  if (inside !== undefined && tail.length > 2) {
    const rest = sequence(`${variable} < ${end} ? `, inside, " : ", last);
    return sequence(`${variable} === ${first} ? `, head, " : ", rest);
  }
  return {
    kind: "list",
    open: `alternate(${variable}, `,
    items: entries,
    close: ")",
    layout: "fill",
  };
}

interface Run {
  readonly start: number;
  readonly period: number;
  readonly count: number;
}

/** Fewer items saved than this are better read one by one. */
const leastSaved = 3;

/** The run that saves most items; of those the one with the shortest body, then the earliest. */
function bestRun(items: readonly Taken[]): Run | undefined {
  const ids = new Map<string, number>();
  const kinds = items.map(({ shape }) => {
    const id = ids.get(shape) ?? ids.size;
    ids.set(shape, id);
    return id;
  });
  let best: Run | undefined;
  let saved = leastSaved - 1;
  for (let period = 1; period * 2 <= kinds.length; period++) {
    for (let start = 0; start + period < kinds.length; start++) {
      let same = 0;
      while (
        kinds[start + same] === kinds[start + same + period] &&
        start + same + period < kinds.length
      )
        same++;
      for (let from = start; start + same - from > saved; from++) {
        const count = affine(items, from, period);
        if ((count - 1) * period <= saved) continue;
        best = { start: from, period, count };
        saved = (count - 1) * period;
      }
      start += same;
    }
  }
  return best;
}

/**
 * How many rounds of `period` items from `start` on differ by the same amounts from round to round.
 */
function affine(items: readonly Taken[], start: number, period: number): number {
  let rounds = 1;
  for (; start + (rounds + 1) * period <= items.length; rounds++) {
    for (let offset = 0; offset < period; offset++) {
      const at = start + offset;
      const [zero, one] = [items[at], items[at + period]];
      const here = items[at + rounds * period];
      if (zero === undefined || one === undefined || here === undefined) return rounds;
      if (here.shape !== zero.shape || !follows(zero.numbers, one.numbers, here.numbers, rounds))
        return rounds;
    }
  }
  return rounds;
}

function follows(
  zero: readonly number[],
  one: readonly number[],
  here: readonly number[],
  rounds: number,
): boolean {
  return zero.every((first, index) => here[index] === first + ((one[index] ?? 0) - first) * rounds);
}

/**
 * Pieces of one kind as one piece, with slots where their numbers differ; the first is for layer
 * `first`.
 */
function generalized(items: readonly Code[], variable: string, first: number = 0): Code {
  const [zero, one] = items;
  if (zero === undefined || one === undefined) return zero ?? "";
  const numbers = [take(zero).numbers, take(one).numbers] as const;
  let next = 0;
  const slotted = (code: Code): Code => {
    if (typeof code === "string") return code;
    switch (code.kind) {
      case "list":
        return { ...code, items: code.items.map(slotted) };
      case "sequence":
        return { ...code, parts: code.parts.map(slotted) };
      case "text":
        return { kind: "text", parts: merged(code.parts.flatMap(slotParts)) };
    }
  };
  const slotParts = (part: string | Slot): readonly (string | Slot)[] => {
    if (typeof part !== "string") return [part];
    return part.split(number).map((piece, index): string | Slot => {
      if (index % 2 === 0) return piece;
      const [before, after] = [numbers[0][next] ?? 0, numbers[1][next] ?? 0];
      next++;
      const scale = after - before;
      return scale === 0 ? piece : { variable, scale, offset: before - scale * first };
    });
  };
  return slotted(zero);
}

/** Whole numbers as layers are counted: without zeros before them, short enough to be exact. */
const number = /(?<!\d)(0|[1-9]\d{0,8})(?!\d)/;

function take(code: Code): Taken {
  const numbers: number[] = [];
  const shape = (each: Code): string => {
    if (typeof each === "string") return each;
    switch (each.kind) {
      case "list":
        return `${each.open}${each.items.map(shape).join(", ")}${each.close}`;
      case "sequence":
        return each.parts.map(shape).join("");
      case "text":
        return `"${each.parts.map(textShape).join("")}"`;
    }
  };
  const textShape = (part: string | Slot): string => {
    if (typeof part !== "string") return `\u0000${JSON.stringify(part)}`;
    const pieces = part.split(number);
    for (const [index, piece] of pieces.entries()) if (index % 2 === 1) numbers.push(Number(piece));
    return JSON.stringify(pieces.filter((_, index) => index % 2 === 0));
  };
  return { shape: shape(code), numbers };
}

function merged(parts: readonly (string | Slot)[]): readonly (string | Slot)[] {
  const result: (string | Slot)[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (typeof part === "string" && typeof last === "string")
      result[result.length - 1] = last + part;
    else result.push(part);
  }
  return result;
}

/** `l`, or the next letter that no loop inside the items has. */
function freeVariable(items: readonly Code[]): string {
  const inside = items.map(onOneLine).join(" ");
  return [..."lmnopqr"].find((letter) => !inside.includes(`(${letter}) =>`)) ?? "layer_number";
}
