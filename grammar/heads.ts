/** The words that begin lines, and when a word that looks like one is a plain name instead. */

import { type IToken, tokenMatcher } from "chevrotain";
import * as t from "./tokens.ts";

/** What a line is, from its first two tokens. */
export type Head =
  | "import"
  | "mask"
  | "score"
  | "block"
  | "model"
  | "input"
  | "weight"
  | "path"
  | "tie"
  | "sequence"
  | "for"
  | "if"
  | "else"
  | "require"
  | "return"
  | "output"
  | "adapt"
  | "generate";

const declarations: ReadonlyMap<string, Head> = new Map([
  ["import", "import"],
  ["mask", "mask"],
  ["score", "score"],
  ["block", "block"],
  ["model", "model"],
]);

const statements: ReadonlyMap<string, Head> = new Map([
  ["input", "input"],
  ["weight", "weight"],
  ["path", "path"],
  ["tie", "tie"],
  ["sequence", "sequence"],
  ["for", "for"],
  ["if", "if"],
  ["else", "else"],
  // A word of other languages, which `build-statement.ts` reports and reads as `else if`.
  ["elif", "else"],
  ["require", "require"],
  ["return", "return"],
  ["output", "output"],
  ["adapt", "adapt"],
  ["generate", "generate"],
]);

/** The words that begin a declaration. */
export const declarationWords: readonly string[] = [...declarations.keys()];
/** The words that begin a statement. */
export const statementWords: readonly string[] = [...new Set(statements.values())];

/** What a statement's line begins with; none where it begins with a name that is bound. */
export function statementHead(tokens: readonly IToken[]): Head | undefined {
  const [first, second] = tokens;
  const head = first === undefined ? undefined : statements.get(first.image);
  if (head === undefined || second === undefined) return head;
  const bindsName = second.tokenType === t.Equals || second.tokenType === t.Comma;
  const bindsTyped = second.tokenType === t.Colon && head !== "else" && tokens.length > 2;
  return bindsName || bindsTyped ? undefined : head;
}

/** What a line at the top of a file declares. */
export function declarationHead(tokens: readonly IToken[]): Head | undefined {
  const [first, second] = tokens;
  const head = first === undefined ? undefined : declarations.get(first.image);
  return second?.tokenType === t.Equals ? undefined : head;
}

/**
 * Whether two tokens can only begin a declaration, wherever they stand: no statement begins with two
 * words the first of which is one of these.
 */
export function beginsDeclaration(first: IToken, second: IToken | undefined): boolean {
  if (second === undefined || second.startLine !== first.startLine) return false;
  const head = declarations.get(first.image);
  if (head === undefined) return false;
  if (tokenMatcher(second, t.Name)) return true;
  return head === "import" && (second.tokenType === t.LeftBrace || second.tokenType === t.Text);
}

/** Whether a line of this kind has a body in braces; a model written `model A = …` has none. */
export function takesBody(head: Head | undefined, tokens: readonly IToken[]): boolean {
  if (head === "model") return !isAlias(tokens);
  return head === "block" || head === "for" || head === "if" || head === "else";
}

/** `model Name = …`. */
export function isAlias(tokens: readonly IToken[]): boolean {
  return tokens[2]?.tokenType === t.Equals;
}

/**
 * Whether a line break between `previous` and `next` is inside a statement: `next` is an infix
 * operator, or `previous` asks for more. A word after a dot is part of a path and asks for nothing.
 */
export function continues(
  beforePrevious: IToken | undefined,
  previous: IToken,
  next: IToken,
): "begins" | "asks" | undefined {
  const type = next.tokenType;
  if (tokenMatcher(next, t.Infix) || type === t.With || type === t.At || type === t.Over) {
    return "begins";
  }
  if (type === t.Equals || type === t.Arrow || type === t.Dot || type === t.Comma) return "begins";
  if (beforePrevious?.tokenType === t.Dot) return undefined;
  const last = previous.tokenType;
  const asks =
    tokenMatcher(previous, t.Infix) ||
    [t.With, t.At, t.Over, t.Not, t.Equals, t.Arrow, t.Comma, t.Dot, t.PaddedEquals].includes(last);
  return asks ? "asks" : undefined;
}

/** Whether a statement seems to begin here: `name =`, `name:`, `name,` or a keyword and a word. */
export function looksLikeStatement(first: IToken, second: IToken | undefined): boolean {
  if (first.tokenType === t.RightBrace) return true;
  if (second === undefined || !tokenMatcher(first, t.Name)) return false;
  if ([t.Equals, t.Comma, t.Colon].includes(second.tokenType)) return true;
  const isHead = statements.has(first.image) || declarations.has(first.image);
  return isHead && (tokenMatcher(second, t.Word) || second.tokenType === t.Text);
}
