/**
 * The check of a block for all its callers: every formal axis is rigid, every size a symbol, and
 * what depends on the caller is collected in the signature.
 */

import type { BlockDeclaration, Parameter } from "../../grammar/ast.ts";
import { error } from "../../grammar/diagnostic.ts";
import type { AxisName } from "../op/axis.ts";
import { type Dimension, symbol } from "../op/dimension.ts";
import type { Definition } from "../elaborate/program.ts";
import { type Body, type Context, report, type SegmentDemand } from "./context.ts";
import { placeholder } from "./emit.ts";
import { distinctLabels, type Shape } from "./labels.ts";
import { sizeOf } from "./number.ts";
import { plainValue, rigidValue } from "./parameters.ts";
import { newScope } from "./scope.ts";
import type { Signature } from "./signature.ts";
import type { Tensor } from "./value.ts";

/** Checks `block` and gives what its callers must know. */
export function checkBlock(
  context: Context,
  block: Definition & { readonly kind: "block" },
): Signature {
  const { declaration } = block;
  const wanted = new Map(resultOnly(declaration).map((label) => [label, { label }]));
  const lifted = new Set<AxisName>();
  const scope = newScope(context.program, block.file, { owner: declaration, wanted });
  const body: Body = { ...context, scope };
  for (const { name } of declaration.dims) declare(body, name.text, name.span);
  const shapes = declaration.parameters.filter((each) => each.type?.kind === "shape");
  for (const parameter of shapes) bindFormal(body, parameter, lifted);
  for (const parameter of declaration.parameters) {
    if (parameter.type?.kind === "shape") continue;
    scope.values.set(parameter.name.text, rigidValue(body, parameter));
    if (parameter.value !== undefined) plainValue(body, body, { parameter, argument: undefined });
  }
  for (const dim of declaration.dims) if (dim.value !== undefined) sizeOf(body, dim.value);
  for (const result of declaration.results) {
    if (result.kind === "shape") distinctLabels(body, result);
  }
  const ready: Body = { ...body, scope: { ...scope, lifted: [...lifted] } };
  ready.interpreter.run(ready, declaration.body);
  if (ready.scope.returned === undefined) reportNoReturn(ready, declaration);
  return signatureFrom(ready, wanted.keys());
}

/** Labels of results that no formal has. */
function resultOnly(declaration: BlockDeclaration): readonly string[] {
  const formal = new Set(
    declaration.parameters.flatMap(({ type }) =>
      type?.kind === "shape" ? type.axes.map((axis) => axis.name.text) : [],
    ),
  );
  const results = declaration.results.flatMap((type) =>
    type.kind === "shape" ? type.axes.map((axis) => axis.name.text) : [],
  );
  return [...new Set(results)].filter((label) => !formal.has(label));
}

function declare(body: Body, label: string, span: BlockDeclaration["span"]): void {
  body.scope.sizes.set(label, symbol(label));
  body.scope.places.set(label, span);
}

/** Binds a formal tensor to a value over rigid axes. */
function bindFormal(body: Body, parameter: Parameter, lifted: Set<AxisName>): void {
  const { type } = parameter;
  if (type?.kind !== "shape") return;
  if (!distinctLabels(body, type)) return;
  const leading = type.lifts ? [liftedAxis(body)] : [];
  for (const axis of leading) lifted.add(axis);
  const axes = [...leading, ...type.axes.map((item) => formalAxis(body, item))];
  const value = placeholder(
    body,
    type.element === "token" ? "int" : type.element,
    axes,
    parameter.span,
  );
  const tensor: Tensor = type.element === "token" ? { ...value, range: "tokens" } : value;
  body.scope.values.set(parameter.name.text, tensor);
  body.scope.places.set(parameter.name.text, parameter.name.span);
}

/** The one axis that stands for all that `..` may be. */
function liftedAxis(body: Body): AxisName {
  const axis = body.axes.intern({ label: "..", size: symbol("..") }, new Set());
  body.rows.open.add(axis);
  return axis;
}

function formalAxis(body: Body, item: Shape["axes"][number]): AxisName {
  const label = item.name.text;
  const { labels, places } = body.scope;
  const bound = labels.get(label);
  if (bound !== undefined) return bound;
  const size = symbol(label);
  const segments = (item.segments ?? []).map(({ text }) => ({
    name: text,
    axis: body.axes.intern(
      { label: `${label}.${text}`, size: symbol(`${label}.${text}`) },
      new Set(),
    ),
  }));
  const axis = body.axes.intern({ label, size, segments }, new Set());
  for (const { name, axis: own } of segments) {
    body.rows.segmentOf.set(own, { sequence: axis, segment: name });
    labels.set(`${label}.${name}`, own);
  }
  body.rows.open.add(axis);
  body.rows.tokens.add(axis);
  labels.set(label, axis);
  body.scope.sizes.set(label, size);
  places.set(label, item.name.span);
  return axis;
}

function reportNoReturn(body: Body, declaration: BlockDeclaration): void {
  const { name, results } = declaration;
  // A line that could not be read may have been the `return`.
  if (results.length === 0 || declaration.body.length === 0) return;
  report(
    body,
    error("type/return", {
      message: `\`${name.text}\` declares a result and never returns`,
      at: { span: name.span, note: "" },
      also: results.map((type) => ({ span: type.span, note: "the result" })),
      hint: "end the block with `return …`",
    }),
  );
}

function signatureFrom(body: Body, resultLabels: Iterable<string>): Signature {
  const { labels, sizedByCaller } = body.scope;
  const sizes = new Map<string, Dimension>();
  for (const label of resultLabels) {
    const axis = labels.get(label);
    if (axis !== undefined && !sizedByCaller.has(label)) sizes.set(label, body.axes.size(axis));
  }
  const names = new Map([...labels].map(([label, axis]) => [axis, label]));
  const segmentDemands = body.segmentDemands.map((each): SegmentDemand => {
    if (each.rows.kind === "known") return each;
    return { ...each, rows: { kind: "formal", axis: names.get(each.rows.axis) ?? each.rows.axis } };
  });
  return { sizes, sizedByCaller, demands: [...body.demands], segmentDemands };
}
