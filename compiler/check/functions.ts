/** Calls of the functions of the language, by name. */

import type { Expr } from "../../grammar/ast.ts";
import { unaryFunctions } from "../elaborate/builtins.ts";
import { constant } from "../op/dimension.ts";
import type { UnaryFunction } from "../op/op.ts";
import { type BuiltinCall, sortArguments } from "./arguments.ts";
import { attend } from "./attend.ts";
import { type Body, evaluate, fail, type Use } from "./context.ts";
import { alignsWell, mapBinary, mapUnary, rangeOf } from "./elementwise.ts";
import { emit, toTensor } from "./emit.ts";
import { axisOf, breakLabel } from "./labels.ts";
import { measured } from "./measured.ts";
import { asReal, asSize, isMeasured, quotient } from "./number.ts";
import { below, exactly, maxRanges, unionRanges } from "./range.ts";
import { cumulative, reduce, sort, top } from "./reduce.ts";
import { factors, merge, sameElements, slice, split, stack } from "./reshape.ts";
import { positionsOf } from "./rows.ts";
import { describe, realNumber, type Tensor, unknown, type Value, wholeNumber } from "./value.ts";

type Rule = (body: Body, call: BuiltinCall, use: Use) => Value;

/** What a function of the language is for these arguments; nothing if there is no such function. */
export function callFunction(body: Body, call: BuiltinCall, use: Use): Value | undefined {
  const unary = unaryFunctions.find((name) => name === call.name);
  if (unary !== undefined) return callUnary(body, unary, call, use);
  return rules.get(call.name)?.(body, call, use);
}

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["sum", reduce],
  ["mean", reduce],
  ["softmax", reduce],
  ["argmax", reduce],
  ["max", extreme],
  ["min", extreme],
  ["cumulative", cumulative],
  ["top", top],
  ["sort", naming(sort)],
  ["clamp", clamp],
  ["where", where],
  ["floor_div", floorDivision],
  ["index", indexAlong],
  ["position", position],
  ["split", naming(split)],
  ["merge", naming(merge)],
  ["stack", naming(stack)],
  ["slice", naming(slice)],
  ["attend", attend],
  ["attend_with_weights", attend],
  ["measured", measured],
]);

/** A rule whose arguments name axes: where it fails, that they are unknown is no other mistake. */
function naming(rule: Rule): Rule {
  return (body, call, use) => {
    const value = rule(body, call, use);
    if (value.kind === "unknown") {
      for (const { label, value: expr } of call.arguments) {
        for (const name of [label, expr].flatMap((each) => (each && factors(each)) ?? [])) {
          breakLabel(body, name.text);
        }
      }
    }
    return value;
  };
}

function callUnary(
  body: Body,
  fn: (typeof unaryFunctions)[number],
  call: BuiltinCall,
  use: Use,
): Value {
  const sorted = sortArguments(body, call, 1, [], `${fn}(x)`);
  const [argument] = sorted?.positional ?? [];
  if (argument === undefined) return unknown;
  const rounding =
    fn === "floor" || fn === "ceil" ? roundedQuotient(body, fn, argument.value) : undefined;
  const value = rounding ?? evaluate(body, argument.value, use);
  if (rounding !== undefined || value.kind === "unknown") return value;
  const keepsWhole = fn === "int" || fn === "floor" || fn === "ceil" || fn === "round";
  if (value.kind === "number" && (keepsWhole || !isMeasured(body, value))) {
    const folded = foldUnary(fn, value.whole, asReal(value), value);
    if (folded !== undefined) return folded;
  }
  const tensor = asOperand(body, fn, value, argument.value);
  return tensor === undefined ? unknown : applyUnary(body, fn, tensor, call);
}

/** `floor(H / G)` of two sizes need not divide. */
function roundedQuotient(body: Body, kind: "floor" | "ceil", expr: Expr): Value | undefined {
  if (expr.kind !== "binary" || expr.operator !== "/") return undefined;
  const isName = (each: Expr): boolean =>
    each.kind !== "name" || body.scope.values.get(each.text)?.kind !== "tensor";
  if (!isName(expr.left) || !isName(expr.right)) return undefined;
  const left = evaluate(body, expr.left);
  const right = evaluate(body, expr.right);
  if (left.kind !== "number" || right.kind !== "number" || !left.whole || !right.whole)
    return undefined;
  return quotient(body, left.size, right.size, expr.span, kind);
}

const realFunctions: ReadonlyMap<string, (value: number) => number> = new Map([
  ["exp", Math.exp],
  ["log", Math.log],
  ["sqrt", Math.sqrt],
  ["rsqrt", (value: number) => 1 / Math.sqrt(value)],
  ["tanh", Math.tanh],
  ["sin", Math.sin],
  ["cos", Math.cos],
  ["acos", Math.acos],
  ["abs", Math.abs],
  ["floor", Math.floor],
  ["ceil", Math.ceil],
  ["round", Math.round],
]);

