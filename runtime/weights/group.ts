/**
 * Many tensor names as few lines: numbers in a path are layers, experts or stages, and what differs
 * only in them is one line, `layers.{0-31}.mlp.up_proj.weight`.
 */

/** One line of a summary. */
export interface NameGroup {
  /** What to print: a path with its numbers as ranges, and `…` for tails that were left out. */
  readonly text: string;
  /** The names that it stands for. */
  readonly names: readonly string[];
}

/** Up to so many different tails below one numbered prefix are printed each; more become `…`. */
const tailsShown = 3;

/** `names` in groups, in the order of their first members. */
export function groupNames(names: readonly string[]): readonly NameGroup[] {
  return [...bucket(names, numberedPrefix).values()].flatMap((siblings) => {
    const patterns = [...bucket(siblings, pattern).values()];
    if (patterns.length <= tailsShown)
      return patterns.map((each) => ({ text: ranged(each), names: each }));
    const prefixes = siblings.map((name) => name.slice(0, prefixLength(name)));
    return [{ text: `${ranged(prefixes)}.…`, names: siblings }];
  });
}

/** `names` in groups that differ in numbers only. */
export function groupByPattern(names: readonly string[]): readonly NameGroup[] {
  return [...bucket(names, pattern).values()].map((each) => ({ text: ranged(each), names: each }));
}

function bucket(
  names: readonly string[],
  key: (name: string) => string,
): ReadonlyMap<string, readonly string[]> {
  const buckets = new Map<string, string[]>();
  for (const name of names) {
    const list = buckets.get(key(name));
    if (list === undefined) buckets.set(key(name), [name]);
    else list.push(name);
  }
  return buckets;
}

function pattern(name: string): string {
  return name.replace(/(?<=^|\.)\d+(?=\.|$)/g, "{}");
}

/** Up to and with the first number; the whole name where it has none. */
function numberedPrefix(name: string): string {
  return pattern(name.slice(0, prefixLength(name)));
}

function prefixLength(name: string): number {
  const number = name.match(/(?<=^|\.)\d+(?=\.|$)/);
  return number === null ? name.length : (number.index ?? 0) + number[0].length;
}

/** Names of one pattern as one text, each number that varies as a range. */
function ranged(names: readonly string[]): string {
  const parts = names.map((name) => name.split("."));
  const [first = []] = parts;
  return first
    .map((word, place) => {
      const words = [...new Set(parts.map((each) => each[place] ?? word))];
      return words.length === 1 ? word : `{${ranges(words.map(Number))}}`;
    })
    .join(".");
}

/** `[0, 1, 2, 5]` as `0-2,5`. */
function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] + 1 === number) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
}
