/** The check of a model for all its sizes, then of what its defaults and aliases make of it. */

import { type Diagnostic, error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import { showDimension, substitute, symbol } from "../op/dimension.ts";
import type { Definition } from "../elaborate/program.ts";
import { bindModel, checkGiven } from "./bind-model.ts";
import { decide, substituteCondition } from "./condition.ts";
import type { Body, Context } from "./context.ts";
import { sizeOf } from "./number.ts";
import type { ModelChoice } from "./model-choice.ts";
import { plainValue, rigidValue } from "./parameters.ts";
import { newScope } from "./scope.ts";
import { requireSide } from "./segments.ts";

/** A model that was checked, with what it demands of its dims and parameters. */
export type CheckedModel = Pick<Context, "demands" | "segmentDemands">;

/** Checks the body of a model with symbols for its dims. */
export function checkModel(
  context: Context,
  model: Definition & { readonly kind: "model" },
): CheckedModel {
  const { declaration } = model;
  const scope = newScope(context.program, model.file, { owner: declaration });
  const body: Body = { ...context, scope };
  for (const { name, value } of declaration.dims) {
    scope.sizes.set(name.text, symbol(name.text));
    scope.places.set(name.text, name.span);
    if (value !== undefined) sizeOf(body, value);
  }
  for (const parameter of declaration.parameters) {
    const { name, value, type, span } = parameter;
    if (type?.kind === "shape") reportTensor(body, name.text, span);
    scope.values.set(name.text, rigidValue(body, parameter));
    if (value !== undefined) plainValue(body, body, { parameter, argument: undefined });
  }
  body.interpreter.run(body, declaration.body);
  return { demands: [...body.demands], segmentDemands: [...body.segmentDemands] };
}

function reportTensor(body: Body, name: string, span: Span): void {
  body.report(
    error("type/parameter", {
      message: `\`${name}\` is a tensor, a model takes those as inputs`,
      at: { span, note: "" },
      hint: `write \`input ${name}: […]\` in the model`,
    }),
  );
}

/**
 * Checks what a model demands, for the dims and parameters of one choice. `context` is that of an
 * instance: sizes are numbers, or change from run to run.
 */
export function checkChoice(context: Context, choice: ModelChoice, checked: CheckedModel): void {
  const { declaration, file } = choice.model;
  const body: Body = {
    ...context,
    scope: newScope(context.program, file, { owner: declaration }),
  };
  if (!checkGiven(body, choice) || !bindModel(body, choice, new Map())) return;
  const { sizes, values } = body.scope;
  const [alias] = choice.aliases;
  const failed = checked.demands.flatMap(({ condition, tell }) => {
    const holds = decide(substituteCondition(condition, sizes), body.isRuntime);
    return holds === false ? [tell((size) => showDimension(substitute(size, sizes)))] : [];
  });
  for (const diagnostic of oneForEachPlace(failed)) {
    if (alias === undefined) body.report(diagnostic);
    else {
      const at = { span: alias.name.span, note: "with what is given here" };
      body.report({ ...diagnostic, at, also: [diagnostic.at, ...diagnostic.also] });
    }
  }
  for (const { formal, side, rows, at } of checked.segmentDemands) {
    const value = formal === undefined ? undefined : values.get(formal);
    if (value?.kind === "mask" || value?.kind === "score") requireSide(body, value, side, rows, at);
  }
}

/** One call that does not fit is one mistake: what says most is kept. */
function oneForEachPlace(failed: readonly Diagnostic[]): readonly Diagnostic[] {
  const kept = new Map<string, Diagnostic>();
  for (const diagnostic of failed) {
    const { file, start, end } = diagnostic.at.span;
    const key = `${file} ${start} ${end}`;
    const known = kept.get(key);
    if (known === undefined || known.code === "dim/require") kept.set(key, diagnostic);
  }
  return [...kept.values()];
}
