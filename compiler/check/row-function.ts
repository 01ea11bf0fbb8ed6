/** Masks and scores by name: their formals bound, their bodies read as predicate or score. */

import type { Argument, Parameter } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Definition } from "../elaborate/program.ts";
import type { AxisName } from "../op/axis.ts";
import { symbol } from "../op/dimension.ts";
import { stdSources } from "../std/sources.ts";
import { tensorOf } from "./arguments.ts";
import { type Body, fail } from "./context.ts";
import { placeholder } from "./emit.ts";
import { showAxes } from "./labels.ts";
import { type Given, matchArguments, plainValue, rigidValue } from "./parameters.ts";
import { predicateOf } from "./predicate.ts";
import type { RowScope } from "./row-scope.ts";
import { newScope } from "./scope.ts";
import { scoreOf } from "./score.ts";
import { type RowFacts, unknown, type Value } from "./value.ts";

type RowFunction = Definition & { readonly kind: "mask" | "score" };

/** The mask or score that `definition` is for these arguments. */
export function callRowFunction(
  body: Body,
  definition: RowFunction,
  args: readonly Argument[],
  span: Span,
): Value {
  const { declaration } = definition;
  const given = matchArguments(body, declaration, args, span);
  if (given === undefined) return unknown;
  const inner = innerBody(body, definition, [...body.scope.calls, span]);
  for (const each of given) {
    const value =
      each.parameter.type?.kind === "shape" ? dataValue(body, each) : plainValue(body, inner, each);
    if (value.kind === "unknown") return unknown;
    inner.scope.values.set(each.parameter.name.text, value);
  }
  const value = read(inner, definition);
  // Whoever takes a mask from the library looks for mistakes where it is named.
  const isTaken = stdSources.has(definition.file) && !stdSources.has(body.scope.module.file);
  if (value.kind !== "mask" || !isTaken) return value;
  return { ...value, leaves: value.leaves.map(() => span) };
}

/** Checks a mask or score for all callers. */
export function checkRowFunction(body: Body, definition: RowFunction): void {
  const inner = innerBody(body, definition, []);
  for (const parameter of definition.declaration.parameters) {
    inner.scope.values.set(parameter.name.text, rigid(inner, parameter));
  }
  read(inner, definition);
}

function innerBody(body: Body, definition: RowFunction, calls: readonly Span[]): Body {
  const { prefix } = body.scope;
  // Generic bodies report where they are written, instances at the outermost call.
  const trail = body.mode === "instance" ? calls : [];
  return { ...body, scope: newScope(body.program, definition.file, { prefix, calls: trail }) };
}

function rigid(body: Body, parameter: Parameter): Value {
  if (parameter.type?.kind !== "shape") return rigidValue(body, parameter);
  const axes = parameter.type.axes.map(({ name }): AxisName => {
    const axis = body.axes.intern({ label: name.text, size: symbol(name.text) }, new Set());
    body.rows.open.add(axis);
    return axis;
  });
  const { element } = parameter.type;
  return placeholder(body, element === "token" ? "int" : element, axes, parameter.span);
}

/** Data of a mask: a tensor with as many axes as its formal. */
function dataValue(body: Body, { parameter, argument }: Given): Value {
  const expr = argument?.value ?? parameter.value;
  if (expr === undefined || parameter.type?.kind !== "shape") return unknown;
  const value = tensorOf(body, expr, `\`${parameter.name.text}\``);
  if (value === undefined) return unknown;
  const { element, axes } = parameter.type;
  const wanted = element === "token" ? "int" : element;
  const shape = `[${axes.map((axis) => axis.name.text).join(", ")}]`;
  if (value.element !== wanted || value.axes.length !== axes.length) {
    return fail(body, "type/argument", {
      message: `\`${parameter.name.text}\` is declared as \`${element}${shape}\``,
      at: { span: expr.span, note: `${value.element}${showAxes(body, value.axes)}` },
      also: [{ span: parameter.span, note: "declared here" }],
      hint: `give ${wanted}s over ${axes.length === 1 ? "one axis" : `${axes.length} axes`}`,
    });
  }
  return value;
}

function read(body: Body, definition: RowFunction): Value {
  const { declaration } = definition;
  const rows: RowScope = {
    body,
    what: declaration.kind,
    query: declaration.query.text,
    key: declaration.key.text,
    ...(declaration.kind === "score" ? { logit: declaration.logit.text } : {}),
    labels: labelsOf(declaration.parameters),
    data: [],
    atoms: [],
    leaves: [],
    formals: new Set(),
  };
  if (declaration.kind === "mask") {
    const predicate = predicateOf(rows, declaration.body);
    return predicate === undefined ? unknown : { kind: "mask", predicate, ...factsOf(rows) };
  }
  const score = scoreOf(rows, declaration.body);
  return score === undefined ? unknown : { kind: "score", score, ...factsOf(rows) };
}

function labelsOf(parameters: readonly Parameter[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    parameters.flatMap(({ name, type }): [string, readonly string[]][] =>
      type?.kind === "shape" ? [[name.text, type.axes.map((axis) => axis.name.text)]] : [],
    ),
  );
}

function factsOf({ data, atoms, leaves, formals }: RowScope): RowFacts {
  return { data, atoms, leaves, formals: [...formals] };
}
