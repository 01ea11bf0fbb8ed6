/**
 * Tokens to lines: declarations, their statements, and the statements of their bodies. It is settled
 * here, before any grammar, where a statement ends and which brace closes what, so a mistake in one
 * line never reaches the next, nor one in a declaration the next declaration.
 *
 * After a missing or superfluous brace the indentation tells what was meant.
 */

import type { IToken } from "chevrotain";
import { type Brackets, closesNothing, closing, matchBrackets, virtual } from "./brackets.ts";
import { type Diagnostic, error } from "./diagnostic.ts";
import {
  beginsDeclaration,
  continues,
  declarationHead,
  looksLikeStatement,
  statementHead,
  takesBody,
} from "./heads.ts";
import { type Lexed, spanOf } from "./lex.ts";
import * as t from "./tokens.ts";

/** A declaration's head or a statement, with its body if braces follow. */
export interface Line {
  readonly tokens: readonly IToken[];
  /** The text of the `///` lines above. */
  readonly doc: string;
  readonly body?: readonly Line[];
  /** The offset after the last token, or after the brace that closes the body. */
  readonly end: number;
}

/** The lines of each declaration: its own first, then whatever stands below it and is no declaration. */
export interface Outline {
  readonly regions: readonly (readonly Line[])[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Divides a file into lines. */
export function outline(file: string, lexed: Lexed): Outline {
  const docs = documentation(lexed);
  const diagnostics: Diagnostic[] = [];
  const regions = divide(lexed.tokens).map((region) => {
    const brackets = matchBrackets(file, region);
    const reported = new Set(
      [...lexed.diagnostics, ...brackets.diagnostics].map(({ at }) => at.span.start),
    );
    const outliner = new Outliner(file, brackets, reported, docs);
    const lines = outliner.run();
    for (const each of [...brackets.diagnostics, ...outliner.diagnostics]) diagnostics.push(each);
    return lines;
  });
  return { regions: regions.filter((lines) => lines.length > 0), diagnostics };
}

/** Cuts before every line that can only begin a declaration. */
function divide(tokens: readonly IToken[]): readonly IToken[][] {
  const regions: IToken[][] = [];
  let depth = 0;
  tokens.forEach((token, index) => {
    const isFirst = token.startLine !== tokens[index - 1]?.endLine;
    const atTop = depth === 0 && declarationHead([token]) !== undefined;
    const cuts = isFirst && (atTop || beginsDeclaration(token, tokens[index + 1]));
    if (cuts || regions.length === 0) {
      regions.push([]);
      depth = 0;
    }
    if (closing(token) !== undefined) depth += 1;
    else if (/^[)\]}]$/.test(token.image)) depth = Math.max(0, depth - 1);
    regions[regions.length - 1]?.push(token);
  });
  return regions;
}

/** The text of the `///` lines that end above a line, by the number of that line. */
function documentation(lexed: Lexed): ReadonlyMap<number, string> {
  const occupied = new Set(lexed.tokens.map((token) => token.startLine));
  const docs = new Map<number, string>();
  for (const comment of lexed.comments) {
    const line = comment.startLine ?? 0;
    if (!comment.image.startsWith("///") || occupied.has(line)) continue;
    const above = docs.get(line);
    const text = comment.image.replace(/^\/\/\/+ ?/, "").trimEnd();
    docs.set(line + 1, above === undefined ? text : `${above}\n${text}`);
  }
  return docs;
}

/** A body that is being read; without `open` its brace is missing and indentation bounds it. */
interface Frame {
  readonly header: readonly IToken[];
  readonly doc: string;
  readonly open: IToken | undefined;
  readonly column: number;
  /** Where the header's own list goes on. */
  readonly around: Line[];
  /** Whether the first line of the body is indented: only then does indentation tell its end. */
  indented: boolean | undefined;
}

/** Reads the tokens of one declaration once, from first to last. */
class Outliner {
  readonly diagnostics: Diagnostic[] = [];
  readonly #file: string;
  readonly #tokens: readonly IToken[];
  readonly #unclosed: ReadonlySet<IToken>;
  /** Where tokens stand of which something has been said already. */
  readonly #reported: ReadonlySet<number>;
  readonly #docs: ReadonlyMap<number, string>;
  /** Opening braces less closing ones: not zero if one is missing. */
  #surplus: number;
  #closesLeft: number;
  #lines: Line[] = [];
  #frames: Frame[] = [];
  #line: IToken[] = [];
  #open: IToken[] = [];