/** A function of a compile-time number, computed now. */
function foldUnary(
  fn: string,
  whole: boolean,
  real: number | undefined,
  value: Value,
): Value | undefined {
  if (fn === "float") return realNumber(real);
  if (whole && (fn === "int" || fn === "floor" || fn === "ceil" || fn === "round")) return value;
  if (fn === "int") return real === undefined ? unknown : wholeNumber(constant(Math.trunc(real)));
  const of = realFunctions.get(fn);
  if (of === undefined) return undefined;
  if (real === undefined) return realNumber(undefined);
  const result = of(real);
  return whole && fn === "abs" ? wholeNumber(constant(result)) : realNumber(result);
}

function asOperand(body: Body, fn: string, value: Value, expr: Expr): Tensor | undefined {
  if (value.kind === "tensor") return value;
  if (value.kind === "number") return toTensor(body, value, "float", expr.span);
  fail(body, "type/operand", {
    message: `\`${fn}\` takes a tensor or a number, this is ${describe(value)}`,
    at: { span: expr.span, note: "" },
    hint: value.kind === "several" ? "bind the values first: `a, b = …`" : "give a tensor",
  });
  return undefined;
}

function applyUnary(body: Body, fn: UnaryFunction, x: Tensor, call: BuiltinCall): Value {
  const { element } = x;
  if ((fn === "float" || fn === "int") && element === fn) return x;
  const isFine =
    fn === "float" ||
    fn === "int" ||
    element === "float" ||
    (element === "int" && (fn === "abs" || fn === "relu"));
  if (!isFine) {
    return fail(body, "type/operand", {
      message: `\`${fn}\` does not take ${element}s`,
      at: { span: call.span, note: element },
      hint: "convert it: `float(…)`",
    });
  }
  if (fn === "int" && element === "bool") {
    return emit(body, { kind: "map", fn }, [x], call.span, { low: constant(0), high: constant(1) });
  }
  if (element === "int" && fn !== "float") {
    const range = maxRanges(exactly(constant(0)), rangeOf(x));
    return emit(
      body,
      { kind: "map", fn },
      [x],
      call.span,
      fn === "relu" ? range : { low: constant(0) },
    );
  }
  return mapUnary(body, fn, x, call.span);
}

/** `max(x over D)` reduces, `max(a, b)` is elementwise. */
function extreme(body: Body, call: BuiltinCall, use: Use): Value {
  if (call.arguments.length === 1) return reduce(body, call);
  const fn = call.name === "max" ? "max" : "min";
  const sorted = sortArguments(body, call, 2, [], `${fn}(a, b)`);
  const [a, b] = (sorted?.positional ?? []).map(({ value }) => ({
    value: evaluate(body, value, use),
    span: value.span,
  }));
  if (a === undefined || b === undefined) return unknown;
  if (a.value.kind === "number" && b.value.kind === "number")
    return foldExtreme(fn, a.value, b.value);
  return mapBinary(body, fn, a, b, call.span, use, fn);
}

function foldExtreme(
  fn: "min" | "max",
  a: Value & { kind: "number" },
  b: Value & { kind: "number" },
): Value {
  const [x, y] = [asReal(a), asReal(b)];
  if (x === undefined || y === undefined)
    return a.whole && b.whole ? unknown : realNumber(undefined);
  const value = Math[fn](x, y);
  return a.whole && b.whole ? wholeNumber(constant(value)) : realNumber(value);
}

/** `clamp(x, low, high)` is `min(max(x, low), high)`. */
function clamp(body: Body, call: BuiltinCall, use: Use): Value {
  const sorted = sortArguments(body, call, 3, [], "clamp(x, low, high)");
  const [x, low, high] = (sorted?.positional ?? []).map(({ value }) => ({
    value: evaluate(body, value, use),
    span: value.span,
  }));
  if (x === undefined || low === undefined || high === undefined) return unknown;
  const raised = mapBinary(body, "max", x, low, call.span, use, "clamp");
  return mapBinary(body, "min", { value: raised, span: x.span }, high, call.span, use, "clamp");
}

