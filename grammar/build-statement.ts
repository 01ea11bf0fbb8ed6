/**
 * Lines to statements. A line with a mistake still binds the names that it was seen to bind, to
 * `missing`, so that their uses are not reported as well.
 */

import type { CstNode, IToken } from "chevrotain";
import type { BindTarget, Expr, Name, SegmentExpr, Statement, TypeExpr } from "./ast.ts";
import {
  buildArguments,
  buildAxisName,
  buildExpression,
  buildPath,
  buildPattern,
  stringValue,
} from "./build-expression.ts";
import { buildType } from "./build-type.ts";
import { expectCapital, expectSmall } from "./case.ts";
import { type Context, nameOf, placeOf, placeOfLine } from "./context.ts";
import { nodeOf, nodesOf, tokenOf, tokensOf } from "./cst.ts";
import { error } from "./diagnostic.ts";
import { type Head, statementHead } from "./heads.ts";
import { unreachable } from "./invariant.ts";
import { spanOf } from "./lex.ts";
import { refuseStatement, withoutForeignWord } from "./mistakes.ts";
import type { Line } from "./outline.ts";
import type { Span } from "./source.ts";
import * as t from "./tokens.ts";
import { depthLimit } from "./walk.ts";

/** The statements of a body. */
export function buildStatements(context: Context, lines: readonly Line[]): readonly Statement[] {
  const statements: Statement[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index];
    if (line === undefined) continue;
    const head = statementHead(line.tokens);
    if (head !== "if") {
      statements.push(...buildLine(context, line, head));
      continue;
    }
    const others: Line[] = [];
    for (let next = lines[index + 1]; next !== undefined && isElse(next); next = lines[index + 1]) {
      others.push(next);
      index += 1;
    }
    statements.push(buildIf(context, line, others));
  }
  return statements;
}

function isElse(line: Line): boolean {
  return statementHead(line.tokens) === "else";
}

/** `if`, any number of `else if`, and at most one `else`: each is the `otherwise` of the one above. */
function buildIf(context: Context, line: Line, others: readonly Line[]): Statement {
  const last = others[others.length - 1] ?? line;
  if (others.length > depthLimit) reportTooManyBranches(context, last);
  let otherwise: readonly Statement[] = [];
  for (const other of others.slice(0, depthLimit).reverse()) {
    const [first, ...rest] = other.tokens;
    const isElif = first?.image === "elif";
    if (isElif) refuseStatement(context, other.tokens, true);
    if (isElif || rest[0]?.image === "if") {
      const tokens = isElif ? other.tokens : rest;
      otherwise = [buildBranch(context, tokens, other, otherwise, last.end)];
      continue;
    }
    context.parse("else", other.tokens);
    if (other !== last) reportLooseElse(context, other.tokens);
    otherwise = buildStatements(context, other.body ?? []);
  }
  return buildBranch(context, line.tokens, line, otherwise, last.end);
}

function buildBranch(
  context: Context,
  tokens: readonly IToken[],
  line: Line,
  otherwise: readonly Statement[],
  end: number,
): Statement {
  const condition = expressionIn(context, context.parse("condition", tokens), 0);
  const span = { file: context.file, start: tokens[0]?.startOffset ?? end, end };
  const then = buildStatements(context, line.body ?? []);
  return { kind: "if", condition, then, otherwise, span };
}

function reportTooManyBranches(context: Context, line: Line): void {
  context.report(
    error("syntax/depth", {
      message: `this is one of more than ${depthLimit} branches`,
      at: { span: placeOfLine(context, { ...line, end: 0 }), note: "" },
      hint: "divide the cases between several blocks",
    }),
  );
}

function reportLooseElse(context: Context, tokens: readonly IToken[]): void {
  const [first] = tokens;
  if (first === undefined || context.isReported(tokens)) return;
  context.report(
    error("syntax/statement", {
      message: "this `else` belongs to no `if`",
      at: { span: spanOf(context.file, first), note: "" },
      hint: "write `if … { … } else if … { … } else { … }`",
    }),
  );
}

