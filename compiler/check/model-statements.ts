/** `input`, `output` and `generate`: where a model meets its surroundings. */

import type { AxisExpr, Statement } from "../../grammar/ast.ts";
import { didYouMean, error } from "../../grammar/diagnostic.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, symbol } from "../op/dimension.ts";
import { type Body, evaluate, fail, report } from "./context.ts";
import { emit } from "./emit.ts";
import {
  axisOf,
  breakLabel,
  distinctLabels,
  isNewLabel,
  newAxis,
  requireSize,
  showAxes,
  showAxis,
} from "./labels.ts";
import { asSize, sizeOf } from "./number.ts";
import { joinPath } from "./paths.ts";
import { describe, type Tensor, unknown, type Value } from "./value.ts";

type Input = Statement & { readonly kind: "input" };
type Output = Statement & { readonly kind: "output" };
type Generate = Statement & { readonly kind: "generate" };

/** Declares what comes from outside; an axis that is new here has a size that changes from run to run. */
export function declareInput(body: Body, statement: Input): void {
  const { name } = statement;
  if (body.scope.owner?.kind !== "model") {
    fail(body, "name/input", {
      message: "only a model has inputs",
      at: { span: statement.span, note: "" },
      hint: `make it a formal of the block: \`${name.text}: [S, D]\``,
    });
    body.scope.values.set(name.text, unknown);
    return;
  }
  const value = inputValue(body, statement);
  body.scope.values.set(name.text, value ?? unknown);
  if (value === undefined && statement.type.kind === "shape") {
    for (const axis of statement.type.axes) breakLabel(body, axis.name.text);
  }
  body.scope.places.set(name.text, name.span);
}

function inputValue(body: Body, { name, type, doc, span }: Input): Tensor | undefined {
  const shape =
    type.kind === "shape"
      ? type
      : ({
          kind: "shape",
          element: elementOf(type.name),
          lifts: false,
          axes: [],
          span: type.span,
        } as const);
  if (shape.element === undefined || shape.lifts) {
    fail(body, "type/input", {
      message: "an input has a shape",
      at: { span: type.span, note: "" },
      hint: "write `input x: [Rows, D]` or `input prompt: token[T]`",
    });
    return undefined;
  }
  if (!distinctLabels(body, { ...shape, element: shape.element })) return undefined;
  const axes = shape.axes.map((item) => inputAxis(body, item));
  const known = axes.filter((axis) => axis !== undefined);
  if (known.length < axes.length) return undefined;
  const isToken = shape.element === "token";
  if (body.scope.values.has(name.text)) return repeatedInput(body, name.text, span);
  const element = shape.element === "token" ? "int" : shape.element;
  const role = isToken ? "token" : "tensor";
  body.graph.addInput({ name: name.text, role, type: { element, axes: known }, doc });
  if (isToken) for (const axis of known) body.rows.tokens.add(axis);
  return emit(
    body,
    { kind: "input", name: name.text, role },
    [],
    span,
    isToken ? "tokens" : undefined,
  );
}

function elementOf(name: string): "int" | "float" | "bool" | "token" | undefined {
  return name === "int" || name === "float" || name === "bool" || name === "token"
    ? name
    : undefined;
}

function repeatedInput(body: Body, name: string, span: Statement["span"]): undefined {
  const first = body.scope.places.get(name);
  fail(body, "name/duplicate", {
    message: `\`${name}\` is declared twice`,
    at: { span, note: "" },
    also: first === undefined ? [] : [{ span: first, note: "first declared here" }],
    hint: "give one of them another name",
  });
  return undefined;
}

function inputAxis(body: Body, item: AxisExpr): AxisName | undefined {
  const { name } = item;
  if (item.size !== undefined) {
    const size = sizeOf(body, item.size);
    if (size === undefined) return undefined;
    if (isNewLabel(body, name)) return newAxis(body, name, { label: name.text, size });
    const axis = axisOf(body, name);
    const fits =
      axis !== undefined && requireSize(body, item.span, name.text, size, body.axes.size(axis));
    return fits ? axis : undefined;
  }
  if (!isNewLabel(body, name)) return axisOf(body, name);
  body.runtime.add(name.text);
  return newAxis(body, name, { label: name.text, size: symbol(name.text) });
}

