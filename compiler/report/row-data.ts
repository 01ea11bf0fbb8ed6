/**
 * Integers for rows as a person writes them on a command line: a list such as `0,0,1,1`, with
 * `VALUExCOUNT` for repeated ones (`-1x4,0x8`), or `row/8` and `row%8` for rows in lines of eight.
 */

/** The integers, or what is wrong with the words. */
export type RowDataResult =
  | { readonly kind: "data"; readonly values: Float64Array }
  | { readonly kind: "mistake"; readonly message: string; readonly hint: string };

/** The integers of `count` rows that `text` says for `name`. */
export function readRowData(name: string, text: string, count: number): RowDataResult {
  const pattern = /^row([/%])([1-9]\d*)$/.exec(text.replaceAll(" ", ""));
  if (pattern !== null) {
    const divisor = Number(pattern[2]);
    const of = (row: number): number =>
      pattern[1] === "/" ? Math.floor(row / divisor) : row % divisor;
    return { kind: "data", values: Float64Array.from({ length: count }, (_, row) => of(row)) };
  }
  const values: number[] = [];
  for (const part of text.split(",")) {
    const found = /^(-?\d+)(?:x(\d+))?$/.exec(part.trim());
    if (found === null)
      return {
        kind: "mistake",
        message: `\`${part.trim()}\` in \`${name}\` is no integer`,
        hint: `write integers, \`${name}=0,0,1,1\` or \`${name}=0x2,1x2\`, or \`${name}=row/8\``,
      };
    const repeated = Math.min(Number(found[2] ?? 1), count + 1);
    values.push(...Array<number>(repeated).fill(Number(found[1])));
  }
  if (values.length === count) return { kind: "data", values: Float64Array.from(values) };
  const given = values.length > count ? "more" : `${values.length}`;
  return {
    kind: "mistake",
    message: `\`${name}\` has ${given} values for ${count} ${count === 1 ? "row" : "rows"}`,
    hint: "give one for each row, all segments in storage order, or change `--length`",
  };
}
