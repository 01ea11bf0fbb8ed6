/** `require` and `return`. */

import type { Statement } from "../../grammar/ast.ts";
import { error } from "../../grammar/diagnostic.ts";
import { annotate, expectedOf } from "./annotate.ts";
import { counted } from "./arguments.ts";
import { type Body, demand, evaluate, fail } from "./context.ts";
import { conditionOf } from "./number.ts";
import type { Value } from "./value.ts";

/** `require E % 2 == 0`: decided here, or at the call that fixes the sizes. */
export function requireCondition(
  body: Body,
  statement: Statement & { readonly kind: "require" },
): void {
  const condition = conditionOf(body, statement.condition);
  if (condition === undefined) return;
  const { owner } = body.scope;
  demand(body, condition, () =>
    error("dim/require", {
      message: `a requirement of \`${owner?.name.text ?? "the model"}\` is not met`,
      at: { span: statement.condition.span, note: "required here" },
      hint: "choose sizes for which it holds",
    }),
  );
}

/** `return e`: the values under the declared shapes. */
export function runReturn(body: Body, statement: Statement & { readonly kind: "return" }): void {
  const { owner } = body.scope;
  if (owner?.kind !== "block") {
    fail(body, "type/return", {
      message: "only a block returns values",
      at: { span: statement.span, note: "" },
      hint: "a model names what leaves it: `output logits`",
    });
    return;
  }
  const { results } = owner;
  const values = statement.values.flatMap((expr, index): readonly Value[] => {
    const type = results[index];
    const expected = expectedOf(body, type);
    const value = evaluate(body, expr, expected === undefined ? {} : { expected, outer: true });
    const parts =
      value.kind === "several" && statement.values.length === 1 ? value.values : [value];
    return parts.map((part, place) => {
      const own = results[index + place];
      return own === undefined ? part : annotate(body, part, own, expr.span);
    });
  });
  body.scope.returned = values;
  const isUnknown = values.some((value) => value.kind === "unknown");
  if (values.length === results.length || isUnknown) return;
  fail(body, "type/return", {
    message: `\`${owner.name.text}\` declares ${counted(results.length, "result")}, here ${values.length === 1 ? "is" : "are"} ${values.length}`,
    at: { span: statement.span, note: "" },
    also: [{ span: owner.name.span, note: "declared here" }],
    hint:
      results.length === 0
        ? "declare the result: `-> [S, D]`"
        : `return ${counted(results.length, "value")}`,
  });
}
