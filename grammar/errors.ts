/** Diagnostics as text for people and as data for tools: the one place where either is made. */

import type { Diagnostic, Label } from "./diagnostic.ts";
import { type Piece, type Style, snippet } from "./snippet.ts";
import { lineAndColumn } from "./source.ts";

/**
 * All diagnostics as text, a blank line between two, without one at the end. `sources` has the text
 * of each file by its name; a label in a file that is not there shows the name alone.
 */
export function render(
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
  options: { readonly color?: boolean } = {},
): string {
  const paint = options.color === true ? colored : plain;
  return diagnostics
    .map((diagnostic) =>
      renderOne(diagnostic, sources)
        .map((pieces) => pieces.map(paint).join("").trimEnd())
        .join("\n"),
    )
    .join("\n\n");
}

/** A place as tools want it: offsets in UTF-16 code units, lines and columns from 1. */
export interface JsonLabel {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
  readonly note: string;
}

/** A diagnostic as `--json` prints it; the keys and their order are stable. */
export interface JsonDiagnostic extends JsonLabel {
  readonly severity: Diagnostic["severity"];
  readonly code: string;
  readonly message: string;
  readonly labels: readonly JsonLabel[];
  readonly hint: string | null;
}

/** The same facts as `render` shows, as plain data. */
export function toJson(
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
): readonly JsonDiagnostic[] {
  return diagnostics.map(({ severity, code, message, at, also, hint }) => ({
    severity,
    code,
    message,
    ...jsonLabel(at, sources),
    labels: also.map((label) => jsonLabel(label, sources)),
    hint: hint ?? null,
  }));
}

function jsonLabel({ span, note }: Label, sources: ReadonlyMap<string, string>): JsonLabel {
  const { file, start, end } = span;
  const { line, column } = lineAndColumn(sources.get(file) ?? "", start);
  return { file, start, end, line, column, note };
}

function renderOne(
  diagnostic: Diagnostic,
  sources: ReadonlyMap<string, string>,
): readonly (readonly Piece[])[] {
  const { severity, code, message, at, also, hint } = diagnostic;
  const style = severity === "error" ? "primary" : "secondary";
  const head: Piece[] = [
    { text: `${severity}[${code}]`, style },
    { text: `: ${message}`, style: "bold" },
  ];
  const files = [...new Set([at, ...also].map((label) => label.span.file))];
  const numbers = [at, ...also].map((label) => lineOf(label, sources));
  const gutter = String(Math.max(...numbers)).length;
  const rows = files.flatMap((file) =>
    renderFile(file, sources.get(file), diagnostic, gutter).map((row) => row),
  );
  if (hint === undefined) return [head, ...rows];
  const equals = { text: `${" ".repeat(gutter)} = `, style: "gutter" } as const;
  const [first = "", ...others] = hint.split("\n");
  return [
    head,
    ...rows,
    [equals, { text: "hint: ", style: "hint" }, { text: first, style: "plain" }],
    ...others.map((line): Piece[] => [
      { text: `${" ".repeat(gutter + 9)}${line}`, style: "plain" },
    ]),
  ];
}

function lineOf(label: Label, sources: ReadonlyMap<string, string>): number {
  const text = sources.get(label.span.file);
  return text === undefined ? 1 : lineAndColumn(text, label.span.start).line;
}

/** The labels of one file, line by line; `...` where lines are left out. */
function renderFile(
  file: string,
  text: string | undefined,
  diagnostic: Diagnostic,
  gutter: number,
): readonly (readonly Piece[])[] {
  const margin = " ".repeat(gutter);
  const labels = [diagnostic.at, ...diagnostic.also].filter((label) => label.span.file === file);
  const [anchor] = labels;
  if (text === undefined || anchor === undefined) {
    return [
      [
        { text: `${margin}--> `, style: "gutter" },
        { text: file, style: "plain" },
      ],
    ];
  }
  const place = lineAndColumn(text, anchor.span.start);
  const rows: Piece[][] = [
    [
      { text: `${margin}--> `, style: "gutter" },
      { text: `${file}:${place.line}:${place.column}`, style: "plain" },
    ],
    [{ text: `${margin} |`, style: "gutter" }],
  ];
  const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
  let shown: number | undefined;
  for (const [number, marks] of marksByLine(text, labels, diagnostic.at)) {
    if (shown !== undefined && number > shown + 1) rows.push([{ text: "...", style: "gutter" }]);
    shown = number;
    snippet(lines[number - 1] ?? "", marks).forEach((pieces, index) => {
      const label = index === 0 ? String(number).padStart(gutter) : margin;
      rows.push([{ text: `${label} | `, style: "gutter" }, ...pieces]);
    });
  }
  return rows;
}

type Marks = Parameters<typeof snippet>[1];

/** A label over several lines marks the first of them. */
function marksByLine(
  text: string,
  labels: readonly Label[],
  primary: Label,
): readonly (readonly [number, Marks])[] {
  const byLine = new Map<number, Marks[number][]>();
  for (const label of labels) {
    const { line, column } = lineAndColumn(text, label.span.start);
    const start = column - 1;
    const mark = {
      start,
      end: start + label.span.end - label.span.start,
      note: label.note.replaceAll("\n", " "),
      primary: label === primary,
    };
    byLine.set(line, [...(byLine.get(line) ?? []), mark]);
  }
  return [...byLine].sort(([a], [b]) => a - b);
}

const codes: Readonly<Record<Style, string>> = {
  plain: "",
  gutter: "\u001b[34m",
  primary: "\u001b[1;31m",
  secondary: "\u001b[1;34m",
  bold: "\u001b[1m",
  hint: "\u001b[1;36m",
};

function plain(piece: Piece): string {
  return piece.text;
}

function colored(piece: Piece): string {
  const code = codes[piece.style];
  return code === "" ? piece.text : `${code}${piece.text}\u001b[0m`;
}
