/** Concrete tree to expressions: precedence, postfix chains, paths. */

import type { CstNode, IToken } from "chevrotain";
import type {
  Argument,
  BinaryOperator,
  BracketItem,
  Expr,
  Name,
  Path,
  PathPart,
  Pattern,
  PatternPart,
} from "./ast.ts";
import { expectCapital, expectSmall } from "./case.ts";
import { type Context, nameOf, placeOf } from "./context.ts";
import { childrenOf, endOf, nodeOf, nodesOf, startOf, tokenOf, tokensOf } from "./cst.ts";
import { error } from "./diagnostic.ts";
import { spanOf } from "./lex.ts";
import { cover, type Span } from "./source.ts";
import * as t from "./tokens.ts";
import { depthLimit, isDeeper } from "./walk.ts";

/** An expression that stands by itself in a line; `after` is where it should have been. */
export function buildExpression(context: Context, node: CstNode | undefined, after: number): Expr {
  const expression = inner(context, node, after);
  if (!isDeeper(expression, depthLimit)) return expression;
  const { span } = expression;
  context.remark(
    error("syntax/depth", {
      message: `this expression is nested more than ${depthLimit} deep`,
      at: { span, note: "" },
      hint: "bind a part of it to a name on a line of its own",
    }),
  );
  return { kind: "missing", span };
}

/** `[a, b = c, D as E]`. */
export function buildBracketItems(
  context: Context,
  node: CstNode | undefined,
): readonly BracketItem[] {
  return nodesOf(node, "bracketItem").map((item) => buildBracketItem(context, item));
}

/** `(a, b over K; c = d)`. */
export function buildArguments(context: Context, node: CstNode | undefined): readonly Argument[] {
  return nodesOf(node, "argument").map((item): Argument => {
    const span = placeOf(context, item, 0);
    const [first, second] = nodesOf(item, "expression");
    const over = nodesOf(item, "axisName").map((axis) => buildAxisName(context, axis));
    const equals = tokenOf(item, t.Equals);
    if (equals === undefined) return { value: inner(context, first, span.end), over, span };
    const label = inner(context, first, span.start);
    return { label, value: inner(context, second, span.end), over, span };
  });
}

/** `T` or `T.given`, as one name. */
export function buildAxisName(context: Context, node: CstNode): Name {
  const text = tokensOf(node, t.Name)
    .map((token) => token.image)
    .join(".");
  const name = { text, span: placeOf(context, node, 0) };
  expectCapital(context, name, "an axis");
  return name;
}

/** A checkpoint path; without parts if none could be read. */
export function buildPath(context: Context, node: CstNode | undefined, after: number): Path {
  const children = node === undefined ? [] : childrenOf(node);
  const parts = children.flatMap((child): PathPart[] => {
    if (child.name !== "pathIndex") return buildPathParts(context, child);
    const span = placeOf(context, child, after);
    const value = inner(context, nodeOf(child, "expression"), span.end);
    return [{ kind: "index", value, span }];
  });
  return { parts, span: placeOf(context, node, after) };
}

/** A pattern of checkpoint paths. */
export function buildPattern(context: Context, node: CstNode | undefined, after: number): Pattern {
  const children = node === undefined ? [] : childrenOf(node);
  const parts = children.flatMap((child): PatternPart[] => {
    const span = placeOf(context, child, after);
    if (child.name === "anyParts") return [{ kind: "deep", span }];
    if (child.name !== "patternIndex") {
      return buildPathParts(context, child).flatMap((part) => (part.kind === "word" ? [part] : []));
    }
    if (tokenOf(child, t.Star) !== undefined) return [{ kind: "any", span }];
    return [{ kind: "index", value: inner(context, nodeOf(child, "expression"), span.end), span }];
  });
  return { parts, span: placeOf(context, node, after) };
}

/** The value of a string token. */
export function stringValue(token: IToken): string {
  return token.image
    .slice(1, -1)
    .replace(/\\(.)/g, (_, escaped: string) => escapes.get(escaped) ?? escaped);
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["t", "\t"],
]);

/** From loose to tight; `with` stands between comparison and addition. */
const looseness: ReadonlyMap<string, number> = new Map([
  ["or", 1],
  ["and", 2],
  ...["==", "!=", "<", "<=", ">", ">=", "in"].map((sign): [string, number] => [sign, 4]),
  ["with", 5],
  ...["+", "-"].map((sign): [string, number] => [sign, 6]),
  ...["*", "/", "%", "@"].map((sign): [string, number] => [sign, 7]),
]);
const tightnessOfNot = 3;
const tightnessOfComparison = 4;
const tightnessOfMinus = 8;