function buildLine(context: Context, line: Line, head: Head | undefined): readonly Statement[] {
  if (line.tokens.length === 0) return reportLooseBody(context, line);
  if (line.body !== undefined && head !== "for" && head !== "else") {
    return reportUnwantedBody(context, line);
  }
  const span = placeOfLine(context, line);
  switch (head) {
    case undefined:
      return buildBind(context, line, span);
    case "input":
      return buildInput(context, line, span);
    case "weight":
      return buildWeight(context, line, span);
    case "path":
      return buildPathAlias(context, line, span);
    case "tie":
      return buildTie(context, line, span);
    case "sequence":
      return buildSequence(context, line, span);
    case "for":
      return buildFor(context, line, span);
    case "require": {
      const node = context.parse("condition", line.tokens);
      return [{ kind: "require", condition: expressionIn(context, node, 0), span }];
    }
    case "return": {
      const node = context.parse("return", line.tokens);
      const values = nodesOf(node, "expression");
      return [{ kind: "return", values: orMissing(context, values, span.end), span }];
    }
    case "output":
      return buildOutput(context, line, span);
    case "adapt":
      return buildAdapt(context, line, span);
    case "generate":
      return buildGenerate(context, line, span);
    case "else":
      reportLooseElse(context, line.tokens);
      buildStatements(context, line.body ?? []);
      return [];
    case "if":
      return [buildIf(context, line, [])];
    case "import":
    case "mask":
    case "score":
    case "block":
    case "model":
      return [];
    default:
      return unreachable(head);
  }
}

/** Braces without a head: their statements are taken as if they stood outside. */
function reportLooseBody(context: Context, line: Line): readonly Statement[] {
  const start = line.body?.[0]?.tokens[0]?.startOffset ?? line.end;
  context.report(
    error("syntax/bracket", {
      message: "braces stand only after `block`, `model`, `for`, `if` and `else`",
      at: { span: { file: context.file, start, end: start }, note: "" },
      hint: "remove the braces",
    }),
  );
  return buildStatements(context, line.body ?? []);
}

function reportUnwantedBody(context: Context, line: Line): readonly Statement[] {
  refuseStatement(context, line.tokens, true);
  return buildStatements(context, line.body ?? []);
}

function buildBind(context: Context, line: Line, span: Span): readonly Statement[] {
  const tokens = withoutForeignWord(context, line.tokens);
  if (refuseStatement(context, tokens, false)) return [];
  const node = context.parse("bind", tokens);
  const targets = nodesOf(node, "target").flatMap((target): BindTarget[] => {
    const word = tokenOf(target, t.Name);
    if (word === undefined) return [];
    const type = buildType(context, nodeOf(target, "type"));
    return [
      type === undefined ? { name: nameOf(context, word) } : { name: nameOf(context, word), type },
    ];
  });
  if (targets.length === 0) return [];
  return [{ kind: "bind", targets, value: expressionIn(context, node, 0), span }];
}

function buildInput(context: Context, line: Line, span: Span): readonly Statement[] {
  const node = context.parse("input", line.tokens);
  const name = nameIn(context, node, 0);
  if (name === undefined) return [];
  expectSmall(context, name, "an input");
  const type: TypeExpr | undefined = buildType(context, nodeOf(node, "type"));
  if (type === undefined) return [bindMissing(context, name, span)];
  return [{ kind: "input", name, type, doc: line.doc, span }];
}

function buildWeight(context: Context, line: Line, span: Span): readonly Statement[] {
  const node = context.parse("weight", line.tokens);
  const path = buildPath(context, nodeOf(node, "path"), span.end);
  const type = buildType(context, nodeOf(node, "type"));
  return type === undefined ? [] : [{ kind: "weight", path, type, span }];
}

function buildPathAlias(context: Context, line: Line, span: Span): readonly Statement[] {
  const node = context.parse("path", line.tokens);
  const name = nameIn(context, node, 0);
  if (name === undefined) return [];
  expectSmall(context, name, "a path");
  const paths = nodesOf(node, "path").map((path) => buildPath(context, path, span.end));
  if (paths.length === 0) return [bindMissing(context, name, span)];
  return [{ kind: "path", name, alternatives: paths, span }];
}

function buildTie(context: Context, line: Line, span: Span): readonly Statement[] {
  const node = context.parse("tie", line.tokens);
  const [left, right] = nodesOf(node, "path").map((path) => buildPath(context, path, span.end));
  return left === undefined || right === undefined ? [] : [{ kind: "tie", left, right, span }];
}

