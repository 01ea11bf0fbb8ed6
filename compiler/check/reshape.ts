/** Reshapes: `split`, `merge`, `stack` and `slice`. */

import type { Expr, Name } from "../../grammar/ast.ts";
import { error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName } from "../op/axis.ts";
import { add, constant, type Dimension, divide, productOf, subtract } from "../op/dimension.ts";
import { type BuiltinCall, lacksAxis, repeatsAxis, resultAxis, tensorOf } from "./arguments.ts";
import { compare } from "./condition.ts";
import { type Body, demand, fail, report, type Use } from "./context.ts";
import { type Aligned, alignsWell } from "./elementwise.ts";
import { emit } from "./emit.ts";
import { axisOf, findAxis, isNewLabel, newAxis, requireSize, showAxes } from "./labels.ts";
import { requireWhole, sizeOf } from "./number.ts";
import { hasPositions, recordRows } from "./rows.ts";
import { type Tensor, unknown, type Value } from "./value.ts";

/** The names of `A * B * C`, or nothing if it is no product of names. */
export function factors(expr: Expr): readonly Name[] | undefined {
  if (expr.kind === "name") return [{ text: expr.text, span: expr.span }];
  if (expr.kind !== "binary" || expr.operator !== "*") return undefined;
  const left = factors(expr.left);
  const right = factors(expr.right);
  return left === undefined || right === undefined ? undefined : [...left, ...right];
}

/** The two sides of `E = Pair * Half` or `Pair * Half = E`. */
function equation(
  body: Body,
  call: BuiltinCall,
  usage: string,
):
  | { readonly x: Expr; readonly left: readonly Name[]; readonly right: readonly Name[] }
  | undefined {
  const [first, second, more] = call.arguments;
  const left = second?.label === undefined ? undefined : factors(second.label);
  const right = second === undefined ? undefined : factors(second.value);
  const isWrong = first === undefined || first.label !== undefined || more !== undefined;
  if (isWrong || left === undefined || right === undefined) {
    if (![first?.value, second?.value].some((each) => each?.kind === "missing")) {
      fail(body, "call/arguments", {
        message: `\`${call.name}\` takes a tensor and an equation of axes`,
        at: { span: call.span, note: "" },
        hint: `write \`${usage}\``,
      });
    }
    return undefined;
  }
  return { x: first.value, left, right };
}

/** `split(x, E = Pair * Half)`: one factor's size may be left to follow from the others. */
export function split(body: Body, call: BuiltinCall): Value {
  const found = equation(body, call, "split(x, E = Pair * Half)");
  const [name, more] = found?.left ?? [];
  if (found === undefined || name === undefined) return unknown;
  if (more !== undefined) return wrongSide(body, call, "split(x, E = Pair * Half)");
  if (hasRepeatedFactor(body, found.right)) return unknown;
  const x = tensorOf(body, found.x, "`split`");
  if (x === undefined) return unknown;
  const axis = axisOf(body, name);
  if (axis === undefined) return unknown;
  if (!x.axes.includes(axis)) return absent(body, name, x, found.x.span);
  const into = splitAxes(body, axis, found.right, call.span);
  if (into !== undefined && repeatsAxis(body, x, [axis], into, call.span)) return unknown;
  return into === undefined
    ? unknown
    : emit(body, { kind: "split", axis, into }, [x], call.span, x.range);
}

/** Reports `A * A`: which is which would not be known. */
function hasRepeatedFactor(body: Body, names: readonly Name[]): boolean {
  const texts = names.map((name) => name.text);
  const twice = names.find((name, index) => texts.indexOf(name.text) !== index);
  if (twice === undefined) return false;
  fail(body, "shape/repeated", {
    message: `the axis \`${twice.text}\` stands twice in one product`,
    at: { span: twice.span, note: "" },
    hint: `name one of them anew: \`Other = ${twice.text}\``,
  });
  return true;
}

function wrongSide(body: Body, call: BuiltinCall, usage: string): Value {
  return fail(body, "call/arguments", {
    message: `\`${call.name}\` has its product on the other side`,
    at: { span: call.span, note: "" },
    hint: `write \`${usage}\``,
  });
}

