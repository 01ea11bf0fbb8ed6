/** Formal shapes and the tensors given for them: by position, trailing ones where `..` lifts. */

import type { BlockDeclaration, Parameter } from "../../grammar/ast.ts";
import { didYouMean, error, type Label } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import { union } from "../graph/result-type.ts";
import type { AxisName } from "../op/axis.ts";
import { type Dimension, equalDimensions } from "../op/dimension.ts";
import { compare } from "./condition.ts";
import { type Body, demand, fail, report } from "./context.ts";
import { type Shape, showAxes, showAxis } from "./labels.ts";
import { sizeOf } from "./number.ts";
import type { Tensor } from "./value.ts";

/** A tensor with the formal that it is given for. */
export interface Actual {
  readonly parameter: Parameter;
  readonly type: Shape;
  readonly value: Tensor;
  readonly span: Span;
}

/** The axes that `..` stands for in a call, in order of appearance. */
export function liftedAxes(actuals: readonly Actual[]): readonly AxisName[] {
  return union(
    actuals.flatMap(({ type, value }) =>
      type.lifts ? [value.axes.slice(0, Math.max(0, value.axes.length - type.axes.length))] : [],
    ),
  );
}

/** Binds every formal axis to the axis of its argument; reports what does not fit. */
export function unify(
  body: Body,
  inner: Body,
  declaration: BlockDeclaration,
  actuals: readonly Actual[],
  span: Span,
): boolean {
  let isGood = true;
  const firsts = new Map<string, Actual>();
  for (const actual of actuals) {
    inner.scope.values.set(actual.parameter.name.text, actual.value);
    if (!fitsShape(body, declaration, actual)) isGood = false;
    else if (!bindAxes(body, inner, declaration, actual, firsts, span)) isGood = false;
  }
  return isGood;
}

function showFormal({ type }: Actual): string {
  const axes = type.axes.map((axis) => axis.name.text);
  const element = type.element === "float" ? "" : type.element;
  return `${element}[${[...(type.lifts ? [".."] : []), ...axes].join(", ")}]`;
}

function declared(declaration: BlockDeclaration, actual: Actual): Label {
  return {
    span: actual.parameter.span,
    note: `\`${declaration.name.text}\` takes ${showFormal(actual)}`,
  };
}

function fitsShape(body: Body, declaration: BlockDeclaration, actual: Actual): boolean {
  const { type, value, span } = actual;
  const element = type.element === "token" ? "int" : type.element;
  const extra = value.axes.length - type.axes.length;
  if (value.element !== element) {
    fail(body, "type/argument", {
      message: `\`${declaration.name.text}\` takes ${element}s here, not ${value.element}s`,
      at: { span, note: `${value.element}${showAxes(body, value.axes)}` },
      also: [declared(declaration, actual)],
      hint: element === "float" ? "convert it: `float(…)`" : `give ${element}s`,
    });
    return false;
  }
  if (extra === 0 || (extra > 0 && type.lifts)) return true;
  fail(body, "shape/argument", {
    message: `\`${declaration.name.text}\` takes a tensor over ${showFormal(actual)}, this has ${value.axes.length === 1 ? "one axis" : `${value.axes.length} axes`}`,
    at: { span, note: showAxes(body, value.axes) },
    also: [declared(declaration, actual)],
    hint:
      extra > 0
        ? "merge axes, or let the block lift: `[.., D]`"
        : "give a tensor that has these axes",
  });
  return false;
}

function bindAxes(
  body: Body,
  inner: Body,
  declaration: BlockDeclaration,
  actual: Actual,
  firsts: Map<string, Actual>,
  span: Span,
): boolean {
  const { type, value } = actual;
  const own = value.axes.slice(value.axes.length - type.axes.length);
  return type.axes.every((item, index) => {
    const axis = own[index];
    if (axis === undefined) return false;
    const label = item.name.text;
    const bound = inner.scope.labels.get(label);
    if (bound !== undefined && bound !== axis) {
      return otherAxis(body, declaration, actual, label, axis, bound, firsts.get(label));
    }
    firsts.set(label, actual);
    inner.scope.labels.set(label, axis);
    const size = body.axes.size(axis);
    const given = inner.scope.sizes.get(label);
    inner.scope.sizes.set(label, size);
    const wanted = item.size === undefined ? given : (sizeOf(inner, item.size) ?? given);
    if (wanted !== undefined && !sameSize(body, declaration, actual, label, size, wanted, span)) {
      return false;
    }
    const { segments } = item;
    return (
      segments === undefined ||
      segments.every((name) => hasSegment(body, declaration, actual, axis, name.text))
    );
  });
}

function otherAxis(
  body: Body,
  declaration: BlockDeclaration,
  actual: Actual,
  label: string,
  axis: AxisName,
  bound: AxisName,
  first: Actual | undefined,
): boolean {
  fail(body, "shape/argument", {
    message: `\`${label}\` of \`${declaration.name.text}\` would be both \`${showAxis(body, bound)}\` and \`${showAxis(body, axis)}\``,
    at: { span: actual.span, note: showAxes(body, actual.value.axes) },
    also: [
      ...(first === undefined || first === actual
        ? []
        : [{ span: first.span, note: showAxes(body, first.value.axes) }]),
      declared(declaration, actual),
    ],
    hint: `give tensors over one axis, or rename: \`x[${showAxis(body, axis)} as ${showAxis(body, bound)}]\``,
  });
  return false;
}

function sameSize(
  body: Body,
  declaration: BlockDeclaration,
  actual: Actual,
  label: string,
  size: Dimension,
  wanted: Dimension,
  span: Span,
): boolean {
  if (equalDimensions(size, wanted)) return true;
  return demand(body, compare(size, "==", wanted), (show) =>
    error("dim/differs", {
      message: `\`${label}\` of \`${declaration.name.text}\` is given as ${show(wanted)}, but the argument has ${show(size)}`,
      at: { span: actual.span, note: `${label} = ${show(size)}` },
      also: [{ span, note: `${label} = ${show(wanted)}` }, declared(declaration, actual)],
      hint: `leave \`${label}\` out of the brackets, or give a tensor of that size`,
    }),
  );
}

function hasSegment(
  body: Body,
  declaration: BlockDeclaration,
  actual: Actual,
  axis: AxisName,
  name: string,
): boolean {
  const names = body.axes.get(axis).segments.map((segment) => segment.name);
  if (names.includes(name)) return true;
  const label = showAxis(body, axis);
  report(
    body,
    error("shape/segment", {
      message: `\`${declaration.name.text}\` asks for a sequence with a segment \`${name}\`, \`${label}\` has none`,
      at: { span: actual.span, note: showAxes(body, actual.value.axes) },
      also: [declared(declaration, actual)],
      hint:
        didYouMean(name, names) ??
        (names.length === 0
          ? `give a value over a sequence: \`join S(${name} = …)\``
          : `its segments are ${names.map((each) => `\`${each}\``).join(", ")}`),
    }),
  );
  return false;
}
