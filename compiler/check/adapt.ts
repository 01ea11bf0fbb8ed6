/**
 * `adapt … with lora(rank, alpha) on segment`: wherever a weight that the pattern names is contracted,
 * `(x @ A) @ B * alpha / rank` is added, with factors of its own in the checkpoint.
 */

import type { Expr, Pattern, Statement } from "../../grammar/ast.ts";
import { error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, type Dimension } from "../op/dimension.ts";
import { type BuiltinCall, sortArguments } from "./arguments.ts";
import { type Body, evaluate, fail, report } from "./context.ts";
import { emit, toTensor } from "./emit.ts";
import { rejoin } from "./join.ts";
import { asReal, asSize } from "./number.ts";
import { findSegment, segmentRows } from "./rows.ts";
import { segmentOfRows } from "./segments.ts";
import { shownAs, shownAxes, type Stored } from "./stored.ts";
import { describe, realNumber, type Tensor } from "./value.ts";

type AdaptStatement = Statement & { readonly kind: "adapt" };

/** Weights that are adapted, and how. */
export interface Adapter {
  /** Whether a weight's path, in parts, is one of the pattern. */
  readonly matches: (path: readonly string[]) => boolean;
  readonly rank: Dimension;
  /** What the product of the factors is multiplied by. */
  readonly scale: number;
  /** A word between `lora_A` and `weight`, where several adapt one weight. */
  readonly name: string | undefined;
  /** The factors are added to the weight, once, instead of being applied beside it. */
  readonly merged: boolean;
  readonly segment: string | undefined;
  readonly span: Span;
  /** Names of weights that it was applied to. */
  readonly used: Set<string>;
}

const usage = "adapt model.layers[*].**.weight with lora(rank = 8, alpha = 16)";

/** Declares an adapter, for all weights that are contracted from here on. */
export function declareAdapter(body: Body, statement: AdaptStatement): void {
  if (body.scope.owner?.kind !== "model") {
    fail(body, "adapt/place", {
      message: "weights are adapted by a model, not by a block",
      at: { span: statement.span, note: "" },
      hint: "write it in the model, with the whole path",
    });
    return;
  }
  const { method, arguments: values, span } = statement;
  if (method.text !== "lora") {
    fail(body, "adapt/method", {
      message: `\`${method.text}\` is no way to adapt a weight`,
      at: { span: method.span, note: "" },
      hint: `write \`${usage}\``,
    });
    return;
  }
  const call: BuiltinCall = { name: "lora", arguments: values, span, nameSpan: method.span };
  const sorted = sortArguments(body, call, 0, ["rank", "alpha", "name", "merged"], usage);
  const words = patternOf(body, statement.pattern);
  if (sorted === undefined || words === undefined) return;
  const rank = sizeGiven(body, call, sorted.labelled.get("rank")?.value);
  const alpha = numberGiven(body, call, sorted.labelled.get("alpha")?.value);
  const name = sorted.labelled.get("name");
  const merged = isTrue(body, sorted.labelled.get("merged")?.value);
  if (merged && statement.on !== undefined) {
    fail(body, "adapt/merged", {
      message: "what is merged into a weight applies to all rows",
      at: { span: statement.on.span, note: "" },
      hint: "leave out `merged`, or `on`",
    });
    return;
  }
  if (rank === undefined || alpha === undefined || body.mode === "generic") return;
  const named = name && evaluate(body, name.value);
  const adapter: Adapter = {
    matches: (path) => matches(words, path),
    rank,
    scale: alpha / (asConstant(rank) ?? 1),
    name: named?.kind === "string" ? named.value : undefined,
    merged,
    segment: statement.on?.text,
    span: statement.pattern.span,
    used: new Set(),
  };
  if (isInTime(body, adapter)) body.adapters.push(adapter);
}

/** A part of a pattern: words that it may be, or nothing for any; `**` for any number of parts. */
type Words = readonly (readonly string[] | "any" | "deep")[];

function patternOf(body: Body, pattern: Pattern): Words | undefined {
  const words: (readonly string[] | "any" | "deep")[] = [];
  for (const [index, part] of pattern.parts.entries()) {
    if (part.kind === "any" || part.kind === "deep") words.push(part.kind);
    else if (part.kind === "word") {
      const [path] = (index === 0 ? body.scope.paths.get(part.text) : undefined) ?? [part.text];
      for (const word of (path ?? part.text).split(".")) words.push([word]);
    } else {
      const numbers = numbersOf(body, part.value);
      if (numbers === undefined) return undefined;
      words.push(numbers);
    }
  }
  return words.length === 0 ? undefined : words;
}

