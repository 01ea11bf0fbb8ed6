/** Source text and places in it. Offsets are UTF-16 code units, as JavaScript counts them. */

/** A file as the compiler sees it: a name to show and its text. */
export interface Source {
  /** As shown to the user: a path relative to where they are, or `std/decoder`. */
  readonly file: string;
  readonly text: string;
}

/** A half-open range `[start, end)` of offsets into the text of one source. */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** The smallest span that holds both; they must lie in one file. */
export function cover(first: Span, last: Span): Span {
  return {
    file: first.file,
    start: Math.min(first.start, last.start),
    end: Math.max(first.end, last.end),
  };
}

/** One-based line and column of an offset. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n") };
}
