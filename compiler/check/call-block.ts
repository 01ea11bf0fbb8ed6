/**
 * Calls of blocks. In both modes the arguments are unified with the formals; then an instance runs
 * the body, and a generic check looks at what the body's own check found.
 */

import type { BlockDeclaration, BracketItem, Path } from "../../grammar/ast.ts";
import { didYouMean, error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { Definition } from "../elaborate/program.ts";
import type { BlockInstance } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import type { Dimension } from "../op/dimension.ts";
import type { BuiltinCall } from "./arguments.ts";
import { tensorOf } from "./arguments.ts";
import { applySignature } from "./apply-signature.ts";
import { type Body, fail, report, type Use, type Wanted } from "./context.ts";
import { rename } from "./emit.ts";
import { requireSize, visibleAxes } from "./labels.ts";
import { asReal, sizeOf } from "./number.ts";
import { checkConfig, type Given, matchArguments, plainValue } from "./parameters.ts";
import { instancePrefix } from "./paths.ts";
import { newScope } from "./scope.ts";
import { type Actual, liftedAxes, unify } from "./unify.ts";
import { type Tensor, unknown, type Value } from "./value.ts";

/** A block with what is written around its name at a call. */
export interface BlockCall extends Pick<BuiltinCall, "arguments" | "span"> {
  readonly dims: readonly BracketItem[];
  readonly at: Path | undefined;
}

type Block = Definition & { readonly kind: "block" };

/** The value of a block for these arguments; `several` if it returns several. */
export function callBlock(body: Body, block: Block, call: BlockCall, use: Use): Value {
  const { declaration } = block;
  const sizes = dimsOf(body, declaration, call);
  const given = matchArguments(body, declaration, call.arguments, call.span);
  const prefix = instancePrefix(body, call.at);
  const actuals = given && tensorsOf(body, given);
  if (sizes === undefined || given === undefined || prefix === undefined) return unknown;
  if (actuals === undefined) return unknown;
  const wanted = wantedAxes(declaration, actuals, use);
  const avoid = avoidedAxes(body, actuals, wanted);
  const trail = body.mode === "instance" ? [...body.scope.calls, call.span] : [];
  const lifted = liftedAxes(actuals);
  const options = { owner: declaration, prefix, calls: trail, avoid, wanted, lifted };
  const inner: Body = { ...body, scope: newScope(body.program, block.file, options) };
  for (const [name, size] of sizes) inner.scope.sizes.set(name, size);
  if (!unify(body, inner, declaration, actuals, call.span)) return unknown;
  if (!defaultDims(body, inner, declaration, call.span)) return unknown;
  if (!bindPlain(body, inner, given)) return unknown;
  if (body.mode === "generic") return applySignature(body, inner, block, call.span);
  const { scope } = inner;
  const instance: BlockInstance = {
    block: declaration.name.text,
    path: prefix[0] ?? "",
    call: call.span,
    caller: body.scope.instance,
    formals: new Map(actuals.map(({ parameter, value }) => [value.id, parameter.name.text])),
  };
  const running = { ...inner, scope: { ...scope, instance } };
  return runBody(body, running, declaration, wanted, call.span);
}

/** The dims in brackets: by position, or by name. */
function dimsOf(
  body: Body,
  declaration: BlockDeclaration,
  call: BlockCall,
): ReadonlyMap<string, Dimension> | undefined {
  const sizes = new Map<string, Dimension>();
  const positional = declaration.dims.values();
  for (const item of call.dims) {
    if (item.kind === "rename" || (item.kind === "select" && item.padded)) {
      report(body, wrongDim(declaration, item.span, undefined));
      return undefined;
    }
    const name = item.kind === "select" ? item.axis.text : positional.next().value?.name.text;
    const isKnown = declaration.dims.some((dim) => dim.name.text === name);
    if (name === undefined || !isKnown || sizes.has(name)) {
      report(body, wrongDim(declaration, item.span, item.kind === "select" ? name : undefined));
      return undefined;
    }
    const size = sizeOf(body, item.value);
    if (size === undefined) return undefined;
    sizes.set(name, size);
  }
  return sizes;
}

function wrongDim(
  declaration: BlockDeclaration,
  span: Span,
  name: string | undefined,
): ReturnType<typeof error> {
  const names = declaration.dims.map((dim) => dim.name.text);
  const list = names.map((each) => `\`${each}\``).join(", ");
  return error("call/dims", {
    message:
      name === undefined
        ? `\`${declaration.name.text}\` does not take this in brackets`
        : `\`${declaration.name.text}\` has no dim \`${name}\`, or it is given twice`,
    at: { span, note: "" },
    also: [{ span: declaration.name.span, note: "declared here" }],
    hint:
      (name === undefined ? undefined : didYouMean(name, names)) ??
      (names.length === 0 ? "it has no dims" : `its dims are ${list}`),
  });
}

/** The tensors among the arguments, each with its formal; nothing if one of them is wrong. */
function tensorsOf(body: Body, given: readonly Given[]): readonly Actual[] | undefined {
  const actuals: Actual[] = [];
  let isBad = false;
  for (const { parameter, argument } of given) {
    if (parameter.type?.kind !== "shape") continue;
    const expr = argument?.value ?? parameter.value;
    const value = expr && tensorOf(body, expr, `\`${parameter.name.text}\``);
    if (value === undefined || expr === undefined) isBad = true;
    else actuals.push({ parameter, type: parameter.type, value, span: expr.span });
  }
  return isBad ? undefined : actuals;
}

/** Axes that only the result has, with what the caller expects in their places. */
function wantedAxes(
  declaration: BlockDeclaration,
  actuals: readonly Actual[],
  use: Use,
): ReadonlyMap<string, Wanted> {
  const formal = new Set(actuals.flatMap(({ type }) => type.axes.map((axis) => axis.name.text)));
  const wanted = new Map<string, Wanted>();
  for (const [index, result] of declaration.results.entries()) {
    if (result.kind !== "shape") continue;
    const expected = index === 0 ? use.expected : undefined;
    const shift = (expected?.length ?? 0) - result.axes.length;
    for (const [place, { name }] of result.axes.entries()) {
      if (formal.has(name.text) || wanted.has(name.text)) continue;
      wanted.set(name.text, expected?.[place + shift] ?? { label: name.text });
    }
  }
  return wanted;
}

/** What a local axis of the callee must not be: all that came in, and what its results may meet. */
function avoidedAxes(
  body: Body,
  actuals: readonly Actual[],
  wanted: ReadonlyMap<string, Wanted>,
): Set<AxisName> {
  const avoid = new Set(actuals.flatMap(({ value }) => value.axes));
  if ([...wanted.values()].some((each) => each.axis === undefined)) {
    for (const axis of visibleAxes(body)) avoid.add(axis);
  }
  return avoid;
}

/** Dims that are neither given nor met in a formal take their defaults. */
function defaultDims(body: Body, inner: Body, declaration: BlockDeclaration, span: Span): boolean {
  for (const dim of declaration.dims) {
    const { sizes } = inner.scope;
    if (!sizes.has(dim.name.text)) {
      const wanted = inner.scope.wanted.get(dim.name.text)?.axis;
      const size = dim.value === undefined ? sizeOfAxis(body, wanted) : sizeOf(inner, dim.value);
      if (size === undefined && dim.value !== undefined) return false;
      if (size === undefined) {
        fail(body, "call/dims", {
          message: `nothing says how large \`${dim.name.text}\` of \`${declaration.name.text}\` is`,
          at: { span, note: "" },
          also: [{ span: dim.span, note: "has no default" }],
          hint: `write \`${declaration.name.text}[${dim.name.text} = …](…)\``,
        });
        return false;
      }
      sizes.set(dim.name.text, size);
    }
    const value = sizes.get(dim.name.text);
    const known = value && asReal({ kind: "number", whole: true, size: value });
    if (dim.from !== undefined && known !== undefined) {
      checkConfig(body, dim.from.text, known, dim.span);
    }
  }
  return true;
}

function sizeOfAxis(body: Body, axis: AxisName | undefined): Dimension | undefined {
  return axis === undefined ? undefined : body.axes.size(axis);
}

/** Binds every formal that is no tensor. */
function bindPlain(body: Body, inner: Body, given: readonly Given[]): boolean {
  let isGood = true;
  for (const each of given) {
    if (each.parameter.type?.kind === "shape") continue;
    const value = plainValue(body, inner, each);
    if (value.kind === "unknown") isGood = false;
    inner.scope.values.set(each.parameter.name.text, value);
  }
  return isGood;
}

/** Runs the body and gives its results under the caller's axes. */
function runBody(
  body: Body,
  inner: Body,
  declaration: BlockDeclaration,
  wanted: ReadonlyMap<string, Wanted>,
  span: Span,
): Value {
  sizesFromCaller(body, inner, wanted);
  inner.interpreter.run(inner, declaration.body);
  const returned = inner.scope.returned ?? [];
  const values = returned.map((value, index) =>
    value.kind === "tensor"
      ? toCaller(body, inner, value, declaration.results[index], span)
      : value,
  );
  const [only, more] = values;
  if (only === undefined) return unknown;
  return more === undefined ? only : { kind: "several", values };
}

/** Axes that the caller sizes have those sizes from the start. */
function sizesFromCaller(body: Body, inner: Body, wanted: ReadonlyMap<string, Wanted>): void {
  for (const [label, { axis }] of wanted) {
    if (axis !== undefined && !inner.scope.sizes.has(label)) {
      inner.scope.sizes.set(label, body.axes.size(axis));
    }
  }
}

/** A result with its own axes as the caller calls them; those without a name are the caller's to bind. */
function toCaller(
  body: Body,
  inner: Body,
  value: Tensor,
  type: BlockDeclaration["results"][number] | undefined,
  span: Span,
): Tensor {
  if (type?.kind !== "shape") return value;
  let result = value;
  for (const { name } of type.axes) {
    const wanted = inner.scope.wanted.get(name.text);
    const axis = inner.scope.labels.get(name.text);
    if (wanted === undefined || axis === undefined) continue;
    if (wanted.axis === undefined) body.scope.avoid.add(axis);
    else if (
      requireSize(body, span, name.text, body.axes.size(axis), body.axes.size(wanted.axis))
    ) {
      result = rename(body, result, axis, wanted.axis, span);
    }
  }
  return result;
}