function absent(body: Body, name: Name, x: Tensor, span: Span): Value {
  report(body, lacksAxis(body, name, x, span));
  return unknown;
}

function splitAxes(
  body: Body,
  axis: AxisName,
  names: readonly Name[],
  span: Span,
): readonly AxisName[] | undefined {
  const isUnknown = (name: Name): boolean =>
    isNewLabel(body, name) && !body.scope.wanted.get(name.text)?.axis;
  const open = names.filter(isUnknown);
  const [rest, second] = open;
  if (second !== undefined) {
    fail(body, "dim/unknown", {
      message: "only one factor may be left to follow from the others",
      at: { span: second.span, note: "no size" },
      also: open.slice(0, 1).map((name) => ({ span: name.span, note: "no size" })),
      hint: `give it one above: \`${second.text} = 2\``,
    });
    return undefined;
  }
  const size = body.axes.size(axis);
  const known = names.filter((name) => name !== rest).map((name) => findAxis(body, name));
  const found = known.filter((each) => each !== undefined);
  if (found.length < known.length) return undefined;
  const product = productOf(found.map((each) => body.axes.size(each)));
  if (rest === undefined) {
    if (!requireSize(body, span, names.map((name) => name.text).join(" * "), size, product))
      return undefined;
  } else {
    const quotient = divide(size, product);
    if (!requireWhole(body, quotient, size, product, span)) return undefined;
    newAxis(body, rest, { label: rest.text, size: quotient });
  }
  return names.flatMap((name) => findAxis(body, name) ?? []);
}

/** `merge(x, Pair * Half = E)`, row-major in the order written. */
export function merge(body: Body, call: BuiltinCall, use: Use): Value {
  const usage = "merge(x, Pair * Half = E)";
  const found = equation(body, call, usage);
  const [name, more] = found?.right ?? [];
  if (found === undefined || name === undefined) return unknown;
  if (more !== undefined) return wrongSide(body, call, usage);
  if (hasRepeatedFactor(body, found.left)) return unknown;
  const x = tensorOf(body, found.x, "`merge`", beforeMerge(body, use, found.left, name));
  if (x === undefined) return unknown;
  const axes: AxisName[] = [];
  for (const part of found.left) {
    const axis = axisOf(body, part);
    if (axis === undefined) return unknown;
    if (!x.axes.includes(axis)) return absent(body, part, x, found.x.span);
    axes.push(axis);
  }
  const size = productOf(axes.map((axis) => body.axes.size(axis)));
  const into = isNewLabel(body, name)
    ? newAxis(body, name, { label: name.text, size })
    : axisOf(body, name);
  if (into === undefined) return unknown;
  if (!requireSize(body, name.span, name.text, size, body.axes.size(into))) return unknown;
  if (repeatsAxis(body, x, axes, [into], call.span)) return unknown;
  return emit(body, { kind: "merge", axes, into }, [x], call.span, x.range);
}

/** An annotation of the merged shape says what the shape before has, up to the merged axis. */
function beforeMerge(body: Body, use: Use, parts: readonly Name[], into: Name): Use {
  if (use.expected === undefined) return {};
  const expected = use.expected.flatMap((each) => {
    if (each.label !== into.text) return [each];
    return parts.map((part) => {
      const axis = body.scope.labels.get(part.text);
      return { label: part.text, ...(axis === undefined ? {} : { axis }) };
    });
  });
  return { expected };
}

/** `stack(Pair = [a, b])`: a new first axis of as many tensors. */
export function stack(body: Body, call: BuiltinCall): Value {
  const [argument, more] = call.arguments;
  const label = argument?.label;
  if (
    argument === undefined ||
    more !== undefined ||
    label?.kind !== "name" ||
    argument.value.kind !== "list"
  ) {
    return fail(body, "call/arguments", {
      message: "`stack` takes a new axis and a list of tensors",
      at: { span: call.span, note: "" },
      hint: "write `stack(Pair = [a, b])`",
    });
  }
  const parts: Aligned[] = [];
  for (const item of argument.value.items) {
    const value = tensorOf(body, item, "`stack`");
    if (value === undefined) return unknown;
    parts.push({ value, span: item.span });
  }
  if (!sameElements(body, parts, "stack") || !alignsWell(body, parts, {}, "stack")) return unknown;
  const name = { text: label.text, span: label.span };
  const size = constant(parts.length);
  const into = isNewLabel(body, name)
    ? newAxis(body, name, { label: name.text, size })
    : axisOf(body, name);
  if (into === undefined || !requireSize(body, name.span, name.text, size, body.axes.size(into)))
    return unknown;
  const all = parts.map((part) => part.value);
  if (all.some((part) => repeatsAxis(body, part, [], [into], call.span))) return unknown;
  return emit(body, { kind: "stack", into }, all, call.span);
}