/** `output logits`, `output hidden[l] = x`; inside a block the name stands below its path. */
export function declareOutput(body: Body, statement: Output): void {
  const { name } = statement;
  const expr = statement.value ?? ({ kind: "name", text: name.text, span: name.span } as const);
  const value = evaluate(body, expr);
  const index = statement.index && evaluate(body, statement.index);
  const size = index && asSize(index);
  if (
    index !== undefined &&
    index.kind !== "unknown" &&
    size === undefined &&
    body.mode === "instance"
  ) {
    fail(body, "type/number", {
      message: `the number of an output is known at compile time, this is ${describe(index)}`,
      at: { span: statement.index?.span ?? name.span, note: "" },
      hint: "use a loop variable: `output hidden[l] = x`",
    });
    return;
  }
  if (value.kind === "unknown") return;
  if (value.kind !== "tensor") {
    fail(body, "type/output", {
      message: `an output is a tensor, this is ${describe(value)}`,
      at: { span: expr.span, note: "" },
      hint: "bind it to a tensor first",
    });
    return;
  }
  const suffix = size === undefined ? "" : `[${asConstant(size) ?? size.key}]`;
  addOutput(body, joinPath(body.scope.prefix[0] ?? "", `${name.text}${suffix}`), value, statement);
}

function addOutput(body: Body, name: string, value: Tensor, statement: Output): void {
  const first = body.outputs.get(name);
  // A body that is read twice while it is checked declares its outputs twice.
  if (first !== undefined && (body.mode === "instance" || first !== statement.name.span)) {
    fail(body, "name/duplicate", {
      message: `two outputs are called \`${name}\``,
      at: { span: statement.name.span, note: "" },
      also: [{ span: first, note: "first declared here" }],
      hint: `number them: \`output ${statement.name.text}[l] = …\``,
    });
    return;
  }
  if (first !== undefined) return;
  body.outputs.set(name, statement.name.span);
  body.graph.addOutput(name, value.id);
}

/** `generate prompt from logits`. */
export function declareGeneration(body: Body, statement: Generate): void {
  const tokens = named(body, statement.tokens);
  const logits = named(body, statement.logits);
  if (tokens === undefined || logits === undefined) return;
  const [axis, more] = tokens.axes;
  if (tokens.range !== "tokens" || axis === undefined || more !== undefined) {
    fail(body, "type/generate", {
      message: "generation grows a token input over one axis",
      at: { span: statement.tokens.span, note: `${tokens.element}${showAxes(body, tokens.axes)}` },
      hint: `declare it: \`input ${statement.tokens.text}: token[T]\``,
    });
    return;
  }
  const others = logits.axes.filter((each) => each !== axis);
  if (logits.element !== "float" || !logits.axes.includes(axis) || others.length !== 1) {
    const name = showAxis(body, axis);
    fail(body, "type/generate", {
      message: `generation reads floats over \`${name}\` and the vocabulary`,
      at: { span: statement.logits.span, note: `${logits.element}${showAxes(body, logits.axes)}` },
      also: [{ span: statement.tokens.span, note: `over \`${name}\`` }],
      hint: `give logits of the shape \`[${name}, Vocab]\``,
    });
    return;
  }
  const name = statement.tokens.text;
  body.graph.setGeneration({ tokens: name, axis, logits: logits.id, span: statement.span });
}

/** The tensor that a name is bound to. */
function named(body: Body, name: Generate["tokens"]): Tensor | undefined {
  const value: Value | undefined = body.scope.values.get(name.text);
  if (value?.kind === "tensor") return value;
  if (value?.kind === "unknown") return undefined;
  report(
    body,
    error("name/unknown", {
      message: `no tensor is called \`${name.text}\` here`,
      at: { span: name.span, note: value === undefined ? "" : describe(value) },
      hint:
        didYouMean(name.text, body.scope.values.keys()) ??
        "write `generate prompt from logits`, with the names of an input and a value",
    }),
  );
  return undefined;
}
