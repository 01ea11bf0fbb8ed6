/**
 * `for` and `if`, which run at compile time. An instance unrolls loops and takes one branch. A
 * generic check reads a loop's body once with a symbol for the variable, and both branches.
 */

import type { Statement } from "../../grammar/ast.ts";
import { error } from "../../grammar/diagnostic.ts";
import { asConstant, constant, symbol } from "../op/dimension.ts";
import { type Condition, decide } from "./condition.ts";
import { type Body, evaluate, fail, report, type Scope } from "./context.ts";
import { asSize, conditionOf, sizeOf } from "./number.ts";
import { branchOf } from "./scope.ts";
import { describe, unknown, type Value, wholeNumber } from "./value.ts";

type For = Statement & { readonly kind: "for" };
type If = Statement & { readonly kind: "if" };

/** `for l in 0..L except [5, 9] { … }`. */
export function runFor(body: Body, statement: For): void {
  const from = sizeOf(body, statement.from);
  const to = sizeOf(body, statement.to);
  const skipped = statement.except === undefined ? [] : numbersOf(body, statement.except);
  if (body.mode === "generic") {
    runGenericLoop(body, statement);
    return;
  }
  const first = from && asConstant(from);
  const end = to && asConstant(to);
  if (first === undefined || end === undefined) {
    if (from !== undefined && to !== undefined) report(body, runtimeLoop(statement));
    return;
  }
  for (let index = first; index < end; index++) {
    if (skipped.includes(index)) continue;
    body.scope.values.set(statement.variable.text, wholeNumber(constant(index)));
    body.interpreter.run(body, statement.body);
  }
  body.scope.values.delete(statement.variable.text);
}

function runtimeLoop(statement: For): ReturnType<typeof error> {
  return error("dim/runtime", {
    message: "the bounds of a loop must be known at compile time",
    at: { span: statement.to.span, note: "" },
    hint: "loop over a dim; what follows the data is done by an operation over an axis",
  });
}

function numbersOf(body: Body, expr: NonNullable<For["except"]>): readonly number[] {
  const value = evaluate(body, expr);
  if (value.kind === "unknown") return [];
  if (value.kind !== "list") {
    fail(body, "type/list", {
      message: `\`except\` takes a list of numbers, this is ${describe(value)}`,
      at: { span: expr.span, note: "" },
      hint: "write `except [5, 9]`",
    });
    return [];
  }
  return (value.items ?? []).flatMap((item) => {
    const size = asSize(item);
    return (size && asConstant(size)) ?? [];
  });
}

/** Reads the body once; again if it changes the shape of what it read, as a second round would see. */
function runGenericLoop(body: Body, statement: For): void {
  const { scope } = body;
  scope.values.set(statement.variable.text, wholeNumber(symbol(statement.variable.text)));
  const before = new Map(scope.values);
  body.interpreter.run(body, statement.body);
  const changed = [...before].some(([name, value]) => {
    const after = scope.values.get(name);
    return after !== undefined && !sameKind(value, after);
  });
  if (changed) body.interpreter.run(body, statement.body);
  scope.values.delete(statement.variable.text);
}

/** Whether two values are interchangeable for what follows. */
function sameKind(a: Value, b: Value): boolean {
  if (a.kind !== "tensor" || b.kind !== "tensor") return a.kind === b.kind;
  return (
    a.element === b.element &&
    a.axes.length === b.axes.length &&
    a.axes.every((axis, index) => axis === b.axes[index])
  );
}

/** `if l in [3, 8, 13] { … } else { … }`. */
export function runIf(body: Body, statement: If): void {
  const condition = conditionOf(body, statement.condition);
  const holds = condition && decide(condition, body.isRuntime);
  if (holds !== undefined) {
    body.interpreter.run(body, holds ? statement.then : statement.otherwise);
  } else if (body.mode === "generic") {
    runBothBranches(body, statement, condition ?? { kind: "unknown" });
  } else if (condition !== undefined) {
    fail(body, "dim/runtime", {
      message: "the condition of `if` must be known at compile time",
      at: { span: statement.condition.span, note: "" },
      hint: "what depends on data is chosen with `where(condition, a, b)`",
    });
  }
}

/** What a branch demands holds only where it is taken, and what it gives is no second time. */
function runBothBranches(body: Body, statement: If, condition: Condition): void {
  const branch = (): Body => ({
    ...body,
    scope: branchOf(body.scope),
    demands: [],
    outputs: new Map(body.outputs),
  });
  const [then, otherwise] = [branch(), branch()];
  then.interpreter.run(then, statement.then);
  otherwise.interpreter.run(otherwise, statement.otherwise);
  mergeScopes(body.scope, then.scope, otherwise.scope);
  mergeMap(body.outputs, then.outputs, otherwise.outputs);
  const unlessTaken = (left: Condition, { demands }: Body): void => {
    for (const each of demands)
      body.demands.push({ ...each, condition: { kind: "or", operands: [left, each.condition] } });
  };
  unlessTaken({ kind: "not", operand: condition }, then);
  unlessTaken(condition, otherwise);
}

/** What both branches agree on; what only one binds is unknown afterwards, and no mistake. */
function mergeScopes(into: Scope, a: Scope, b: Scope): void {
  for (const name of new Set([...a.values.keys(), ...b.values.keys()])) {
    const [left, right] = [a.values.get(name), b.values.get(name)];
    const isSame = left !== undefined && right !== undefined && sameKind(left, right);
    into.values.set(name, isSame ? left : unknown);
  }
  mergeMap(into.weights, a.weights, b.weights);
  mergeMap(into.labels, a.labels, b.labels);
  mergeMap(into.sizes, a.sizes, b.sizes);
  mergeMap(into.paths, a.paths, b.paths);
  if (a.returned !== undefined && b.returned !== undefined) into.returned = a.returned;
}

/** Keeps what only one side binds, too: an instance takes one side and says if the other lacks it. */
function mergeMap<V>(into: Map<string, V>, a: Map<string, V>, b: Map<string, V>): void {
  for (const [name, value] of [...b, ...a]) into.set(name, value);
}
