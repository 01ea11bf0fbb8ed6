/** Concrete tree to shapes, kinds of values, dims and parameters. */

import type { CstNode } from "chevrotain";
import type { AxisExpr, ConfigKey, DimParameter, Parameter, TypeExpr } from "./ast.ts";
import { buildAxisName, buildExpression, stringValue } from "./build-expression.ts";
import { expectCapital, expectSmall } from "./case.ts";
import { type Context, nameOf, placeOf } from "./context.ts";
import { nodeOf, nodesOf, tokenOf, tokensOf } from "./cst.ts";
import { error, nearest } from "./diagnostic.ts";
import type { Span } from "./source.ts";
import * as t from "./tokens.ts";

type Shape = Extract<TypeExpr, { kind: "shape" }>;
type Named = Extract<TypeExpr, { kind: "named" }>;

const elements: ReadonlyMap<string, Shape["element"]> = new Map(
  (["float", "int", "token", "bool"] as const).map((name) => [name, name]),
);
const kinds: ReadonlyMap<string, Named["name"]> = new Map(
  (["mask", "score", "number", "numbers", "int", "float", "bool", "token"] as const).map((name) => [
    name,
    name,
  ]),
);

/** A type; none if it could not be read, which has been reported. */
export function buildType(context: Context, node: CstNode | undefined): TypeExpr | undefined {
  if (node === undefined) return undefined;
  const span = placeOf(context, node, 0);
  const shape = nodeOf(node, "shape");
  const name = tokenOf(node, t.Name);
  if (name === undefined) {
    return shape === undefined ? undefined : buildShape(context, shape, "float", span);
  }
  if (shape === undefined) {
    const kind = kinds.get(name.image);
    if (kind === undefined) reportUnknown(context, nameOf(context, name), [...kinds.keys()]);
    return kind === undefined ? undefined : { kind: "named", name: kind, span };
  }
  const element = elements.get(name.image);
  if (element === undefined) reportUnknown(context, nameOf(context, name), [...elements.keys()]);
  return buildShape(context, shape, element ?? "float", span);
}

function reportUnknown(
  context: Context,
  name: { text: string; span: Span },
  candidates: readonly string[],
): void {
  const near = nearest(name.text, candidates);
  const listed = candidates.map((each) => `\`${each}\``).join(", ");
  context.remark(
    error("syntax/type", {
      message: `there is no type \`${name.text}\``,
      at: { span: name.span, note: "" },
      hint:
        near === undefined
          ? `write a shape such as \`[S, D]\` or \`int[S]\`, or one of ${listed}`
          : `did you mean \`${near}\`?`,
    }),
  );
}

function buildShape(
  context: Context,
  node: CstNode,
  element: Shape["element"],
  span: Span,
): TypeExpr {
  const axes = nodesOf(node, "axis");
  const lifts = axes.map((axis) => tokenOf(axis, t.Range) !== undefined);
  const misplaced = axes.find((_, index) => index > 0 && lifts[index] === true);
  if (misplaced !== undefined) {
    context.remark(
      error("syntax/lift", {
        message: "`..` stands for any other axes and can only be first in a shape",
        at: { span: placeOf(context, misplaced, span.end), note: "" },
        hint: "write `[.., D]`",
      }),
    );
  }
  return {
    kind: "shape",
    element,
    lifts: lifts.includes(true),
    axes: axes.flatMap((axis) => buildAxis(context, axis)),
    span,
  };
}

function buildAxis(context: Context, node: CstNode): AxisExpr[] {
  const axisName = nodeOf(node, "axisName");
  if (axisName === undefined) return [];
  const span = placeOf(context, node, 0);
  const name = buildAxisName(context, axisName);
  if (tokenOf(node, t.Equals) !== undefined) {
    const size = buildExpression(context, nodeOf(node, "expression"), span.end);
    return [{ name, size, span }];
  }
  const set = nodeOf(node, "segmentSet");
  if (set === undefined) return [{ name, span }];
  const segments = tokensOf(set, t.Name).map((token) => nameOf(context, token));
  for (const segment of segments) expectSmall(context, segment, "a segment");
  return [{ name, segments, span }];
}

/** `[D, H = 32, E = 128 from head_dim]`. */
export function buildDims(context: Context, node: CstNode | undefined): readonly DimParameter[] {
  return nodesOf(node, "dim").flatMap((dim): DimParameter[] => {
    const word = tokenOf(dim, t.Name);
    if (word === undefined) return [];
    const name = nameOf(context, word);
    expectCapital(context, name, "a dim");
    return [{ name, ...buildDefault(context, dim), span: placeOf(context, dim, 0) }];
  });
}

/** `(x: [S, D], sees: mask = composite)`. */
export function buildParameters(context: Context, node: CstNode | undefined): readonly Parameter[] {
  return nodesOf(node, "parameter").flatMap((parameter): Parameter[] => {
    const word = tokenOf(parameter, t.Name);
    if (word === undefined) return [];
    const name = nameOf(context, word);
    expectSmall(context, name, "a parameter");
    const type = buildType(context, nodeOf(parameter, "type"));
    const span = placeOf(context, parameter, 0);
    const rest = buildDefault(context, parameter);
    return [type === undefined ? { name, ...rest, span } : { name, type, ...rest, span }];
  });
}

function buildDefault(context: Context, node: CstNode): Pick<Parameter, "value" | "from"> {
  const key = nodeOf(node, "configKey");
  const from = key === undefined ? {} : { from: buildConfigKey(context, key) };
  if (tokenOf(node, t.Equals) === undefined) return from;
  const end = placeOf(context, node, 0).end;
  return { value: buildExpression(context, nodeOf(node, "expression"), end), ...from };
}

function buildConfigKey(context: Context, node: CstNode): ConfigKey {
  const parts = nodesOf(node, "pathPart").map((part) => {
    const quoted = tokenOf(part, t.Text);
    if (quoted !== undefined) return stringValue(quoted);
    return (tokenOf(part, t.Word) ?? tokenOf(part, t.Numeral))?.image ?? "";
  });
  const whole = placeOf(context, node, 0);
  const first = nodeOf(node, "pathPart");
  const start = first === undefined ? whole.start : placeOf(context, first, whole.start).start;
  return { text: parts.join("."), span: { ...whole, start } };
}