  constructor(
    file: string,
    { tokens, unclosed }: Brackets,
    reported: ReadonlySet<number>,
    docs: ReadonlyMap<number, string>,
  ) {
    this.#file = file;
    this.#tokens = tokens;
    this.#unclosed = unclosed;
    this.#reported = reported;
    this.#docs = docs;
    this.#closesLeft = tokens.filter((token) => token.tokenType === t.RightBrace).length;
    const opens = tokens.filter((token) => token.tokenType === t.LeftBrace).length;
    this.#surplus = opens - this.#closesLeft;
  }

  run(): readonly Line[] {
    this.#tokens.forEach((token, index) => {
      this.#read(token, index);
    });
    this.#endLine();
    while (this.#frames.length > 0) this.#closeFrame(undefined);
    return this.#lines;
  }

  #read(token: IToken, index: number): void {
    if (this.#breaksBefore(token, index)) this.#endLine();
    if (this.#line.length === 0) this.#closeByIndentation(token, index);
    if (token.tokenType === t.RightBrace) this.#closesLeft -= 1;
    if (token.tokenType === t.LeftBrace && !this.#opensSet()) this.#openBody(token);
    else if (token.tokenType === t.RightBrace && !this.#closesSet()) this.#closeBody(token);
    else this.#take(token);
  }

  #take(token: IToken): void {
    this.#line.push(token);
    const top = this.#open[this.#open.length - 1];
    if (closing(token) !== undefined) this.#open.push(token);
    else if (top !== undefined && closing(top) === token.tokenType) this.#open.pop();
    else if (/^[)\]}]$/.test(token.image)) {
      // An unclosed bracket lies between this one and what it closes.
      while (this.#open.length > 0) {
        const open = this.#open.pop();
        if (open === undefined || closing(open) === token.tokenType) break;
        this.#line.splice(-1, 0, virtualClosing(open, this.#line[this.#line.length - 2] ?? token));
      }
    }
  }

  #breaksBefore(token: IToken, index: number): boolean {
    const first = this.#line[0];
    const previous = this.#line[this.#line.length - 1];
    if (first === undefined || previous === undefined) return false;
    if (token.startLine === previous.endLine) return false;
    if (token.tokenType === t.LeftBrace) return false;
    if (this.#open.some((open) => !this.#unclosed.has(open))) return false;
    const isDeeper = (token.startColumn ?? 1) > (first.startColumn ?? 1);
    if (this.#open.length > 0) return !isDeeper;
    const how = continues(this.#line[this.#line.length - 2], previous, token);
    if (how === "asks") return !isDeeper && looksLikeStatement(token, this.#tokens[index + 1]);
    return how === undefined;
  }

  #opensSet(): boolean {
    const inBracket = this.#open.some((open) => !this.#unclosed.has(open));
    const afterColon = this.#line[this.#line.length - 1]?.tokenType === t.Colon;
    if (this.#open.length > 0 && (inBracket || afterColon)) return true;
    return this.#frames.length === 0 && declarationHead(this.#line) === "import";
  }

  #closesSet(): boolean {
    const isImport = this.#frames.length === 0 && declarationHead(this.#line) === "import";
    return isImport || this.#open.some((open) => open.tokenType === t.LeftBrace);
  }

  /** Ends the line; if it should have a body, the lines indented below it are taken as one. */
  #endLine(): void {
    const first = this.#line[0];
    if (first === undefined) return;
    this.#closeBrackets();
    if (takesBody(this.#head(), this.#line)) this.#openFrame(undefined);
    else {
      this.#lines.push(this.#made(this.#line, this.#docOf(first)));
      this.#line = [];
    }
  }

  #head(): ReturnType<typeof statementHead> {
    return this.#frames.length === 0 ? declarationHead(this.#line) : statementHead(this.#line);
  }

  #closeBrackets(): void {
    for (const open of this.#open.splice(0).reverse()) {
      this.#line.push(virtualClosing(open, this.#line[this.#line.length - 1] ?? open));
    }
  }

  #openBody(token: IToken): void {
    if (this.#line.length > 0 || this.#surplus <= 0) this.#openFrame(token);
    else {
      this.#surplus -= 1;
      this.diagnostics.push(
        error("syntax/bracket", {
          message: "this `{` opens nothing",
          at: { span: spanOf(this.#file, token), note: "" },
          hint: "remove it",
        }),
      );
    }
  }

  #openFrame(open: IToken | undefined): void {
    this.#closeBrackets();
    const first = this.#line[0];
    if (open === undefined) this.#reportMissingBody();
    this.#frames.push({
      header: this.#line,
      doc: first === undefined ? "" : this.#docOf(first),
      open,
      column: (first ?? open)?.startColumn ?? 1,
      around: this.#lines,
      indented: undefined,
    });
    this.#lines = [];
    this.#line = [];
  }

  #reportMissingBody(): void {
    const last = this.#line[this.#line.length - 1];
    const word = this.#line[0]?.image ?? "";
    if (last === undefined) return;
    const isColon = last.tokenType === t.Colon;
    if (isColon) this.#line.pop();
    this.#surplus += 1;
    if (this.#line.some((token) => this.#reported.has(token.startOffset))) return;
    this.diagnostics.push(
      error("syntax/bracket", {
        message: `the body of \`${word}\` stands in braces`,
        at: { span: spanOf(this.#file, last), note: isColon ? "" : "`{` is missing after this" },
        hint: isColon ? "write `{` for `:`, and `}` below the body" : "add `{`",
      }),
    );
  }

  #closeBody(token: IToken): void {
    this.#endLine();
    while (this.#frames.length > 1 && this.#top()?.open === undefined && !this.#isBelow(token)) {
      this.#closeFrame(undefined);
    }
    const isEarly = this.#surplus < 0 && this.#frames.length === 1 && this.#closesLeft > 0;
    if (this.#frames.length === 0 || isEarly) {
      this.#surplus += 1;
      this.diagnostics.push(closesNothing(this.#file, token));
    } else this.#closeFrame(token);
  }

  /** Before a line's first token: ends bodies that have no brace and to which it cannot belong. */
  #closeByIndentation(token: IToken, index: number): void {
    if (token.startLine === this.#tokens[index - 1]?.endLine) return;
    for (let top = this.#top(); top !== undefined; top = this.#top()) {
      top.indented ??= (token.startColumn ?? 1) > top.column;
      if (top.open !== undefined && (this.#surplus <= 0 || !top.indented)) return;
      if ((token.startColumn ?? 1) > top.column) return;
      if (token.tokenType === t.RightBrace && this.#isBelow(token)) return;
      this.#closeFrame(undefined);
    }
  }

  /** Whether a closing brace stands in the column of the innermost body's header. */
  #isBelow(token: IToken): boolean {
    return token.startColumn === this.#top()?.column;
  }

  #closeFrame(close: IToken | undefined): void {
    const frame = this.#frames.pop();
    if (frame === undefined) return;
    if (close === undefined) {
      this.#surplus -= 1;
      if (frame.open !== undefined) this.#reportUnclosed(frame, frame.open);
    }
    const line = this.#made(frame.header, frame.doc, this.#lines, close);
    this.#lines = frame.around;
    this.#lines.push(line);
  }

  #reportUnclosed(frame: Frame, open: IToken): void {
    const word = frame.header[0]?.image;
    this.diagnostics.push(
      error("syntax/bracket", {
        message: `the \`{\`${word === undefined ? "" : ` of this \`${word}\``} is never closed`,
        at: { span: spanOf(this.#file, open), note: "" },
        hint: "add `}` below the last line of the body",
      }),
    );
  }

  #made(tokens: readonly IToken[], doc: string, body?: readonly Line[], close?: IToken): Line {
    const last = close ?? tokens[tokens.length - 1];
    const own = last === undefined ? 0 : (last.endOffset ?? last.startOffset) + 1;
    const end = Math.max(own, body?.[body.length - 1]?.end ?? 0);
    return body === undefined ? { tokens, doc, end } : { tokens, doc, body, end };
  }

  #top(): Frame | undefined {
    return this.#frames[this.#frames.length - 1];
  }

  #docOf(first: IToken): string {
    return this.#docs.get(first.startLine ?? 0) ?? "";
  }
}

function virtualClosing(open: IToken, after: IToken): IToken {
  const type = closing(open) ?? t.RightParenthesis;
  return virtual(type, (after.endOffset ?? after.startOffset) + 1, after);
}
