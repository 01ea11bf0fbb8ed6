/** `weight`, `path` and `tie`: stored tensors by the names that the checkpoint gives them. */

import type { Path, Statement } from "../../grammar/ast.ts";
import { didYouMean, error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant } from "../op/dimension.ts";
import { type Body, type DeclaredWeight, demand, fail } from "./context.ts";
import { emit, placeholder, rename } from "./emit.ts";
import { axesOfShape, showAxes, showAxis } from "./labels.ts";
import { joinPath, type ResolvedPath, resolvePath } from "./paths.ts";
import { type Tensor, unknown, type Value } from "./value.ts";

type WeightStatement = Statement & { readonly kind: "weight" };
type PathStatement = Statement & { readonly kind: "path" };
type TieStatement = Statement & { readonly kind: "tie" };

/** Declares a stored tensor; its path is its name in the body. */
export function declareWeight(body: Body, statement: WeightStatement): void {
  const path = resolvePath(body, statement.path);
  const key = path?.key ?? keyOf(statement.path);
  const axes = path && weightAxes(body, statement, path);
  const read =
    path === undefined || axes === undefined
      ? (): Value => unknown
      : (): Value => storedTensor(body, path, axes, statement.span);
  body.scope.weights.set(key, { axes, read, isRead: false });
  body.scope.places.set(key, statement.path.span);
}

/** The tensor of a declared weight, which is part of the graph from then on. */
export function readWeight(weight: DeclaredWeight | undefined): Value | undefined {
  if (weight === undefined) return undefined;
  weight.isRead = true;
  return weight.read();
}

function keyOf(path: Path): string {
  return path.parts.map((part) => (part.kind === "word" ? part.text : "?")).join(".");
}

function weightAxes(
  body: Body,
  { type, span }: WeightStatement,
  path: ResolvedPath,
): readonly AxisName[] | undefined {
  if (type.kind !== "shape" || type.element !== "float" || type.lifts) {
    fail(body, "type/weight", {
      message: "a weight has a shape of floats",
      at: { span: type.span, note: "" },
      hint: "write `weight name: [Out, In]`",
    });
    return undefined;
  }
  const own = axesOfShape(body, type);
  if (own === undefined) return undefined;
  const axes = path.stacked === undefined ? own : [path.stacked, ...own];
  for (const axis of axes) {
    const isFixed = demand(body, { kind: "fixed", size: body.axes.size(axis) }, () =>
      error("shape/weight", {
        message: `the size of \`${showAxis(body, axis)}\` changes from run to run, a weight's cannot`,
        at: { span: type.span, note: "" },
        hint: "give weights axes of constant size",
      }),
    );
    if (!isFixed) return undefined;
  }
  return isSameShape(body, path, axes, span) ? axes : undefined;
}

/** Declaring a path again must give it the same sizes. */
function isSameShape(
  body: Body,
  path: ResolvedPath,
  axes: readonly AxisName[],
  span: Span,
): boolean {
  if (body.mode === "generic") return true;
  const name = shownName(body, path);
  const known = body.weights.get(name);
  if (known === undefined) {
    body.weights.set(name, { axes, span });
    return true;
  }
  if (sizesOf(body, known.axes) === sizesOf(body, axes)) return true;
  fail(body, "path/shape", {
    message: `\`${name}\` is declared twice with different shapes`,
    at: { span, note: sizesOf(body, axes) },
    also: [{ span: known.span, note: sizesOf(body, known.axes) }],
    hint: "one stored tensor has one shape: give one of them another path",
  });
  return false;
}

/** The tensor of a path, under the axes of this declaration. */
function storedTensor(
  body: Body,
  path: ResolvedPath,
  axes: readonly AxisName[],
  span: Span,
): Tensor {
  if (body.mode === "generic") return placeholder(body, "float", axes, span);
  const name = shownName(body, path);
  const first = body.weights.get(name)?.axes ?? axes;
  body.graph.addWeight({ name, alternatives: fullNames(body, path), axes: first });
  const tensor = emit(body, { kind: "weight", name }, [], span);
  return renamed(body, tensor, axes, span);
}

function sizesOf(body: Body, axes: readonly AxisName[]): string {
  return `[${axes.map((axis) => body.axes.size(axis).key).join(", ")}]`;
}

