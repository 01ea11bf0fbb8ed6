/**
 * Which bracket closes which, within one declaration. What is left over is reported here, so that
 * the parser only ever sees brackets that match.
 */

import { createTokenInstance, type IToken, type TokenType } from "chevrotain";
import { type Diagnostic, error } from "./diagnostic.ts";
import { spanOf } from "./lex.ts";
import * as t from "./tokens.ts";

/**
 * Brackets may be nested this deep. A level costs the parser some 6 kB of stack, and 64 of them fit
 * into half of the smallest stack that an engine gives a page or worker (about 1 MB).
 */
export const nestingLimit = 64;

/** The tokens with every closing bracket matched; `unclosed` are openings without a closing one. */
export interface Brackets {
  readonly tokens: readonly IToken[];
  readonly unclosed: ReadonlySet<IToken>;
  readonly diagnostics: readonly Diagnostic[];
}

const closings: ReadonlyMap<TokenType, TokenType> = new Map([
  [t.LeftParenthesis, t.RightParenthesis],
  [t.LeftBracket, t.RightBracket],
  [t.LeftBrace, t.RightBrace],
]);
const openings: ReadonlyMap<TokenType, TokenType> = new Map(
  [...closings].map(([open, close]) => [close, open]),
);

/** The kind of bracket that closes `open`. */
export function closing(open: IToken): TokenType | undefined {
  return closings.get(open.tokenType);
}

/** Matches `(` and `[`; braces only bound them, since `outline.ts` knows more about bodies. */
export function matchBrackets(file: string, tokens: readonly IToken[]): Brackets {
  const stack: IToken[] = [];
  const kept: IToken[] = [];
  const unclosed = new Set<IToken>();
  const diagnostics: Diagnostic[] = [];
  for (const token of tokens) {
    const opening = openings.get(token.tokenType);
    if (closings.has(token.tokenType)) {
      if (stack.length === nestingLimit) diagnostics.push(tooDeep(file, token));
      stack.push(token);
    }
    if (opening !== undefined) close(token, opening);
    else if (stack.length <= nestingLimit) kept.push(token);
  }
  for (const open of stack) if (open.tokenType !== t.LeftBrace) leave(open);
  return { tokens: kept, unclosed, diagnostics };

  function close(token: IToken, opening: TokenType): void {
    const index = stack.findLastIndex(
      (open) => open.tokenType === opening || open.tokenType === t.LeftBrace,
    );
    const found = stack[index];
    if (found?.tokenType === opening) {
      for (const open of stack.splice(index).slice(1)) leave(open);
      keep(token);
    } else if (token.tokenType === t.RightBrace) {
      for (const open of stack.splice(0)) leave(open);
      keep(token);
    } else closeWrongly(token);
  }

  /** What is nested too deeply is left out, brackets and all. */
  function keep(token: IToken): void {
    if (stack.length < nestingLimit) kept.push(token);
  }

  /** `)` where no `(` is open: another bracket of the line is meant, or none. */
  function closeWrongly(token: IToken): void {
    const open = stack[stack.length - 1];
    const wanted = open === undefined ? undefined : closing(open);
    if (
      open === undefined ||
      wanted === undefined ||
      open.tokenType === t.LeftBrace ||
      open.startLine !== token.startLine ||
      isClosedLater(token, open, wanted)
    ) {
      diagnostics.push(closesNothing(file, token));
      return;
    }
    stack.pop();
    keep(virtual(wanted, token.startOffset, token));
    diagnostics.push(
      error("syntax/bracket", {
        message: `\`${open.image}\` is closed by \`${token.image}\``,
        at: { span: spanOf(file, token), note: "" },
        also: [{ span: spanOf(file, open), note: "opened here" }],
        hint: `write \`${wanted.name}\``,
      }),
    );
  }

  /** Whether every bracket of the line that is open like `open` is closed after `token`. */
  function isClosedLater(token: IToken, open: IToken, wanted: TokenType): boolean {
    const rest = tokens.slice(tokens.indexOf(token) + 1);
    const line = rest.filter((each) => each.startLine === token.startLine);
    const count = (list: readonly IToken[], type: TokenType): number =>
      list.filter((each) => each.startLine === token.startLine && each.tokenType === type).length;
    const closed = count(line, wanted) - count(line, open.tokenType);
    return closed >= count(stack, open.tokenType);
  }

  function leave(open: IToken): void {
    if (open.tokenType === t.LeftBrace) return;
    unclosed.add(open);
    diagnostics.push(
      error("syntax/bracket", {
        message: `\`${open.image}\` is never closed`,
        at: { span: spanOf(file, open), note: "" },
        hint: `add \`${closing(open)?.name ?? ""}\``,
      }),
    );
  }
}

/** A closing bracket for which nothing is open. */
export function closesNothing(file: string, token: IToken): Diagnostic {
  return error("syntax/bracket", {
    message: `this \`${token.image}\` closes nothing`,
    at: { span: spanOf(file, token), note: "" },
    hint: "remove it, or add the bracket that it should close",
  });
}

/** A token that recovery puts at `offset`, beside `near`. */
export function virtual(type: TokenType, offset: number, near: IToken): IToken {
  const line = near.endLine ?? near.startLine ?? 1;
  const column = near.endColumn ?? near.startColumn ?? 1;
  return createTokenInstance(type, type.name, offset, offset - 1, line, line, column, column);
}

function tooDeep(file: string, token: IToken): Diagnostic {
  return error("syntax/depth", {
    message: `brackets are nested more than ${nestingLimit} deep here`,
    at: { span: spanOf(file, token), note: "" },
    hint: "bind the inner part to a name on a line of its own",
  });
}
