/**
 * Text to tokens. What belongs to another language is reported here and, where its meaning is
 * plain (`&&`, `≤`, single quotes), replaced by what Braid writes, so that one mistake is said once.
 */

import { createTokenInstance, type IToken, Lexer, type TokenType } from "chevrotain";
import { type Diagnostic, error } from "./diagnostic.ts";
import type { Source, Span } from "./source.ts";
import * as t from "./tokens.ts";

/** The tokens of a file in order, comments apart. */
export interface Lexed {
  readonly tokens: readonly IToken[];
  readonly comments: readonly IToken[];
  readonly diagnostics: readonly Diagnostic[];
}

const lexer: Lexer = new Lexer([...t.tokenTypes], {
  positionTracking: "full",
  ensureOptimizations: false,
  skipValidations: true,
});

/** All tokens of a text, comments and unusable ones included: what the formatter prints. */
export function scan(text: string): readonly IToken[] {
  return lexer.tokenize(text).tokens;
}

/** The tokens that the parser may use, and a diagnostic for each that it may not. */
export function lex(source: Source): Lexed {
  const tokens: IToken[] = [];
  const comments: IToken[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const token of scan(source.text)) {
    if (token.tokenType === t.Comment) comments.push(token);
    else if (isUsable(token)) tokens.push(token);
    else {
      const previous = tokens[tokens.length - 1];
      const repair = repairs(token, spanOf(source.file, token), previous);
      diagnostics.push(repair.diagnostic);
      if (repair.token !== undefined) tokens.push(repair.token);
    }
  }
  return { tokens, comments, diagnostics };
}

/** Where a token stands. */
export function spanOf(file: string, token: IToken): Span {
  return { file, start: token.startOffset, end: (token.endOffset ?? token.startOffset) + 1 };
}

interface Repair {
  readonly diagnostic: Diagnostic;
  readonly token?: IToken;
}

/** What the signs of other languages are here; with no type there is nothing to put in place. */
const foreignSigns: ReadonlyMap<string, { write: string; type?: TokenType }> = new Map([
  ["&&", { write: "and", type: t.And }],
  ["&", { write: "and", type: t.And }],
  ["∧", { write: "and", type: t.And }],
  ["||", { write: "or", type: t.Or }],
  ["|", { write: "or", type: t.Or }],
  ["∨", { write: "or", type: t.Or }],
  ["!", { write: "not", type: t.Not }],
  ["¬", { write: "not", type: t.Not }],
  ["∈", { write: "in", type: t.In }],
  ["≤", { write: "<=", type: t.AtMost }],
  ["≥", { write: ">=", type: t.AtLeast }],
  ["≠", { write: "!=", type: t.NotEqual }],
  ["→", { write: "->", type: t.Arrow }],
  ["=>", { write: "->", type: t.Arrow }],
  ["−", { write: "-", type: t.Minus }],
  ["×", { write: "*", type: t.Star }],
  ["·", { write: "*", type: t.Star }],
  [":=", { write: "=", type: t.Equals }],
]);

function isUsable(token: IToken): boolean {
  const type = token.tokenType;
  return (
    type !== t.Foreign && type !== t.HashComment && type !== t.UnclosedString && type !== t.Stray
  );
}

function repairs(token: IToken, span: Span, previous: IToken | undefined): Repair {
  const at = { span, note: "" };
  if (token.tokenType === t.HashComment) {
    const hint = `write \`//${token.image.slice(1)}\``;
    return {
      diagnostic: error("syntax/comment", { message: "a comment begins with `//`", at, hint }),
    };
  }
  if (token.tokenType === t.UnclosedString) return repairUnclosedString(token, span);
  if (token.tokenType === t.Foreign) return repairForeign(token, span, previous);
  const point = token.image.codePointAt(0) ?? 0;
  const code = `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
  const shown = point < 0x20 || point === 0x7f ? code : `\`${token.image}\``;
  const message = `${shown} means nothing here`;
  const hint =
    point < 0x80
      ? `remove ${shown}`
      : `names are made of the letters a to z, digits and \`_\`; remove ${code} or put it in a comment`;
  return { diagnostic: error("syntax/character", { message, at, hint }) };
}

function repairUnclosedString(token: IToken, span: Span): Repair {
  const image = token.image.trimEnd();
  return {
    token: replaced(token, t.Text, `${image.replace(/\\*$/, "")}"`),
    diagnostic: error("syntax/string", {
      message: "this string is not closed in its line",
      at: { span: { ...span, end: span.start + image.length }, note: "" },
      hint: 'add `"` where the string ends',
    }),
  };
}

function repairForeign(token: IToken, span: Span, previous: IToken | undefined): Repair {
  const at = { span, note: "" };
  const image = token.image;
  if (/^['“”]/.test(image)) {
    const text = `"${image.slice(1, -1)}"`;
    return {
      token: replaced(token, t.Text, text),
      diagnostic: error("syntax/string", {
        message: "a string stands in double quotes",
        at,
        hint: `write \`${text}\``,
      }),
    };
  }
  const sign = foreignSigns.get(image);
  if (sign?.type !== undefined) {
    return {
      token: replaced(token, sign.type, sign.write),
      diagnostic: error("syntax/operator", {
        message: `\`${image}\` is not an operator of Braid`,
        at,
        hint: `write \`${sign.write}\``,
      }),
    };
  }
  if (image === "**") {
    return {
      token: replaced(token, t.Star, "*"),
      diagnostic: error("syntax/operator", {
        message: "there is no operator `**`",
        at,
        hint: "write `x * x`, or `exp(n * log(x))` for a power that is not small",
      }),
    };
  }
  const name = previous?.image ?? "x";
  return {
    token: replaced(token, t.Equals, "="),
    diagnostic: error("syntax/operator", {
      message: `names are bindings, so there is no \`${image}\``,
      at,
      hint: `write \`${name} = ${name} ${image.slice(0, 1)} …\``,
    }),
  };
}

/** The same place with another meaning. */
function replaced(token: IToken, type: TokenType, image: string): IToken {
  return createTokenInstance(
    type,
    image,
    token.startOffset,
    token.endOffset ?? token.startOffset,
    token.startLine ?? 1,
    token.endLine ?? token.startLine ?? 1,
    token.startColumn ?? 1,
    token.endColumn ?? token.startColumn ?? 1,
  );
}
