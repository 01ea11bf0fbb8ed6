/** Tables of text: columns as wide as they need to be, numbers to the right. */

/** A column's side. */
export type Align = "left" | "right";

/** Lines of `rows`, indented by two; a row may be shorter than the others. */
export function textTable(
  rows: readonly (readonly string[])[],
  align: readonly Align[],
): readonly string[] {
  const widths = align.map((_, column) =>
    Math.max(0, ...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) => {
    const cells = align.map((side, column) => {
      const [cell, width] = [row[column] ?? "", widths[column] ?? 0];
      return side === "left" ? cell.padEnd(width) : cell.padStart(width);
    });
    return `  ${cells.join("   ")}`.trimEnd();
  });
}

/** `text` in lines of at most `width` characters; `indents` go before the first and all others. */
export function wrapped(
  text: string,
  width: number,
  indents: readonly [string, string] = ["", ""],
): readonly string[] {
  const [first, others] = indents;
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(" ")) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = others;
      empty = true;
    }
    line = empty ? `${line}${word}` : `${line} ${word}`;
    empty = false;
  }
  return [...lines, line];
}
