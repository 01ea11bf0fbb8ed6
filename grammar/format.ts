/**
 * The formatter. It prints tokens, not trees, so it works on any text, also on one with mistakes, and
 * keeps every comment and nearly every line break of the author's; it settles what lies between:
 * spaces, indentation, and at most one blank line. Formatting what is formatted changes nothing.
 */

import { type IToken, tokenMatcher } from "chevrotain";
import { closing } from "./brackets.ts";
import { continues, looksLikeStatement } from "./heads.ts";
import { scan } from "./lex.ts";
import { isComment, spaced } from "./spacing.ts";
import * as t from "./tokens.ts";

/** The text with its spaces and indentation settled; it ends with one line break unless it is empty. */
export function format(text: string): string {
  const lines = divide(scan(text));
  const indenter = new Indenter(lines.flatMap((line) => line.tokens.filter(isCode)));
  let before: IToken | undefined;
  const printed = lines.map((line) => {
    const indentation = "  ".repeat(indenter.level(line.tokens));
    const text = `${line.blank ? "\n" : ""}${indentation}${spaced(before, line.tokens)}\n`;
    before = line.tokens.findLast(isCode) ?? before;
    return text;
  });
  return printed.join("");
}

interface PrintedLine {
  readonly tokens: readonly IToken[];
  /** Whether a blank line is kept above. */
  readonly blank: boolean;
}

/** The author's lines; a brace that opens a body joins the line above it. */
function divide(tokens: readonly IToken[]): readonly PrintedLine[] {
  const lines: { tokens: IToken[]; blank: boolean }[] = [];
  let previous: IToken | undefined;
  for (const token of tokens) {
    const line = lines[lines.length - 1];
    const breaks = previous === undefined ? 1 : (token.startLine ?? 0) - (previous.endLine ?? 0);
    const joins =
      token.tokenType === t.LeftBrace && previous !== undefined && endsPlainly(previous);
    if (line !== undefined && (breaks === 0 || joins)) line.tokens.push(token);
    else {
      const opens = previous === undefined || previous.tokenType === t.LeftBrace;
      const blank = breaks > 1 && !opens && token.tokenType !== t.RightBrace;
      lines.push({ tokens: [token], blank });
    }
    previous = token;
  }
  return lines;
}

function endsPlainly(token: IToken): boolean {
  return !isComment(token) && token.tokenType !== t.UnclosedString;
}

function isCode(token: IToken): boolean {
  return !isComment(token);
}

interface Opened {
  readonly close: IToken["tokenType"] | undefined;
  /** The indentation of the line on which the bracket opened. */
  readonly level: number;
}

/** Tells the indentation of one line after the other. */
class Indenter {
  readonly #code: readonly IToken[];
  /** How many tokens stand above the line, comments aside. */
  #position = 0;
  #open: Opened[] = [];
  /** The first token of the statement to which the line above belongs, and its indentation. */
  #statement: { readonly first: IToken; readonly level: number } | undefined;

  constructor(code: readonly IToken[]) {
    this.#code = code;
  }

  /** The indentation of the next line, two brackets that open on one line counting once. */
  level(tokens: readonly IToken[]): number {
    const first = this.#code[this.#position];
    const hasCode = tokens.some(isCode);
    const top = this.#open[this.#open.length - 1];
    const inside = top === undefined ? 0 : top.level + 1;
    const closes = hasCode && first !== undefined && top?.close === first.tokenType;
    const goesOn = first !== undefined && this.#goesOn(first, inside);
    const level = closes ? top.level : goesOn ? inside + 1 : inside;
    if (hasCode && !goesOn && first !== undefined) this.#statement = { first, level };
    for (const token of tokens) if (isCode(token)) this.#track(token, level);
    return level;
  }

  /** Whether the statement or item of the line above goes on with this token. */
  #goesOn(token: IToken, inside: number): boolean {
    const previous = this.#code[this.#position - 1];
    if (previous === undefined || closing(previous) !== undefined) return false;
    if (tokenMatcher(previous, t.Separator) && this.#open.length > 0) {
      const top = this.#open[this.#open.length - 1];
      if (top?.close !== t.RightBrace) return false;
    }
    const how = continues(this.#code[this.#position - 2], previous, token);
    if (how !== "asks") return how === "begins";
    // As in `outline.ts`; where the two lines are not siblings, indenting one must not decide it.
    if (this.#statement?.level !== inside) return true;
    const isDeeper = (token.startColumn ?? 1) > (this.#statement.first.startColumn ?? 1);
    return isDeeper || !looksLikeStatement(token, this.#code[this.#position + 1]);
  }

  #track(token: IToken, level: number): void {
    this.#position += 1;
    const close = closing(token);
    if (close !== undefined) {
      this.#open.push({ close, level });
      return;
    }
    const index = this.#open.findLastIndex(
      (open) => open.close === token.tokenType || open.close === t.RightBrace,
    );
    if (this.#open[index]?.close === token.tokenType) this.#open = this.#open.slice(0, index);
  }
}
