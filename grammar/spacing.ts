/** How the tokens of one line are spaced. */

import { type IToken, tokenMatcher } from "chevrotain";
import { scan } from "./lex.ts";
import * as t from "./tokens.ts";

/**
 * One line of tokens as text. `before` is the token above its first one. Where the usual spacing would
 * make other tokens of them (`0. 1` is three, `0.1` is one) the author's is kept.
 */
export function spaced(before: IToken | undefined, tokens: readonly IToken[]): string {
  const sets = setBraces(tokens);
  const usual = joined(tokens, (index) => space(before, tokens, index, sets));
  if (sameTokens(scan(usual), tokens)) return usual;
  return joined(tokens, (index) => (areApart(tokens[index - 1], tokens[index]) ? " " : ""));
}

/** Whether a token is a comment, which ends its line. */
export function isComment(token: IToken): boolean {
  return token.tokenType === t.Comment || token.tokenType === t.HashComment;
}

function joined(tokens: readonly IToken[], gap: (index: number) => string): string {
  return tokens.map((token, index) => (index === 0 ? "" : gap(index)) + image(token)).join("");
}

function image(token: IToken): string {
  return isComment(token) || token.tokenType === t.UnclosedString
    ? token.image.trimEnd()
    : token.image;
}

function sameTokens(scanned: readonly IToken[], tokens: readonly IToken[]): boolean {
  return (
    scanned.length === tokens.length &&
    tokens.every((token, index) => {
      const other = scanned[index];
      return other?.tokenType === token.tokenType && other.image === image(token);
    })
  );
}

function areApart(left: IToken | undefined, right: IToken | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  return (left.endOffset ?? left.startOffset) + 1 !== right.startOffset;
}

/** The braces of segment sets, `S: {visual, text}`, which have no spaces inside. */
function setBraces(tokens: readonly IToken[]): ReadonlySet<IToken> {
  const sets = new Set<IToken>();
  tokens.forEach((token, index) => {
    if (token.tokenType !== t.LeftBrace || tokens[index - 1]?.tokenType !== t.Colon) return;
    const end = tokens.slice(index).find((each) => each.tokenType === t.RightBrace);
    if (end !== undefined) sets.add(token).add(end);
  });
  return sets;
}

/** The space before the token at `index`, which is not the first. */
function space(
  before: IToken | undefined,
  tokens: readonly IToken[],
  index: number,
  sets: ReadonlySet<IToken>,
): string {
  const left = tokens[index - 1];
  const right = tokens[index];
  if (left === undefined || right === undefined) return "";
  if (isComment(right)) return "  ";
  if (isUnknown(left) || isUnknown(right)) return areApart(left, right) ? " " : "";
  if (sets.has(left) && left.tokenType === t.LeftBrace) return "";
  if (sets.has(right) && right.tokenType === t.RightBrace) return "";
  if (hugsLeft.includes(right.tokenType) || hugsRight.includes(left.tokenType)) return "";
  if (right.tokenType === t.Range) return left.tokenType === t.Comma ? " " : "";
  if (left.tokenType === t.LeftBrace && right.tokenType === t.RightBrace) return "";
  const earlier = tokens[index - 2] ?? before;
  if (left.tokenType === t.Minus && !endsValue(earlier, tokens, index - 2)) return "";
  const opens = right.tokenType === t.LeftParenthesis || right.tokenType === t.LeftBracket;
  if (!opens) return " ";
  const isCall = endsValue(left, tokens, index - 1) && !isKeyword(left, earlier);
  return isCall ? "" : " ";
}

/** No space before these. */
const hugsLeft = [t.Comma, t.Semicolon, t.Colon, t.Dot, t.RightParenthesis, t.RightBracket];
/** No space after these. */
const hugsRight = [t.LeftParenthesis, t.LeftBracket, t.Dot, t.Range];

function isUnknown(token: IToken): boolean {
  return [t.Foreign, t.Stray, t.UnclosedString].includes(token.tokenType);
}

/** Whether a value can end with the token: then `-` after it is a difference, and `(` a call. */
function endsValue(token: IToken | undefined, tokens: readonly IToken[], index: number): boolean {
  if (token === undefined) return false;
  if (tokens[index - 1]?.tokenType === t.Dot) return true;
  const above = tokens[index - 1];
  const isFirst =
    index <= 0 || above?.tokenType === t.LeftBrace || above?.tokenType === t.RightBrace;
  if (isFirst && /^(?:return|if|require)$/.test(token.image)) return false;
  if (token.image === "if" && above?.image === "else") return false;
  const type = token.tokenType;
  return (
    tokenMatcher(token, t.Name) ||
    [t.Numeral, t.Text, t.True, t.False, t.RightParenthesis, t.RightBracket].includes(type)
  );
}

/** `0..L except [5, 9]`: a word after a value is no name that brackets could follow. */
function isKeyword(token: IToken, earlier: IToken | undefined): boolean {
  if (token.tokenType !== t.Except && token.tokenType !== t.Positions) return false;
  return earlier !== undefined && endsValue(earlier, [], 1);
}
