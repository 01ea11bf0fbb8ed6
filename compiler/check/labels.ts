/** Capital names: from the label that a body writes to the axis of the graph that it means there. */

import type { AxisExpr, Name, TypeExpr } from "../../grammar/ast.ts";
import { type Diagnostic, didYouMean, error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName } from "../op/axis.ts";
import { type Dimension, equalDimensions, symbol } from "../op/dimension.ts";
import type { AxisWish } from "./axis-table.ts";
import { compare } from "./condition.ts";
import { type Body, demand, report } from "./context.ts";
import { givenAxis } from "./given.ts";
import { requireGrowing } from "./measured.ts";
import { sizeOf } from "./number.ts";
import type { Tensor } from "./value.ts";

/** The type of a tensor as a shape is written. */
export type Shape = TypeExpr & { readonly kind: "shape" };

/** A list of axes as the body would write it, e.g. `[S, D]`. */
export function showAxes(body: Body, axes: readonly AxisName[]): string {
  return `[${axes.map((axis) => showAxis(body, axis)).join(", ")}]`;
}

/** The name of an axis in this body, else the label it was made with. */
export function showAxis(body: Body, axis: AxisName): string {
  for (const [label, bound] of body.scope.labels) if (bound === axis) return label;
  return body.axes.get(axis).label;
}

/** The axis that `name` means, made if it is a dim; reports and gives nothing if it is neither. */
export function axisOf(body: Body, name: Name): AxisName | undefined {
  // A label that ends in `.given` has been reported where it means nothing.
  if (name.text.endsWith(".given")) return findAxis(body, name);
  return findAxis(body, name) ?? unknownAxis(body, name);
}

/** As `axisOf`, but an unknown name is not a mistake. */
export function findAxis(body: Body, name: Name): AxisName | undefined {
  const { labels, sizes, wanted, sizedByCaller } = body.scope;
  const bound = labels.get(name.text);
  if (bound !== undefined) return bound;
  if (name.text.endsWith(".given")) return givenAxis(body, name);
  const size = sizes.get(name.text);
  if (size !== undefined) return newAxis(body, name, { label: name.text, size });
  if (body.mode === "generic" && wanted.has(name.text)) {
    sizedByCaller.add(name.text);
    sizes.set(name.text, symbol(name.text));
    return newAxis(body, name, { label: name.text, size: symbol(name.text) });
  }
  return undefined;
}

/** Whether nothing in this body has the name yet. */
export function isNewLabel(body: Body, name: Name): boolean {
  return !body.scope.labels.has(name.text) && !body.scope.sizes.has(name.text);
}

/**
 * Makes the axis that `name` is from here on. If the name has a size already, the axis must have it;
 * if a caller has an axis in mind for it, that one is taken, unless it came in with an argument.
 */
export function newAxis(body: Body, name: Name, wish: AxisWish): AxisName {
  const { labels, sizes, places, wanted, avoid } = body.scope;
  const known = sizes.get(name.text);
  if (known !== undefined) requireSize(body, name.span, name.text, wish.size, known);
  requireGrowing(body, name.text, wish.size, name.span);
  const caller = wanted.get(name.text);
  const axis =
    caller?.axis !== undefined && !avoid.has(caller.axis)
      ? callerAxis(body, name, wish, caller.axis)
      : body.axes.intern({ ...wish, label: caller?.label ?? wish.label }, avoid);
  labels.set(name.text, axis);
  sizes.set(name.text, body.axes.size(axis));
  if (!places.has(name.text)) places.set(name.text, name.span);
  return axis;
}

function callerAxis(body: Body, name: Name, wish: AxisWish, axis: AxisName): AxisName {
  requireSize(body, name.span, name.text, wish.size, body.axes.size(axis));
  return axis;
}