/** Reports tensors of different element types, which `what` cannot put together. */
export function sameElements(body: Body, parts: readonly Aligned[], what: string): boolean {
  const [first, ...others] = parts;
  const odd = others.find((part) => part.value.element !== first?.value.element);
  if (first === undefined || odd === undefined) return first !== undefined;
  fail(body, "type/mixed", {
    message: `\`${what}\` takes tensors of one element type`,
    at: { span: odd.span, note: odd.value.element },
    also: [{ span: first.span, note: first.value.element }],
    hint: "convert one side: `float(…)`",
  });
  return false;
}

/** `slice(x, Row = 1, Rest)`: rows from `start`, as many as the axis `Rest` has, else all that follow. */
export function slice(body: Body, call: BuiltinCall, use: Use): Value {
  const usage = "slice(x, Row = 1, Rest)";
  const [first, second, third, more] = call.arguments;
  const label = second?.label;
  const into = third?.value;
  const isWrong = first?.label !== undefined || third?.label !== undefined || more !== undefined;
  if (
    first === undefined ||
    second === undefined ||
    isWrong ||
    label?.kind !== "name" ||
    (into !== undefined && into.kind !== "name")
  ) {
    return fail(body, "call/arguments", {
      message: "`slice` takes a tensor, an axis with its first row, and an axis of as many rows",
      at: { span: call.span, note: "" },
      hint: `write \`${usage}\``,
    });
  }
  const x = tensorOf(body, first.value, "`slice`");
  const start = sizeOf(body, second.value);
  const name = { text: label.text, span: label.span };
  const axis = x && axisOf(body, name);
  if (x === undefined || start === undefined || axis === undefined) return unknown;
  if (!x.axes.includes(axis)) return absent(body, name, x, first.value.span);
  const rest = subtract(body.axes.size(axis), start);
  const target = into && { text: into.text, span: into.span };
  const place = { index: x.axes.indexOf(axis), count: x.axes.length };
  const result = targetAxis(body, target, rest, place, call.span, use);
  if (result === undefined || !isInside(body, axis, start, result, call.span)) return unknown;
  if (repeatsAxis(body, x, [axis], [result], call.span)) return unknown;
  if (hasPositions(body, axis)) recordRows(body, result, { kind: "slice", from: axis, start });
  return emit(body, { kind: "slice", axis, start, into: result }, [x], call.span, x.range);
}

function targetAxis(
  body: Body,
  name: Name | undefined,
  rest: Dimension,
  place: { readonly index: number; readonly count: number },
  span: Span,
  use: Use,
): AxisName | undefined {
  if (name === undefined) return resultAxis(body, use, place, "Rest", rest, span);
  if (!isNewLabel(body, name)) return axisOf(body, name);
  return newAxis(body, name, { label: name.text, size: rest });
}

function isInside(
  body: Body,
  axis: AxisName,
  start: Dimension,
  into: AxisName,
  span: Span,
): boolean {
  const end = add(start, body.axes.size(into));
  const condition = {
    kind: "and",
    operands: [
      compare(constant(0), "<=", start),
      compare(start, "<=", body.axes.size(axis)),
      compare(end, "<=", body.axes.size(axis)),
    ],
  } as const;
  return demand(body, condition, (show) =>
    error("shape/range", {
      message: `the slice does not stay inside \`${showAxes(body, [axis]).slice(1, -1)}\``,
      at: { span, note: `rows ${show(start)} to ${show(subtract(end, constant(1)))}` },
      hint: "start earlier, or take fewer rows",
    }),
  );
}