const operators: ReadonlyMap<string, BinaryOperator> = new Map(
  (
    ["+", "-", "*", "/", "%", "@", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in"] as const
  ).map((sign) => [sign, sign]),
);

interface Cursor {
  readonly operands: readonly CstNode[];
  readonly infixes: readonly CstNode[];
  /** The operand that comes next. */
  index: number;
  /** How many of its prefix operators have been taken. */
  prefixes: number;
  readonly after: number;
}

function inner(context: Context, node: CstNode | undefined, after: number): Expr {
  const operands = nodesOf(node, "operand");
  const count = operands.reduce((sum, each) => sum + prefixesOf(each).length, 0);
  if (operands.length === 0 || count > depthLimit) {
    const span = placeOf(context, node, after);
    if (count > depthLimit) {
      context.remark(
        error("syntax/depth", {
          message: `more than ${depthLimit} prefix operators stand in this expression`,
          at: { span, note: "" },
          hint: "bind a part of it to a name on a line of its own",
        }),
      );
    }
    return { kind: "missing", span };
  }
  const cursor = { operands, infixes: nodesOf(node, "infix"), index: 0, prefixes: 0, after };
  return climb(context, cursor, 0);
}

/** Precedence climbing: takes operators that bind at least as tightly as `tightness`. */
function climb(context: Context, cursor: Cursor, tightness: number): Expr {
  let left = buildPrefixed(context, cursor);
  for (;;) {
    const infix = cursor.infixes[cursor.index - 1];
    const sign = tokenOf(infix, t.Infix) ?? tokenOf(infix, t.With);
    const own = sign === undefined ? undefined : looseness.get(sign.image);
    if (infix === undefined || sign === undefined || own === undefined || own < tightness) {
      return left;
    }
    left = buildInfix(context, left, infix, sign, climb(context, cursor, own + 1));
    if (own === tightnessOfComparison) left = refuseChain(context, cursor, left, sign);
  }
}

function buildPrefixed(context: Context, cursor: Cursor): Expr {
  const operand = cursor.operands[cursor.index];
  const prefix = operand === undefined ? undefined : prefixesOf(operand)[cursor.prefixes];
  if (prefix === undefined) {
    cursor.index += 1;
    cursor.prefixes = 0;
    return buildOperand(context, operand, cursor.after);
  }
  cursor.prefixes += 1;
  const operator = prefix.tokenType === t.Not ? "not" : "-";
  const inside = climb(context, cursor, operator === "not" ? tightnessOfNot : tightnessOfMinus);
  const span = cover(spanOf(context.file, prefix), inside.span);
  return { kind: "unary", operator, operand: inside, span };
}

function prefixesOf(operand: CstNode): readonly IToken[] {
  const signs = [...tokensOf(operand, t.Not), ...tokensOf(operand, t.Minus)];
  return signs.sort((a, b) => a.startOffset - b.startOffset);
}

function buildInfix(context: Context, left: Expr, infix: CstNode, sign: IToken, right: Expr): Expr {
  const span = cover(left.span, right.span);
  const operator = operators.get(sign.image);
  if (operator !== undefined) {
    const operatorSpan = spanOf(context.file, sign);
    return { kind: "binary", operator, left, right, operatorSpan, span };
  }
  const name = tokenOf(infix, t.Name);
  if (name === undefined) return { kind: "missing", span };
  const segment = nameOf(context, name);
  expectSmall(context, segment, "a segment");
  return { kind: "with", target: left, segment, value: right, span };
}

/** `a < b < c` is not a comparison of anything; each further sign of the chain is taken silently. */
function refuseChain(context: Context, cursor: Cursor, left: Expr, first: IToken): Expr {
  let chained = left;
  for (let reported = false; ; reported = true) {
    const infix = cursor.infixes[cursor.index - 1];
    const sign = tokenOf(infix, t.Infix);
    if (infix === undefined || sign === undefined) return chained;
    if (looseness.get(sign.image) !== tightnessOfComparison) return chained;
    if (!reported) {
      context.remark(
        error("syntax/comparison", {
          message: `a comparison cannot be compared again with \`${sign.image}\``,
          at: { span: spanOf(context.file, sign), note: "" },
          also: [{ span: spanOf(context.file, first), note: "" }],
          hint: `join two comparisons: \`a ${first.image} b and b ${sign.image} c\``,
        }),
      );
    }
    chained = { kind: "missing", span: cover(left.span, climb(context, cursor, 5).span) };
  }
}

function buildOperand(context: Context, operand: CstNode | undefined, after: number): Expr {
  const primary = nodeOf(operand, "primary");
  // Recovery may have found a postfix where the value itself is missing.
  const { start } = placeOf(context, operand, after);
  let expression = buildPrimary(context, primary, start);
  for (const postfix of nodesOf(operand, "postfix")) {
    expression = buildPostfix(context, expression, postfix);
  }
  return expression;
}

function buildPrimary(context: Context, primary: CstNode | undefined, after: number): Expr {
  const span = placeOf(context, primary, after);
  const join = tokenOf(primary, t.Join);
  const [name] = tokensOf(primary, t.Name);
  if (join !== undefined && name !== undefined) {
    const sequence = nameOf(context, name);
    expectCapital(context, sequence, "a sequence");
    const items = buildArguments(context, nodeOf(primary, "callArguments"));
    return { kind: "join", sequence, arguments: items, span };
  }
  if (name !== undefined) return { kind: "name", text: name.image, span };
  const numeral = tokenOf(primary, t.Numeral);
  if (numeral !== undefined) {
    const integer = /^\d+$/.test(numeral.image);
    return { kind: "number", value: Number(numeral.image), integer, span };
  }
  const text = tokenOf(primary, t.Text);
  if (text !== undefined) return { kind: "string", value: stringValue(text), span };
  if (tokenOf(primary, t.True) !== undefined) return { kind: "boolean", value: true, span };
  if (tokenOf(primary, t.False) !== undefined) return { kind: "boolean", value: false, span };
  const list = nodeOf(primary, "listLiteral");
  if (list !== undefined) {
    const items = nodesOf(list, "expression").map((item) => inner(context, item, span.end));
    return { kind: "list", items, span };
  }
  const nested = nodeOf(primary, "expression");
  // The parentheses belong to the text that a message underlines.
  return { ...inner(context, nested, span.end), span };
}

function buildPostfix(context: Context, target: Expr, postfix: CstNode): Expr {
  const span: Span = { ...target.span, end: endOf(postfix) ?? target.span.end };
  const call = nodeOf(postfix, "callArguments");
  if (call !== undefined) {
    const items = buildArguments(context, call);
    const base = { kind: "call", callee: target, arguments: items, span } as const;
    if (tokenOf(postfix, t.At) === undefined) return base;
    return { ...base, at: buildPath(context, nodeOf(postfix, "path"), span.end) };
  }
  const bracket = nodeOf(postfix, "bracketItems");
  if (bracket !== undefined) {
    return { kind: "bracket", target, items: buildBracketItems(context, bracket), span };
  }
  const part = nodeOf(postfix, "pathPart");
  const [word] = part === undefined ? [] : buildPathParts(context, part);
  if (word?.kind !== "word") return target;
  return { kind: "member", target, member: { text: word.text, span: word.span }, span };
}

function buildBracketItem(context: Context, item: CstNode): BracketItem {
  const span = placeOf(context, item, 0);
  const [first, second] = nodesOf(item, "expression");
  const value = inner(context, first, span.start);
  const padded = tokenOf(item, t.PaddedEquals);
  const sign = padded ?? tokenOf(item, t.Equals) ?? tokenOf(item, t.As);
  if (sign === undefined) return { kind: "value", value, span };
  const axis = axisOf(value);
  if (axis === undefined) {
    if (value.kind !== "missing") {
      context.remark(
        error("syntax/axis", {
          message: `only an axis can stand before \`${sign.image}\` in brackets`,
          at: { span: value.span, note: "" },
          hint: sign.tokenType === t.Equals ? "write `==` to compare" : "write `x[Axis as Other]`",
        }),
      );
    }
    return { kind: "value", value: { kind: "missing", span }, span };
  }
  expectCapital(context, axis, "an axis");
  const renamed = tokenOf(item, t.Name);
  if (sign.tokenType === t.As) {
    if (renamed === undefined) return { kind: "value", value: { kind: "missing", span }, span };
    const to = nameOf(context, renamed);
    expectCapital(context, to, "an axis");
    return { kind: "rename", axis, to, span };
  }
  const selected = inner(context, second, span.end);
  return { kind: "select", axis, padded: padded !== undefined, value: selected, span };
}

function axisOf(value: Expr): Name | undefined {
  if (value.kind === "name") return { text: value.text, span: value.span };
  if (value.kind !== "member" || value.target.kind !== "name") return undefined;
  return { text: `${value.target.text}.${value.member.text}`, span: value.span };
}

/** One part; two for `0.1` at the start of a path, which lexes as a number. */
function buildPathParts(context: Context, node: CstNode): PathPart[] {
  const span = placeOf(context, node, startOf(node));
  const text = tokenOf(node, t.Text);
  if (text !== undefined) return [{ kind: "word", text: stringValue(text), span }];
  const word = tokenOf(node, t.Word) ?? tokenOf(node, t.Name);
  if (word !== undefined) return [{ kind: "word", text: word.image, span }];
  const numeral = tokenOf(node, t.Numeral);
  if (numeral === undefined) return [];
  let start = span.start;
  return numeral.image.split(".").map((digits): PathPart => {
    const part = { ...span, start, end: start + digits.length };
    start = part.end + 1;
    return { kind: "word", text: digits, span: part };
  });
}
