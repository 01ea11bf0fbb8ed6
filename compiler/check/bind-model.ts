/** The dims and parameters of a model for one choice: what is given, else the defaults. */

import type { Argument, DimParameter, Parameter } from "../../grammar/ast.ts";
import { didYouMean, error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import { asConstant, constant, type Dimension } from "../op/dimension.ts";
import { labelOf } from "./arguments.ts";
import type { Body } from "./context.ts";
import type { ModelChoice, Override } from "./model-choice.ts";
import { sizeOf } from "./number.ts";
import { checkConfig, plainValue } from "./parameters.ts";
import { newScope } from "./scope.ts";
import type { Value } from "./value.ts";

/** Binds every dim and parameter of the model in `body`; reports what is missing or unknown. */
export function bindModel(
  body: Body,
  choice: ModelChoice,
  outside: ReadonlyMap<string, number>,
): boolean {
  const sizes = givenSizes(body, choice, outside);
  if (sizes === undefined) return false;
  const { declaration } = choice.model;
  const dims = declaration.dims.every((dim) => bindDim(body, dim, sizes.get(dim.name.text)));
  return dims && declaration.parameters.every((each) => bindParameter(body, each, choice));
}

/** A body in whose scope what was written in `file` is evaluated: the entry's, if it is no module. */
function bodyOf(body: Body, file: string): Body {
  const { program } = body;
  return { ...body, scope: newScope(program, program.modules.has(file) ? file : program.entry) };
}

function givenSizes(
  body: Body,
  choice: ModelChoice,
  outside: ReadonlyMap<string, number>,
): ReadonlyMap<string, Dimension> | undefined {
  const { declaration } = choice.model;
  const names = declaration.dims.map((dim) => dim.name.text);
  const sizes = new Map<string, Dimension>();
  let position = 0;
  for (const { item, file } of choice.dims) {
    if (item.kind === "rename") continue;
    const name = item.kind === "select" ? item.axis.text : names[position++];
    if (name === undefined || !names.includes(name)) {
      unknownDim(body, choice, item.kind === "select" ? item.axis.text : "", item.span);
      return undefined;
    }
    const size = sizeOf(bodyOf(body, file), item.value);
    if (size === undefined) return undefined;
    sizes.set(name, size);
  }
  for (const [name, value] of outside) {
    if (!names.includes(name)) {
      unknownDim(body, choice, name, declaration.name.span);
      return undefined;
    }
    sizes.set(name, constant(value));
  }
  return sizes;
}

function unknownDim(body: Body, choice: ModelChoice, name: string, span: Span): void {
  const { declaration } = choice.model;
  const names = declaration.dims.map((dim) => dim.name.text);
  body.report(
    error("call/dims", {
      message: `\`${declaration.name.text}\` has no dim \`${name}\``,
      at: { span, note: "" },
      also: [{ span: declaration.name.span, note: "declared here" }],
      hint:
        didYouMean(name, names) ?? `its dims are ${names.map((each) => `\`${each}\``).join(", ")}`,
    }),
  );
}

function bindDim(body: Body, dim: DimParameter, given: Dimension | undefined): boolean {
  const { sizes, places } = body.scope;
  const name = dim.name.text;
  const size = given ?? (dim.value === undefined ? undefined : sizeOf(body, dim.value));
  places.set(name, dim.name.span);
  if (size === undefined) {
    if (dim.value === undefined) missing(body, name, dim.span, `--dim ${name}=…`);
    return false;
  }
  const value = asConstant(size);
  if (value === undefined || !Number.isInteger(value) || value < 1) {
    body.report(
      error("dim/positive", {
        message: `\`${name}\` would be ${size.key}, a dim is a whole number and at least 1`,
        at: { span: dim.span, note: "" },
        hint: "give it a positive number",
      }),
    );
    return false;
  }
  sizes.set(name, size);
  if (dim.from !== undefined) checkConfig(body, dim.from.text, value, dim.span);
  return true;
}

function missing(body: Body, name: string, span: Span, how: string): void {
  body.report(
    error("call/arguments", {
      message: `\`${name}\` has no default and is not given`,
      at: { span, note: "" },
      hint: `add a default, or give it: \`${how}\``,
    }),
  );
}

function bindParameter(body: Body, parameter: Parameter, choice: ModelChoice): boolean {
  const given = argumentFor(parameter, choice);
  const { name } = parameter;
  // A tensor is no parameter of a model, which its own check has said.
  if (parameter.type?.kind === "shape") return false;
  if (given === undefined && parameter.value === undefined) {
    missing(body, name.text, parameter.span, `--set ${name.text}=…`);
    return false;
  }
  const where = given === undefined ? body : bodyOf(body, given.file);
  const value: Value = plainValue(where, body, { parameter, argument: given?.item });
  body.scope.values.set(name.text, value);
  return value.kind !== "unknown";
}

/** The argument that a choice gives for a parameter, the strongest if there are several. */
function argumentFor(parameter: Parameter, choice: ModelChoice): Override<Argument> | undefined {
  const index = choice.model.declaration.parameters.indexOf(parameter);
  return choice.arguments.findLast(({ item }) => {
    if (item.label !== undefined) return labelOf(item) === parameter.name.text;
    return positionOf(item, choice) === index;
  });
}

/** The position of an unlabelled argument among those of its own alias. */
function positionOf(item: Argument, choice: ModelChoice): number {
  const own = choice.aliases.find((alias) => alias.arguments.includes(item));
  return own?.arguments.filter((each) => each.label === undefined).indexOf(item) ?? -1;
}

/** Reports arguments of an alias, or from outside, that name no parameter of the model. */
export function checkGiven(body: Body, choice: ModelChoice): boolean {
  const { declaration } = choice.model;
  const names = declaration.parameters.map((each) => each.name.text);
  let isGood = true;
  for (const { item } of choice.arguments) {
    const label = item.label === undefined ? undefined : (labelOf(item) ?? "");
    const isKnown =
      label === undefined ? positionOf(item, choice) < names.length : names.includes(label);
    if (isKnown) continue;
    isGood = false;
    body.report(
      error("call/label", {
        message: `\`${declaration.name.text}\` has no parameter ${label === undefined ? "for this" : `\`${label}\``}`,
        at: { span: item.label?.span ?? item.span, note: "" },
        also: [{ span: declaration.name.span, note: "declared here" }],
        hint:
          (label === undefined ? undefined : didYouMean(label, names)) ??
          (names.length === 0
            ? "it takes none"
            : `it takes ${names.map((each) => `\`${each}\``).join(", ")}`),
      }),
    );
  }
  return isGood;
}
