/** What building a tree needs besides the concrete tree: the file, and somewhere to report. */

import type { CstNode, IToken } from "chevrotain";
import type { Name } from "./ast.ts";
import { endOf, startOf } from "./cst.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { spanOf } from "./lex.ts";
import type { Line } from "./outline.ts";
import type { Span } from "./source.ts";

/** A form that a line may have; each is a rule of `LineParser`. */
export type Form =
  | "import"
  | "predicate"
  | "block"
  | "model"
  | "alias"
  | "input"
  | "weight"
  | "path"
  | "tie"
  | "sequence"
  | "for"
  | "condition"
  | "else"
  | "return"
  | "output"
  | "adapt"
  | "generate"
  | "bind";

/** The state of building one declaration. */
export interface Context {
  readonly file: string;
  readonly report: (diagnostic: Diagnostic) => void;
  /** Reports unless the line that was parsed last is broken, since this may be a consequence. */
  readonly remark: (diagnostic: Diagnostic) => void;
  /** The concrete tree of a line; a mistake in it is reported once and leaves parts out. */
  readonly parse: (form: Form, tokens: readonly IToken[]) => CstNode;
  /** Whether a mistake has been reported inside these tokens. */
  readonly isReported: (tokens: readonly IToken[]) => boolean;
  /** Whether a mistake that leaves their meaning open has been reported inside these tokens. */
  readonly isBroken: (tokens: readonly IToken[]) => boolean;
  /** Names whose first letter has been reported in this declaration. */
  readonly miscased: Set<string>;
}

/** The place of a node; an empty one at `fallback` if nothing of it could be read. */
export function placeOf(context: Context, node: CstNode | undefined, fallback: number): Span {
  const start = node === undefined ? Number.POSITIVE_INFINITY : startOf(node);
  const end = node === undefined ? undefined : endOf(node);
  if (end === undefined || !Number.isFinite(start)) {
    return { file: context.file, start: fallback, end: fallback };
  }
  return { file: context.file, start, end };
}

/** A word with its place. */
export function nameOf(context: Context, token: IToken): Name {
  return { text: token.image, span: spanOf(context.file, token) };
}

/** From a line's first token to its end, its body included. */
export function placeOfLine(context: Context, line: Line): Span {
  const start = line.tokens[0]?.startOffset ?? line.end;
  return { file: context.file, start, end: Math.max(start, line.end) };
}
