/**
 * Source lines with what is said about places in them, as rows of cells. Columns here are columns of
 * the screen: tabs are widened, and wide and combining characters count as they are shown.
 */

/** How a cell is coloured. */
export type Style = "plain" | "gutter" | "primary" | "secondary" | "bold" | "hint";

/** Text of one style. */
export interface Piece {
  readonly text: string;
  readonly style: Style;
}

/** A label within one line, in code units of that line. */
export interface Mark {
  readonly start: number;
  readonly end: number;
  readonly note: string;
  readonly primary: boolean;
}

/** Lines are shown up to this many columns; of longer ones the part around the marks is shown. */
const widest = 100;
/** How much of a long line is kept before its first mark. */
const context = 24;
const tab = "    ";

/** The rows for one line: its text, the underlines, and the notes that have no place beside them. */
export function snippet(text: string, marks: readonly Mark[]): readonly (readonly Piece[])[] {
  const shown = widen(text);
  const placed = marks.map((mark) => place(shown, mark)).sort((a, b) => a.from - b.from);
  return groups(placed, shown.width).flatMap((group) => drawGroup(shown, group));
}

interface Widened {
  /** What is shown for each code unit. */
  readonly cells: readonly string[];
  /** The column at which each code unit begins, and the width as last. */
  readonly columns: readonly number[];
  readonly width: number;
}

function widen(text: string): Widened {
  const cells: string[] = [];
  const columns: number[] = [];
  let width = 0;
  for (const character of text) {
    const cell = visible(character);
    for (let unit = 0; unit < character.length; unit++) {
      cells.push(unit === 0 ? cell : "");
      columns.push(width);
    }
    width += cell === tab ? tab.length : widthOf(character);
  }
  return { cells, columns: [...columns, width], width };
}

function visible(character: string): string {
  if (character === "\t") return tab;
  const point = character.codePointAt(0) ?? 0;
  return point < 0x20 || (point >= 0x7f && point < 0xa0) ? "\ufffd" : character;
}

function widthOf(character: string): number {
  if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(character)) return 0;
  const wide =
    /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;
  return wide.test(character) || /[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u.test(character)
    ? 2
    : 1;
}

/** A mark in columns; at least one column wide. */
interface Placed {
  readonly from: number;
  readonly to: number;
  readonly note: string;
  readonly primary: boolean;
}

function place(shown: Widened, mark: Mark): Placed {
  const from = shown.columns[Math.min(mark.start, shown.columns.length - 1)] ?? 0;
  const to = shown.columns[Math.min(mark.end, shown.columns.length - 1)] ?? 0;
  return { from, to: Math.max(to, from + 1), note: mark.note, primary: mark.primary };
}

/** Marks of one line that fit on the screen together; all of them unless the line is long. */
function groups(marks: readonly Placed[], width: number): readonly Placed[][] {
  if (width <= widest) return [[...marks]];
  const result: Placed[][] = [];
  for (const mark of marks) {
    const group = result[result.length - 1];
    const first = group?.[0];
    if (first !== undefined && mark.to - first.from <= widest - context) group?.push(mark);
    else result.push([mark]);
  }
  return result;
}

function drawGroup(shown: Widened, marks: readonly Placed[]): readonly (readonly Piece[])[] {
  const window = windowOf(shown, marks);
  const moved = marks.map((mark) => ({
    ...mark,
    from: mark.from - window.from + window.margin,
    to: Math.min(mark.to, window.to) - window.from + window.margin,
  }));
  return [[{ text: window.text, style: "plain" }], ...drawMarks(moved)];
}

interface Window {
  readonly text: string;
  readonly from: number;
  readonly to: number;
  /** Columns before the text that stand for what was left out. */
  readonly margin: number;
}

function windowOf(shown: Widened, marks: readonly Placed[]): Window {
  const whole = shown.cells.join("").trimEnd();
  if (shown.width <= widest) return { text: whole, from: 0, to: shown.width + 1, margin: 0 };
  const wanted = Math.max(0, (marks[0]?.from ?? 0) - context);
  const kept = shown.cells
    .map((cell, index) => ({ cell, column: shown.columns[index] ?? 0 }))
    .filter(({ column }) => column >= wanted && column < wanted + widest);
  const from = kept[0]?.column ?? wanted;
  const to = wanted + widest;
  const before = from > 0 ? "… " : "";
  const after = to < shown.width ? " …" : "";
  const text = `${before}${kept.map(({ cell }) => cell).join("")}${after}`.trimEnd();
  return { text, from, to, margin: before.length };
}

/** Underlines with the last note beside them, then the other notes below, from right to left. */
function drawMarks(marks: readonly Placed[]): readonly (readonly Piece[])[] {
  const row = new Row();
  for (const mark of marks) if (!mark.primary) row.fill(mark.from, mark.to, "-", "secondary");
  for (const mark of marks) if (mark.primary) row.fill(mark.from, mark.to, "^", "primary");
  const last = marks[marks.length - 1];
  const isBeside = last !== undefined && marks.every((mark) => mark.to <= last.to);
  if (isBeside) row.write(last.to + 1, last.note, styleOf(last));
  const below = marks.filter((mark) => mark.note !== "" && !(isBeside && mark === last));
  const rows = [row.pieces()];
  if (below.length > 0) rows.push(stems(below).pieces());
  for (let count = below.length; count > 0; count--) {
    const mark = below[count - 1];
    if (mark === undefined) continue;
    const line = stems(below.slice(0, count - 1).filter((other) => other.from < mark.from));
    line.write(mark.from, mark.note, styleOf(mark));
    rows.push(line.pieces());
  }
  return rows;
}

function stems(marks: readonly Placed[]): Row {
  const row = new Row();
  for (const mark of marks) row.fill(mark.from, mark.from + 1, "|", styleOf(mark));
  return row;
}

function styleOf(mark: Placed): Style {
  return mark.primary ? "primary" : "secondary";
}

/** A row that is drawn cell by cell. */
class Row {
  readonly #cells: { text: string; style: Style }[] = [];

  fill(from: number, to: number, text: string, style: Style): void {
    while (this.#cells.length < to) this.#cells.push({ text: " ", style: "plain" });
    for (let column = from; column < to; column++) this.#cells[column] = { text, style };
  }

  /** Writes a note; nothing is ever drawn to the right of one. */
  write(from: number, text: string, style: Style): void {
    if (text === "") return;
    while (this.#cells.length < from) this.#cells.push({ text: " ", style: "plain" });
    this.#cells.splice(from, this.#cells.length - from, { text, style });
  }

  pieces(): readonly Piece[] {
    const pieces: Piece[] = [];
    for (const cell of this.#cells) {
      const last = pieces[pieces.length - 1];
      if (last !== undefined && last.style === cell.style) {
        pieces[pieces.length - 1] = { text: last.text + cell.text, style: last.style };
      } else pieces.push(cell);
    }
    return pieces;
  }
}
