/** Source text and places in it. Offsets are UTF-16 code units, as JavaScript counts them. */

/** A file as the compiler sees it: a name to show and its text. */
export interface Source {
  /** As shown to the user: a path relative to where they are, or `std/decoder`. */
  readonly file: string;
  readonly text: string;
}

/** A text, and what it is called whoever reads it from where. */
export interface NamedText {
  /** The path from the folder of the file that was asked for, with `/`, or `std/decoder`. */
  readonly name: string;
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

/** One-based number of the line that an offset stands on, and its text without the margins. */
export function lineAt(text: string, offset: number): { number: number; text: string } {
  let [number, start] = [1, 0];
  for (;;) {
    const end = text.indexOf("\n", start);
    if (end < 0 || end >= offset) {
      return { number, text: text.slice(start, end < 0 ? undefined : end).trim() };
    }
    [number, start] = [number + 1, end + 1];
  }
}

/** One-based line and column of an offset. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n") };
}
