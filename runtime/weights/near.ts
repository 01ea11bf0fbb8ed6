/** Which names look most like one that was not found. */

/** The least number of characters inserted, removed or replaced to make `b` of `a`. */
export function editDistance(a: string, b: string): number {
  let previous = Uint32Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = new Uint32Array(b.length + 1);
    current[0] = row;
    for (let column = 1; column <= b.length; column++) {
      const replace = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const remove = (previous[column] ?? 0) + 1;
      const insert = (current[column - 1] ?? 0) + 1;
      current[column] = Math.min(replace, remove, insert);
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/**
 * Up to `count` of `names`, the nearest to `wanted` first, equals in the order given. Names so far
 * off that they would only puzzle (more than half of `wanted` changed) are left out.
 */
export function nearest(wanted: string, names: Iterable<string>, count: number): readonly string[] {
  return [...names]
    .map((name) => ({ name, distance: editDistance(wanted, name) }))
    .filter(({ distance }) => distance * 2 <= wanted.length)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ name }) => name);
}
