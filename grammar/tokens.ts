/**
 * The words and signs of Braid. Every text lexes: what Braid has no use for becomes a `Foreign`,
 * `UnclosedString` or `Stray` token, so that the formatter can keep it and `lex.ts` can report it.
 *
 * Keywords are words only where the grammar expects them, since checkpoint paths contain `model`,
 * `input` and `weight`. Only the category `Name` leaves some out: the words that stand between or
 * before values (`and`, `at`, …) never name anything, but they may be parts of a path.
 */

import { createToken, type IToken, Lexer, type TokenType } from "chevrotain";

/** Any word: what a path or a member may be made of. */
export const Word: TokenType = createToken({ name: "Word", pattern: Lexer.NA });
/** A word that may name something. */
export const Name: TokenType = createToken({
  name: "Name",
  pattern: /[A-Za-z_][A-Za-z0-9_]*/,
  categories: [Word],
});
/** A sign or word that stands between two values. */
export const Infix: TokenType = createToken({ name: "Infix", pattern: Lexer.NA });
/** `,` or `;`. */
export const Separator: TokenType = createToken({ name: "Separator", pattern: Lexer.NA });

/** Never names: they join or mark values. */
export const Or: TokenType = reserved("or", [Word, Infix]);
export const And: TokenType = reserved("and", [Word, Infix]);
export const In: TokenType = reserved("in", [Word, Infix]);
export const Not: TokenType = reserved("not", [Word]);
export const With: TokenType = reserved("with", [Word]);
export const At: TokenType = reserved("at", [Word]);
export const Over: TokenType = reserved("over", [Word]);
export const As: TokenType = reserved("as", [Word]);
export const True: TokenType = reserved("true", [Word]);
export const False: TokenType = reserved("false", [Word]);

/** Keywords in one place of the grammar, names elsewhere. */
export const From: TokenType = reserved("from", [Name]);
export const By: TokenType = reserved("by", [Name]);
export const Positions: TokenType = reserved("positions", [Name]);
export const Except: TokenType = reserved("except", [Name]);
export const Join: TokenType = reserved("join", [Name]);
export const On: TokenType = reserved("on", [Name]);

/** `128`, `0.5`, `1e-5`; after the dot of a path only an integer. */
export const Numeral: TokenType = createToken({
  name: "Numeral",
  pattern: matchNumeral,
  line_breaks: false,
  start_chars_hint: [..."0123456789"],
});
/** `**` beside a dot: any parts of a path. Elsewhere it is a sign of other languages. */
export const AnyParts: TokenType = createToken({
  name: "AnyParts",
  pattern: matchAnyParts,
  line_breaks: false,
  start_chars_hint: ["*"],
});
/** A string in double quotes, on one line. */
export const Text: TokenType = createToken({
  name: "Text",
  pattern: /"(?:[^"\\\n\r]|\\[^\n\r])*"/,
});

export const Arrow: TokenType = sign("->");
export const Equal: TokenType = sign("==", [Infix]);
export const NotEqual: TokenType = sign("!=", [Infix]);
export const AtMost: TokenType = sign("<=", [Infix]);
export const AtLeast: TokenType = sign(">=", [Infix]);
export const PaddedEquals: TokenType = sign("?=");
export const Range: TokenType = sign("..");
export const Less: TokenType = sign("<", [Infix]);
export const Greater: TokenType = sign(">", [Infix]);
export const Equals: TokenType = sign("=");
export const Plus: TokenType = sign("+", [Infix]);
export const Minus: TokenType = sign("-", [Infix]);
export const Star: TokenType = sign("*", [Infix]);
export const Slash: TokenType = sign("/", [Infix]);
export const Percent: TokenType = sign("%", [Infix]);
export const Contract: TokenType = sign("@", [Infix]);
export const Comma: TokenType = sign(",", [Separator]);
export const Semicolon: TokenType = sign(";", [Separator]);
export const Colon: TokenType = sign(":");
export const Dot: TokenType = sign(".");
export const LeftParenthesis: TokenType = sign("(");
export const RightParenthesis: TokenType = sign(")");
export const LeftBracket: TokenType = sign("[");
export const RightBracket: TokenType = sign("]");
export const LeftBrace: TokenType = sign("{");
export const RightBrace: TokenType = sign("}");

/** `// …`, and `/// …` above what it documents. */
export const Comment: TokenType = createToken({ name: "Comment", pattern: /\/\/[^\n\r]*/ });
/** A comment of another language. */
export const HashComment: TokenType = createToken({ name: "HashComment", pattern: /#[^\n\r]*/ });
/** A sign of another language whose meaning is plain: `&&`, `≤`, a string in single quotes. */
export const Foreign: TokenType = createToken({
  name: "Foreign",
  pattern: /&&|\|\||[-+*/]=|:=|=>|\*\*|!(?!=)|[&|≤≥≠→−×·∧∨¬∈]|'[^'"\n\r]*'|[“”][^“”"\n\r]*[“”]/,
});
/** A double quote that no other closes in its line. */
export const UnclosedString: TokenType = createToken({
  name: "UnclosedString",
  pattern: /"[^\n\r]*/,
});
/** Text that means nothing here. */
export const Stray: TokenType = createToken({
  name: "Stray",
  pattern: /[^!-~\s≤≥≠→−×·∧∨¬∈“”]+|[^\s]/,
});

const Blank: TokenType = createToken({
  name: "Blank",
  pattern: /\s+/,
  group: Lexer.SKIPPED,
  line_breaks: true,
});

/** In the order in which they are tried. */
export const tokenTypes: readonly TokenType[] = [
  ...[Blank, Comment, HashComment, AnyParts, Foreign, Arrow, Equal, NotEqual, AtMost, AtLeast],
  ...[PaddedEquals, Range, Less, Greater, Equals, Plus, Minus, Star, Slash, Percent, Contract],
  ...[Comma, Semicolon, Colon, Dot, LeftParenthesis, RightParenthesis, LeftBracket, RightBracket],
  ...[LeftBrace, RightBrace, Numeral, Text, UnclosedString],
  ...[Or, And, In, Not, With, At, Over, As, True, False, From, By, Positions, Except, Join, On],
  ...[Name, Stray, Word, Infix, Separator],
];

/** The words that can never be names. */
export const reservedWords: ReadonlySet<string> = new Set(
  [Or, And, In, Not, With, At, Over, As, True, False].map((type) => type.name),
);

function reserved(text: string, categories: TokenType[]): TokenType {
  return createToken({ name: text, pattern: text, longer_alt: Name, categories });
}

function sign(text: string, categories: TokenType[] = []): TokenType {
  return createToken({ name: text, pattern: text, categories });
}

function matchAnyParts(text: string, offset: number, matched: IToken[]): RegExpExecArray | null {
  const last = matched[matched.length - 1];
  const afterDot = last?.tokenType === Dot && last.endOffset === offset - 1;
  const pattern = afterDot ? /\*\*/y : /\*\*(?=\.[A-Za-z_"])/y;
  pattern.lastIndex = offset;
  return pattern.exec(text);
}

/** After a dot only digits are taken: `layers.0.1` is a path with three parts. */
function matchNumeral(text: string, offset: number, matched: IToken[]): RegExpExecArray | null {
  const last = matched[matched.length - 1];
  const inPath = last?.tokenType === Dot && last.endOffset === offset - 1;
  const pattern = inPath ? /\d+/y : /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  pattern.lastIndex = offset;
  return pattern.exec(text);
}