/** Requires two sizes that a body equates to be equal. */
export function requireSize(
  body: Body,
  span: Span,
  what: string,
  size: Dimension,
  wanted: Dimension,
): boolean {
  if (equalDimensions(size, wanted)) return true;
  return demand(body, compare(size, "==", wanted), (show) =>
    error("dim/differs", {
      message: `\`${what}\` is ${show(wanted)}, but here it would be ${show(size)}`,
      at: { span, note: `${show(size)}, not ${show(wanted)}` },
      also: placeOf(body, what),
      hint: `give this axis a name of its own, or change \`${what}\``,
    }),
  );
}

/** A label at the place where `name` was bound, if that is known. */
function placeOf(body: Body, name: string): { span: Span; note: string }[] {
  const span = body.scope.places.get(name);
  return span === undefined ? [] : [{ span, note: `\`${name}\` is from here` }];
}

/** Reports a capital name that is neither a dim nor an axis, unless its declaration was reported. */
export function unknownAxis(body: Body, name: Name): undefined {
  if (!body.scope.broken.has(name.text)) report(body, unknownCapital(body, name));
  return undefined;
}

/** Marks a name whose declaration has a mistake. */
export function breakLabel(body: Body, label: string): void {
  if (!body.scope.labels.has(label) && !body.scope.sizes.has(label)) body.scope.broken.add(label);
}

function unknownCapital(body: Body, name: Name): Diagnostic {
  const names = [...new Set([...body.scope.labels.keys(), ...body.scope.sizes.keys()])];
  return error("name/unknown", {
    message: `there is no axis or dim \`${name.text}\` here`,
    at: { span: name.span, note: "" },
    hint:
      didYouMean(name.text, names) ??
      (names.length === 0
        ? `declare it in brackets: \`[${name.text}]\``
        : `known here are ${names.map((each) => `\`${each}\``).join(", ")}`),
  });
}

/** The axes of a declared shape, `..` left out; nothing if one of them is unknown. */
export function axesOfShape(body: Body, shape: Shape): readonly AxisName[] | undefined {
  const axes = shape.axes.map((item) => axisOfItem(body, item));
  if (!distinctLabels(body, shape)) return undefined;
  const found = axes.filter((axis) => axis !== undefined);
  return found.length === axes.length ? found : undefined;
}

/** The axis of `S` or `Row = Size`; the latter binds the name if it is new. */
function axisOfItem(body: Body, item: AxisExpr): AxisName | undefined {
  if (item.size === undefined) return axisOf(body, item.name);
  const size = sizeOf(body, item.size);
  if (size === undefined) return undefined;
  if (isNewLabel(body, item.name)) {
    return newAxis(body, item.name, { label: item.name.text, size });
  }
  const axis = axisOf(body, item.name);
  if (axis !== undefined) {
    requireSize(body, item.span, item.name.text, size, body.axes.size(axis));
  }
  return axis;
}

/** Reports a shape that has an axis twice: `[D, D]` would not say which is which. */
export function distinctLabels(body: Body, shape: Shape): boolean {
  const seen = new Map<string, AxisExpr>();
  for (const item of shape.axes) {
    const first = seen.get(item.name.text);
    seen.set(item.name.text, item);
    if (first === undefined) continue;
    report(
      body,
      error("shape/repeated", {
        message: `the axis \`${item.name.text}\` stands twice in one shape`,
        at: { span: item.span, note: "" },
        also: [{ span: first.span, note: "first here" }],
        hint: `name one of them anew: \`Other = ${item.name.text}\`, then \`[${item.name.text}, Other]\``,
      }),
    );
    return false;
  }
  return true;
}

/** All axes that values of this body have or that it has names for: what a new axis must not be. */
export function visibleAxes(body: Body): Set<AxisName> {
  const { labels, values, avoid, weights } = body.scope;
  const seen = new Set([...avoid, ...labels.values()]);
  const add = (tensor: Pick<Tensor, "axes">): void => {
    for (const axis of tensor.axes) seen.add(axis);
  };
  for (const value of values.values()) if (value.kind === "tensor") add(value);
  for (const { axes } of weights.values()) if (axes !== undefined) add({ axes });
  return seen;
}