/** `where(condition, then, otherwise)`. */
function where(body: Body, call: BuiltinCall, use: Use): Value {
  const sorted = sortArguments(body, call, 3, [], "where(condition, a, b)");
  const [first, second, third] = sorted?.positional ?? [];
  if (first === undefined || second === undefined || third === undefined) return unknown;
  const condition = evaluate(body, first.value);
  const [a, b] = [evaluate(body, second.value, use), evaluate(body, third.value, use)];
  if ([condition, a, b].some((each) => each.kind === "unknown")) return unknown;
  if (condition.kind !== "tensor" || condition.element !== "bool") {
    return fail(body, "type/condition", {
      message: `\`where\` asks a bool tensor, this is ${describe(condition)}`,
      at: { span: first.span, note: "" },
      hint:
        condition.kind === "boolean"
          ? "choose at compile time with `if … { … } else { … }`"
          : "compare: `where(x > 0, a, b)`",
    });
  }
  const branches = tensorsOf(body, [
    { value: a, expr: second.value },
    { value: b, expr: third.value },
  ]);
  if (branches === undefined) return unknown;
  const [then, otherwise] = branches;
  if (then === undefined || otherwise === undefined || !sameElements(body, branches, "where"))
    return unknown;
  const operands = [{ value: condition, span: first.span }, ...branches];
  if (!alignsWell(body, operands, use, "where")) return unknown;
  const range =
    then.value.element === "int"
      ? unionRanges(rangeOf(then.value), rangeOf(otherwise.value))
      : undefined;
  return emit(
    body,
    { kind: "map", fn: "where" },
    operands.map((each) => each.value),
    call.span,
    range,
  );
}

/** Numbers among the branches take the element type of the tensors. */
function tensorsOf(
  body: Body,
  branches: readonly { readonly value: Value; readonly expr: Expr }[],
): readonly { readonly value: Tensor; readonly span: Expr["span"] }[] | undefined {
  const tensor = branches.map((each) => each.value).find((value) => value.kind === "tensor");
  const isWhole = branches.every(({ value }) => value.kind === "number" && value.whole);
  const element = tensor?.element ?? (isWhole ? "int" : "float");
  const found = branches.flatMap(({ value, expr }) => {
    if (value.kind === "tensor") return [{ value, span: expr.span }];
    if (value.kind === "number" && element !== "bool") {
      const isFraction = element === "int" && !value.whole;
      return isFraction
        ? []
        : [{ value: toTensor(body, value, element, expr.span), span: expr.span }];
    }
    if (value.kind === "boolean" && value.condition.kind === "constant") {
      const op = {
        kind: "constant",
        element: "bool",
        value: value.condition.value ? 1 : 0,
      } as const;
      return [{ value: emit(body, op, [], expr.span), span: expr.span }];
    }
    return [];
  });
  if (found.length === branches.length) return found;
  const odd = branches.find(({ value }) => value.kind !== "tensor");
  fail(body, "type/mixed", {
    message: "the two sides of `where` must have one element type",
    at: {
      span: odd?.expr.span ?? branches[0]?.expr.span ?? { file: "", start: 0, end: 0 },
      note: "",
    },
    hint: "convert one side: `float(…)`",
  });
  return undefined;
}

/** `floor_div(a, b)` on integers. */
function floorDivision(body: Body, call: BuiltinCall, use: Use): Value {
  const sorted = sortArguments(body, call, 2, [], "floor_div(a, b)");
  const [a, b] = (sorted?.positional ?? []).map(({ value }) => ({
    value: evaluate(body, value, use),
    span: value.span,
  }));
  if (a === undefined || b === undefined) return unknown;
  const [x, y] = [asSize(a.value), asSize(b.value)];
  if (x !== undefined && y !== undefined) return quotient(body, x, y, call.span, "floor");
  return mapBinary(body, "floor_divide", a, b, call.span, use, "floor_div");
}

/** The axis that the only argument of `index` or `position` names. */
function axisArgument(body: Body, call: BuiltinCall): string | undefined {
  const sorted = sortArguments(body, call, 1, [], `${call.name}(S)`);
  const expr = sorted?.positional[0]?.value;
  if (expr === undefined || expr.kind === "missing") return undefined;
  if (expr.kind === "name") return axisOf(body, { text: expr.text, span: expr.span });
  if (expr.kind === "member" && expr.target.kind === "name") {
    return axisOf(body, { text: `${expr.target.text}.${expr.member.text}`, span: expr.span });
  }
  fail(body, "type/axis", {
    message: `\`${call.name}\` takes the name of an axis`,
    at: { span: expr.span, note: "" },
    hint: `write \`${call.name}(S)\``,
  });
  return undefined;
}

function indexAlong(body: Body, call: BuiltinCall): Value {
  const axis = axisArgument(body, call);
  if (axis === undefined) return unknown;
  return emit(body, { kind: "index", axis }, [], call.span, below(body.axes.size(axis)));
}

function position(body: Body, call: BuiltinCall): Value {
  const axis = axisArgument(body, call);
  return axis === undefined ? unknown : positionsOf(body, axis, call.span);
}