/** The numbers that an index of a pattern is. */
function numbersOf(body: Body, expr: Expr): readonly string[] | undefined {
  const value = evaluate(body, expr);
  if (value.kind === "unknown") return undefined;
  const items = value.kind === "list" ? value.items : [value];
  if (items === undefined) return [];
  const sizes = items.map((item) => asSize(item));
  if (sizes.every((size) => size !== undefined)) {
    return sizes.map((size) => `${asConstant(size) ?? size.key}`);
  }
  fail(body, "adapt/index", {
    message: `an index of a pattern is a number, a list of numbers or \`*\`, this is ${value.kind === "number" ? "a fraction" : describe(value)}`,
    at: { span: expr.span, note: "" },
    hint: "write `layers[*]`, `layers[3]` or `layers[[0, 2]]`",
  });
  return undefined;
}

function matches(words: Words, path: readonly string[]): boolean {
  const [word, ...rest] = words;
  if (word === undefined) return path.length === 0;
  if (word === "deep") {
    return path.some((_, skipped) => matches(rest, path.slice(skipped))) || rest.length === 0;
  }
  const [first, ...others] = path;
  if (first === undefined || (word !== "any" && !word.includes(first))) return false;
  return matches(rest, others);
}

function sizeGiven(body: Body, call: BuiltinCall, expr: Expr | undefined): Dimension | undefined {
  const value = expr && evaluate(body, expr);
  if (value?.kind === "unknown") return undefined;
  const size = value && asSize(value);
  const number = size && asConstant(size);
  if (size !== undefined && (body.mode === "generic" || (number !== undefined && number >= 1))) {
    return size;
  }
  fail(body, "adapt/rank", {
    message: "`rank` is a whole number of at least 1",
    at: { span: expr?.span ?? call.span, note: "" },
    hint: `write \`${usage}\``,
  });
  return undefined;
}

function numberGiven(body: Body, call: BuiltinCall, expr: Expr | undefined): number | undefined {
  const value = expr && evaluate(body, expr);
  if (value?.kind === "unknown") return undefined;
  const isOpen = value?.kind === "number" && body.mode === "generic";
  const known = value?.kind === "number" ? asReal(value) : undefined;
  const number = known ?? (isOpen ? 1 : undefined);
  if (number !== undefined) return number;
  fail(body, "adapt/alpha", {
    message: "`alpha` is a number",
    at: { span: expr?.span ?? call.span, note: "" },
    hint: `write \`${usage}\``,
  });
  return undefined;
}

function isTrue(body: Body, expr: Expr | undefined): boolean {
  const value = expr && evaluate(body, expr);
  return value?.kind === "boolean" && value.condition.kind === "constant" && value.condition.value;
}

/** Whether no weight of the pattern has been read yet. */
function isInTime(body: Body, adapter: Adapter): boolean {
  const early = [...body.weights].find(([name]) => adapter.matches(partsOf(name)));
  if (early === undefined) return true;
  const [name, { span }] = early;
  fail(body, "adapt/late", {
    message: `\`${name}\` was declared before it is adapted`,
    at: { span: adapter.span, note: "" },
    also: [{ span, note: "declared here" }],
    hint: "write `adapt` above what it adapts",
  });
  return false;
}

/** The parts of a weight's name; the index of a stack is `*`, which only `[*]` and `**` stand for. */
function partsOf(name: string): readonly string[] {
  return name.replace(/\[[^\]]*\]/g, ".*").split(".");
}

/** Reports adapters that no contracted weight was met for. */
export function reportUnused(body: Body): void {
  const names = [...body.weights.keys()];
  for (const { used, span, segment, matches: fits } of body.adapters) {
    if (used.size > 0) continue;
    const isKnown = names.some((name) => fits(partsOf(name)));
    report(
      body,
      error("adapt/unused", {
        message: isKnown
          ? `no weight of this pattern is contracted with rows${segment === undefined ? "" : ` of \`${segment}\``}`
          : "no weight of the model has a path of this pattern",
        at: { span, note: "" },
        hint: `paths are like \`${names.find((name) => name.includes("layers")) ?? names[0] ?? "layers.0.weight"}\``,
      }),
    );
  }
}

/** The adapters of a stored tensor. */
export function adaptersOf(body: Body, { name }: Stored): readonly Adapter[] {
  if (body.adapters.length === 0) return [];
  const path = partsOf(name);
  return body.adapters.filter((adapter) => adapter.matches(path));
}

/** The factors of an adapter: `down` from what is contracted, `up` to the rest. */
interface Factors {
  readonly down: Tensor;
  readonly up: Tensor;
  readonly rank: AxisName;
}