function buildSequence(context: Context, line: Line, span: Span): readonly Statement[] {
  const node = context.parse("sequence", line.tokens);
  const name = nameIn(context, node, 0);
  if (name === undefined) return [];
  expectCapital(context, name, "a sequence");
  const segments = nodesOf(node, "segment").flatMap((each) => buildSegment(context, each));
  const base = { kind: "sequence", name, segments, span } as const;
  if (tokenOf(node, t.Positions) === undefined) return [base];
  return [{ ...base, positions: expressionIn(context, node, 0) }];
}

function buildSegment(context: Context, node: CstNode): SegmentExpr[] {
  const [word, group] = tokensOf(node, t.Name);
  const axisNode = nodeOf(node, "axisName");
  if (word === undefined || axisNode === undefined) return [];
  const name = nameOf(context, word);
  expectSmall(context, name, "a segment");
  const axis = buildAxisName(context, axisNode);
  const text = tokenOf(node, t.Text);
  const at =
    text === undefined ? {} : { at: { text: stringValue(text), span: spanOf(context.file, text) } };
  const by = group === undefined ? {} : { by: nameOf(context, group) };
  return [{ name, axis, ...at, ...by, span: placeOf(context, node, 0) }];
}

function buildFor(context: Context, line: Line, span: Span): readonly Statement[] {
  const node = context.parse("for", line.tokens);
  const variable = nameIn(context, node, 0);
  if (variable === undefined) return buildStatements(context, line.body ?? []);
  expectSmall(context, variable, "a number");
  const from = expressionIn(context, node, 0);
  const to = expressionIn(context, node, 1);
  const hasExcept = tokenOf(node, t.Except) !== undefined;
  const except = hasExcept ? { except: expressionIn(context, node, 2) } : {};
  const body = buildStatements(context, line.body ?? []);
  return [{ kind: "for", variable, from, to, ...except, body, span }];
}

function buildOutput(context: Context, line: Line, span: Span): readonly Statement[] {
  const node = context.parse("output", line.tokens);
  const name = nameIn(context, node, 0);
  if (name === undefined) return [];
  expectSmall(context, name, "an output");
  const indexed = tokenOf(node, t.LeftBracket) !== undefined;
  const index = indexed ? { index: expressionIn(context, node, 0) } : {};
  const hasValue = tokenOf(node, t.Equals) !== undefined;
  const value = hasValue ? { value: expressionIn(context, node, indexed ? 1 : 0) } : {};
  // Without a value an output shows the binding of its name, which may be what could not be read.
  if (!hasValue && context.isBroken(line.tokens)) return [];
  return [{ kind: "output", name, ...index, ...value, span }];
}

function buildAdapt(context: Context, line: Line, span: Span): readonly Statement[] {
  const node = context.parse("adapt", line.tokens);
  const method = nameIn(context, node, 0);
  if (method === undefined) return [];
  const pattern = buildPattern(context, nodeOf(node, "pattern"), span.end);
  const on = nameIn(context, node, 1);
  const values = buildArguments(context, nodeOf(node, "callArguments"));
  const rows = on === undefined ? {} : { on };
  return [{ kind: "adapt", pattern, method, arguments: values, ...rows, span }];
}

function buildGenerate(context: Context, line: Line, span: Span): readonly Statement[] {
  const node = context.parse("generate", line.tokens);
  const tokens = nameIn(context, node, 0);
  const logits = nameIn(context, node, 1);
  if (tokens === undefined || logits === undefined) return [];
  return [{ kind: "generate", tokens, logits, span }];
}

function nameIn(context: Context, node: CstNode, index: number): Name | undefined {
  const token = tokensOf(node, t.Name)[index];
  return token === undefined ? undefined : nameOf(context, token);
}

function expressionIn(context: Context, node: CstNode, index: number): Expr {
  const after = placeOf(context, node, 0).end;
  return buildExpression(context, nodesOf(node, "expression")[index], after);
}

function orMissing(context: Context, nodes: readonly CstNode[], after: number): readonly Expr[] {
  if (nodes.length === 0) return [missing(context, after)];
  return nodes.map((node) => buildExpression(context, node, after));
}

function bindMissing(context: Context, name: Name, span: Span): Statement {
  return { kind: "bind", targets: [{ name }], value: missing(context, span.end), span };
}

function missing(context: Context, offset: number): Expr {
  return { kind: "missing", span: { file: context.file, start: offset, end: offset } };
}
