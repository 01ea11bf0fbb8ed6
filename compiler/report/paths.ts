/** Checkpoint paths of equal things, with the numbers that differ as ranges: `layers[0..31].mlp`. */

/** `paths` in as few words as say the same; empty paths are the model itself. */
export function showPaths(paths: readonly string[]): readonly string[] {
  const groups = new Map<string, number[][]>();
  for (const path of new Set(paths)) {
    const parts = path.split(".");
    const numbers = parts.filter(isNumber).map(Number);
    const pattern = parts.map((part) => (isNumber(part) ? "#" : part)).join(".");
    groups.set(pattern, [...(groups.get(pattern) ?? []), numbers]);
  }
  return [...groups].flatMap(([pattern, found]) => showGroup(pattern, found));
}

function isNumber(part: string): boolean {
  return /^\d+$/.test(part);
}

function showGroup(pattern: string, found: readonly (readonly number[])[]): readonly string[] {
  const slots = found[0]?.length ?? 0;
  const values = Array.from({ length: slots }, (_, slot) => [
    ...new Set(found.map((numbers) => numbers[slot] ?? 0)),
  ]);
  const all = values.reduce((product, each) => product * each.length, 1);
  // Where not all combinations are there, ranges would say too much.
  if (all !== found.length) return found.map((numbers) => fill(pattern, numbers.map(String)));
  return [fill(pattern, values.map(ranges))];
}

/** `pattern.#.rest` with its numbers: `pattern[0..3].rest`, or `pattern.3.rest` for a single one. */
function fill(pattern: string, numbers: readonly string[]): string {
  let slot = 0;
  return pattern.replace(/\.?#/g, (mark) => {
    const number = numbers[slot++] ?? "";
    return isNumber(number) ? mark.replace("#", number) : `[${number}]`;
  });
}

/** `0..3, 5`. */
function ranges(numbers: readonly number[]): string {
  const sorted = numbers.toSorted((a, b) => a - b);
  const runs: [number, number][] = [];
  for (const number of sorted) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([low, high]) => (low === high ? `${low}` : `${low}..${high}`)).join(", ");
}
