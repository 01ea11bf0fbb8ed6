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
  const matcher = new Matcher(file, tokens);
  tokens.forEach((token, index) => {
    matcher.read(token, index);
  });
  return matcher.end();
}

/** Reads the tokens of one declaration once, from first to last. */
class Matcher {
  readonly #file: string;
  readonly #tokens: readonly IToken[];
  readonly #stack: IToken[] = [];
  readonly #kept: IToken[] = [];
  readonly #unclosed = new Set<IToken>();
  readonly #diagnostics: Diagnostic[] = [];
  #isTooDeep = false;

  constructor(file: string, tokens: readonly IToken[]) {
    this.#file = file;
    this.#tokens = tokens;
  }

  read(token: IToken, index: number): void {
    if (closings.has(token.tokenType)) {
      if (this.#stack.length === nestingLimit) this.#refuseDepth(token);
      this.#stack.push(token);
    }
    const opening = openings.get(token.tokenType);
    if (opening !== undefined) this.#close(token, opening, index);
    else if (this.#stack.length <= nestingLimit) this.#kept.push(token);
  }

  end(): Brackets {
    for (const open of this.#stack) this.#leave(open);
    return { tokens: this.#kept, unclosed: this.#unclosed, diagnostics: this.#diagnostics };
  }

  #close(token: IToken, opening: TokenType, index: number): void {
    const found = this.#stack.findLastIndex(
      (open) => open.tokenType === opening || open.tokenType === t.LeftBrace,
    );
    if (this.#stack[found]?.tokenType === opening) {
      for (const open of this.#stack.splice(found).slice(1)) this.#leave(open);
      this.#keep(token);
    } else if (token.tokenType === t.RightBrace) {
      for (const open of this.#stack.splice(0)) this.#leave(open);
      this.#keep(token);
    } else this.#closeWrongly(token, index);
  }

  /** What is nested too deeply is left out, brackets and all. */
  #keep(token: IToken): void {
    if (this.#stack.length < nestingLimit) this.#kept.push(token);
  }

  /** `)` where no `(` is open: another bracket of the line is meant, or none. */
  #closeWrongly(token: IToken, index: number): void {
    const open = this.#stack[this.#stack.length - 1];
    const wanted = open === undefined ? undefined : closing(open);
    if (
      open === undefined ||
      wanted === undefined ||
      open.tokenType === t.LeftBrace ||
      open.startLine !== token.startLine ||
      this.#isClosedLater(open, wanted, index)
    ) {
      this.#diagnostics.push(closesNothing(this.#file, token));
      return;
    }
    this.#stack.pop();
    this.#keep(virtual(wanted, token.startOffset, token));
    this.#diagnostics.push(
      error("syntax/bracket", {
        message: `\`${open.image}\` is closed by \`${token.image}\``,
        at: { span: spanOf(this.#file, token), note: "" },
        also: [{ span: spanOf(this.#file, open), note: "opened here" }],
        hint: `write \`${wanted.name}\``,
      }),
    );
  }

  /** Whether every bracket of the line that is open like `open` is closed after the token at `index`. */
  #isClosedLater(open: IToken, wanted: TokenType, index: number): boolean {
    let needed = this.#stack.filter(
      (each) => each.startLine === open.startLine && each.tokenType === open.tokenType,
    ).length;
    for (let next = index + 1; this.#tokens[next]?.startLine === open.startLine; next++) {
      const type = this.#tokens[next]?.tokenType;
      if (type === open.tokenType) needed += 1;
      else if (type === wanted) needed -= 1;
    }
    return needed <= 0;
  }

  #leave(open: IToken): void {
    if (open.tokenType === t.LeftBrace) return;
    this.#unclosed.add(open);
    // Of brackets that a program has nested without end, the first that is too deep says it all.
    if (this.#isTooDeep) return;
    this.#diagnostics.push(
      error("syntax/bracket", {
        message: `\`${open.image}\` is never closed`,
        at: { span: spanOf(this.#file, open), note: "" },
        hint: `add \`${closing(open)?.name ?? ""}\``,
      }),
    );
  }

  #refuseDepth(token: IToken): void {
    if (this.#isTooDeep) return;
    this.#isTooDeep = true;
    this.#diagnostics.push(
      error("syntax/depth", {
        message: `brackets are nested more than ${nestingLimit} deep here`,
        at: { span: spanOf(this.#file, token), note: "" },
        hint: "bind the inner part to a name on a line of its own",
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
