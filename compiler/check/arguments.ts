/** Arguments of the functions of the language: positions, labels, and the axes after `over`. */

import type { Argument, Expr, Name } from "../../grammar/ast.ts";
import { didYouMean, error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName } from "../op/axis.ts";
import { constant, type Dimension } from "../op/dimension.ts";
import { type Body, evaluate, fail, report, type Use } from "./context.ts";
import { emit } from "./emit.ts";
import { axisOf, newAxis, showAxes, visibleAxes } from "./labels.ts";
import { describe, type Tensor } from "./value.ts";

/** A call of a function of the language. */
export interface BuiltinCall {
  readonly name: string;
  readonly arguments: readonly Argument[];
  readonly span: Span;
  /** The name of the function, where it is written. */
  readonly nameSpan: Span;
}

/** Arguments by position and by label. */
export interface Sorted {
  readonly positional: readonly Argument[];
  readonly labelled: ReadonlyMap<string, Argument>;
}

/** The text of a label that is one word. */
export function labelOf(argument: Argument): string | undefined {
  return argument.label?.kind === "name" ? argument.label.text : undefined;
}

/**
 * Sorts a call's arguments; `usage` shows how it is called. Reports too few or too many, and labels
 * it does not have.
 */
export function sortArguments(
  body: Body,
  call: BuiltinCall,
  count: number | { readonly least: number; readonly most: number },
  labels: readonly string[],
  usage: string,
): Sorted | undefined {
  const { least, most } = typeof count === "number" ? { least: count, most: count } : count;
  const positional = call.arguments.filter((argument) => argument.label === undefined);
  const labelled = new Map<string, Argument>();
  for (const argument of call.arguments) {
    if (argument.label === undefined) continue;
    const label = labelOf(argument) ?? "";
    if (labels.includes(label) && !labelled.has(label)) labelled.set(label, argument);
    else return void report(body, wrongLabel(call, argument, labels, usage));
  }
  if (positional.length >= least && positional.length <= most) return { positional, labelled };
  report(
    body,
    error("call/arguments", {
      message: `\`${call.name}\` takes ${least === most ? "" : `${least} to `}${counted(most, "value")}, not ${positional.length}`,
      at: { span: call.span, note: "" },
      hint: `write \`${usage}\``,
    }),
  );
  return undefined;
}

/** `1 value`, `2 values`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function wrongLabel(
  call: BuiltinCall,
  argument: Argument,
  labels: readonly string[],
  usage: string,
): ReturnType<typeof error> {
  const label = labelOf(argument);
  const repeated = label !== undefined && labels.includes(label);
  return error("call/label", {
    message: repeated
      ? `\`${label}\` is given twice`
      : `\`${call.name}\` has no argument of this name`,
    at: { span: argument.label?.span ?? argument.span, note: "" },
    hint: (label === undefined ? undefined : didYouMean(label, labels)) ?? `write \`${usage}\``,
  });
}

/** The tensor that an argument is; reports anything else. */
export function tensorOf(body: Body, expr: Expr, what: string, use: Use = {}): Tensor | undefined {
  const value = evaluate(body, expr, use);
  if (value.kind === "tensor") return value;
  if (value.kind !== "unknown") {
    fail(body, "type/tensor", {
      message: `${what} takes a tensor, this is ${describe(value)}`,
      at: { span: expr.span, note: "" },
      hint: value.kind === "several" ? "bind its values first: `a, b = …`" : "give a tensor",
    });
  }
  return undefined;
}

/** The axes after `over`, all of which `x` has; `T.given` narrows `x` to those rows. */
export function overAxes(
  body: Body,
  x: Tensor,
  over: readonly Name[],
  span: Span,
): { x: Tensor; axes: readonly AxisName[] } | undefined {
  let narrowed = x;
  const axes: AxisName[] = [];
  for (const name of over) {
    const axis = axisOf(body, name);
    if (axis === undefined) return undefined;
    narrowed = narrowToGiven(body, narrowed, axis, span);
    if (!narrowed.axes.includes(axis)) return void report(body, lacksAxis(body, name, x, span));
    axes.push(axis);
  }
  return { x: narrowed, axes };
}

/** `x` restricted to given rows, where `axis` is the given part of one of its axes. */
export function narrowToGiven(body: Body, x: Tensor, axis: AxisName, span: Span): Tensor {
  const { lineage } = body.axes.get(axis);
  if (lineage.kind !== "segment" || lineage.segment !== "given") return x;
  if (x.axes.includes(axis) || !x.axes.includes(lineage.of)) return x;
  const op = { kind: "slice", axis: lineage.of, start: constant(0), into: axis } as const;
  return emit(body, op, [x], span, x.range);
}

/** A diagnostic for an axis that a tensor does not have. */
export function lacksAxis(body: Body, name: Name, x: Tensor, span: Span): ReturnType<typeof error> {
  const labels = x.axes.map((axis) => showAxes(body, [axis]).slice(1, -1));
  const isNamesake = labels.includes(name.text);
  return error("shape/axis", {
    message: `there is no axis \`${name.text}\` in ${showAxes(body, x.axes)}`,
    at: { span: name.span, note: "" },
    also: [{ span, note: showAxes(body, x.axes) }],
    hint:
      (isNamesake
        ? `that \`${name.text}\` is another axis: give the value its shape where it is bound, \`x: ${showAxes(body, x.axes)} = …\``
        : didYouMean(name.text, labels)) ??
      (labels.length === 0
        ? "a scalar has no axes"
        : `its axes are ${labels.map((each) => `\`${each}\``).join(", ")}`),
  });
}

/** Reports a result that would have an axis twice: `gone` axes of `x` replaced by `fresh` ones. */
export function repeatsAxis(
  body: Body,
  x: Tensor,
  gone: readonly AxisName[],
  fresh: readonly AxisName[],
  span: Span,
): boolean {
  const kept = x.axes.filter((axis) => !gone.includes(axis));
  const all = [...kept, ...fresh];
  const twice = all.find((axis, index) => all.indexOf(axis) !== index);
  if (twice === undefined) return false;
  const name = showAxes(body, [twice]).slice(1, -1);
  fail(body, "shape/repeated", {
    message: `the result would have the axis \`${name}\` twice`,
    at: { span, note: "" },
    hint: `choose a name that is no axis of the tensor, or rename one first: \`x[${name} as Other]\``,
  });
  return true;
}

/**
 * The axis of a result that an operation makes: the one an annotation names at `index` of `count`
 * axes, else a fresh one called `fallback`.
 */
export function resultAxis(
  body: Body,
  use: Use,
  place: { readonly index: number; readonly count: number },
  fallback: string,
  size: Dimension,
  span: Span,
): AxisName {
  const expected = use.expected?.length === place.count ? use.expected[place.index] : undefined;
  if (expected?.axis !== undefined && body.axes.size(expected.axis).key === size.key) {
    return expected.axis;
  }
  if (expected !== undefined && expected.axis === undefined) {
    return newAxis(body, { text: expected.label, span }, { label: expected.label, size });
  }
  const axis = body.axes.intern({ label: fallback, size }, visibleAxes(body));
  body.scope.avoid.add(axis);
  return axis;
}