/** `tensor` with its axes under other names, all at once. */
function renamed(body: Body, tensor: Tensor, axes: readonly AxisName[], span: Span): Tensor {
  // A name that is still in use as an old one is freed by a detour.
  let result = tensor;
  for (const [index, axis] of axes.entries()) {
    const from = result.axes[index];
    if (from === undefined || from === axis) continue;
    const clash = result.axes.indexOf(axis);
    if (clash !== -1) {
      const { size } = body.axes.get(axis);
      const label = `${body.axes.get(axis).label}.stored`;
      result = rename(
        body,
        result,
        axis,
        body.axes.intern({ label, size }, new Set(result.axes)),
        span,
      );
    }
    result = rename(body, result, from, axis, span);
  }
  return result;
}

/** Full names for each alternative: one, or one a row of the stacked axis. */
function fullNames(body: Body, path: ResolvedPath): readonly (readonly string[])[] {
  const count = path.stacked === undefined ? 1 : (asConstant(body.axes.size(path.stacked)) ?? 0);
  return body.scope.prefix.flatMap((prefix) =>
    path.alternatives.map((pieces) => {
      const [first = "", ...rest] = pieces;
      const start = joinPath(prefix, first);
      if (path.stacked === undefined) return [start];
      return Array.from({ length: count }, (_, row) =>
        joinPath(joinPath(start, `${row}`), rest.join("")),
      );
    }),
  );
}

/** The name in the graph: the first alternative, with the axis in place of a stacked index. */
function shownName(body: Body, path: ResolvedPath): string {
  const [first = "", ...rest] = path.alternatives[0] ?? [];
  const start = joinPath(body.scope.prefix[0] ?? "", first);
  if (path.stacked === undefined) return start;
  return joinPath(`${start}[${path.stacked}]`, rest.join(""));
}

/** `path p = "a" or "b"`: a name for a path with alternatives. */
export function declarePath(body: Body, statement: PathStatement): void {
  const alternatives = statement.alternatives.flatMap((path) => {
    const resolved = resolvePath(body, path);
    return resolved?.alternatives.map((pieces) => pieces.join("")) ?? [];
  });
  body.scope.paths.set(statement.name.text, alternatives);
  body.scope.places.set(statement.name.text, statement.name.span);
}

/** `tie a = b`: both paths are one tensor, that of `b`; only `b` is looked for in the checkpoint. */
export function tieWeights(body: Body, statement: TieStatement): void {
  const left = resolvePath(body, statement.left);
  const right = resolvePath(body, statement.right);
  if (left === undefined || right === undefined) return;
  const target = body.scope.weights.get(right.key);
  if (target === undefined) {
    unknownWeight(body, right.key, statement.right.span);
    return;
  }
  const known = body.scope.weights.get(left.key);
  const axes = known?.axes ?? target.axes;
  if (known?.isRead === true) {
    fail(body, "path/tie", {
      message: `\`${left.key}\` was read before it is tied`,
      at: { span: statement.left.span, note: "" },
      hint: "write `tie` right below the `weight`",
    });
    return;
  }
  if (!canTie(body, known, target, statement)) return;
  const read = (): Value => {
    const value = readWeight(target) ?? unknown;
    return value.kind === "tensor" && axes !== undefined
      ? renamed(body, value, axes, statement.span)
      : value;
  };
  body.scope.weights.set(left.key, { axes, read, isRead: false });
}

function canTie(
  body: Body,
  known: DeclaredWeight | undefined,
  target: DeclaredWeight,
  statement: TieStatement,
): boolean {
  if (known?.axes === undefined || target.axes === undefined) return true;
  const [own, other] = [sizesOf(body, known.axes), sizesOf(body, target.axes)];
  if (own === other) return true;
  fail(body, "path/shape", {
    message: "only tensors of one shape can be tied",
    at: { span: statement.left.span, note: `${showAxes(body, known.axes)} = ${own}` },
    also: [{ span: statement.right.span, note: `${showAxes(body, target.axes)} = ${other}` }],
    hint: "declare both with the same axes",
  });
  return false;
}

/** Reports a path that no `weight` declares. */
export function unknownWeight(body: Body, key: string, span: Span): Value {
  const keys = [...body.scope.weights.keys()];
  return fail(body, "path/unknown", {
    message: `no weight \`${key}\` is declared here`,
    at: { span, note: "" },
    hint: didYouMean(key, keys) ?? `declare it: \`weight ${key}: [Out, In]\``,
  });
}