/** `y`, which is `sum(x * stored over …)`, with what `adapter` adds. */
export function adapted(
  body: Body,
  y: Tensor,
  x: Tensor,
  stored: Stored,
  adapter: Adapter,
  over: readonly AxisName[],
  span: Span,
): Tensor {
  const factors = factorsOf(body, stored, adapter, over, span);
  const down = shownAs(body, factors.down, stored, span);
  const up = shownAs(body, factors.up, stored, span);
  const rows = rowsOf(body, x, adapter);
  if (rows === undefined) return y;
  adapter.used.add(stored.name);
  if (rows === "all")
    return add(body, y, change(body, [x, down, up], factors.rank, adapter, over, span), span);
  const only = (each: Tensor): Tensor =>
    each.axes.includes(rows.sequence)
      ? segmentRows(body, each, rows.sequence, rows.axis, span)
      : each;
  const parts = [only(x), only(down), only(up)] as const;
  const delta = change(body, parts, factors.rank, adapter, over, span);
  return rejoin(
    body,
    y,
    rows.sequence,
    { axis: rows.axis, rows: add(body, only(y), delta, span) },
    span,
  );
}

/** The weight with the factors of `adapter` in it. */
export function mergedInto(
  body: Body,
  weight: Tensor,
  stored: Stored,
  adapter: Adapter,
  over: readonly AxisName[],
  span: Span,
): Tensor {
  const { down, up, rank } = factorsOf(body, stored, adapter, over, span);
  adapter.used.add(stored.name);
  const product = emit(body, { kind: "contract", over: [rank] }, [up, down], span);
  return add(body, weight, scaled(body, product, adapter, span), span);
}

function change(
  body: Body,
  [x, down, up]: readonly [Tensor, Tensor, Tensor],
  rank: AxisName,
  adapter: Adapter,
  over: readonly AxisName[],
  span: Span,
): Tensor {
  const narrow = emit(body, { kind: "contract", over }, [x, down], span);
  const wide = emit(body, { kind: "contract", over: [rank] }, [narrow, up], span);
  return scaled(body, wide, adapter, span);
}

function scaled(body: Body, x: Tensor, { scale }: Adapter, span: Span): Tensor {
  if (scale === 1) return x;
  const factor = toTensor(body, realNumber(scale), "float", span);
  return emit(body, { kind: "map", fn: "multiply" }, [x, factor], span);
}

function add(body: Body, a: Tensor, b: Tensor, span: Span): Tensor {
  return emit(body, { kind: "map", fn: "add" }, [a, b], span);
}

/** Which rows of `x` an adapter is for: all, a segment of a sequence, or none. */
function rowsOf(
  body: Body,
  x: Tensor,
  { segment, span }: Adapter,
): "all" | { readonly sequence: AxisName; readonly axis: AxisName } | undefined {
  if (segment === undefined) return "all";
  const found = findSegment(body, x, { text: segment, span });
  if (found !== undefined) return found;
  return x.axes.some((axis) => segmentOfRows(body, axis) === segment) ? "all" : undefined;
}

function factorsOf(
  body: Body,
  stored: Stored,
  adapter: Adapter,
  over: readonly AxisName[],
  span: Span,
): Factors {
  const info = body.graph.weightOf(stored.name);
  const stack = stored.name.includes("[") ? stored.axes.slice(0, 1) : [];
  const isSummed = (axis: AxisName): boolean =>
    shownAxes(stored, axis).some((each) => over.includes(each));
  const own = stored.axes.filter((axis) => !stack.includes(axis));
  const shown = stored.axes.flatMap((axis) => shownAxes(stored, axis));
  const avoid = new Set([...stored.axes, ...shown, ...over]);
  const rank = body.axes.intern({ label: "Rank", size: adapter.rank }, avoid);
  const factor = (letter: "A" | "B", axes: readonly AxisName[]): Tensor => {
    const renamed = (name: string): string => {
      const word = adapter.name === undefined ? "" : `.${adapter.name}`;
      return `${name.replace(/\.weight$/, "")}.lora_${letter}${word}.weight`;
    };
    const name = renamed(stored.name);
    const alternatives = info.alternatives.map((names) => names.map(renamed));
    body.graph.addWeight({ name, alternatives, axes });
    return emit(body, { kind: "weight", name }, [], span);
  };
  return {
    down: factor("A", [...stack, rank, ...own.filter(isSummed)]),
    up: factor("B", [...stack, ...own.filter((axis) => !isSummed(axis)), rank]),
    rank,
  };
}
