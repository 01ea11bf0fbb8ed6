/** `attend(q, k, v over K; mask, score, scale, normalize, sink, log_sum_exp)`. */

import type { Argument } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, constant, divide } from "../op/dimension.ts";
import { type AttendOp, listAttendArguments, widestHead } from "../op/op.ts";
import { always } from "../op/predicate.ts";
import { findAttendAxes, type AttendAxes } from "./attend-axes.ts";
import { alignData } from "./attend-data.ts";
import { type BuiltinCall, overAxes, sortArguments, tensorOf } from "./arguments.ts";
import { compare } from "./condition.ts";
import { type Body, demand, evaluate, fail } from "./context.ts";
import { emit } from "./emit.ts";
import { showAxes, showAxis } from "./labels.ts";
import { joinFacts, renumberScore } from "./mask-value.ts";
import { asReal } from "./number.ts";
import { positionsOf } from "./rows.ts";
import { requireSegments, segmentOfRows } from "./segments.ts";
import {
  describe,
  type MaskValue,
  noFacts,
  type ScoreValue,
  type Tensor,
  unknown,
  type Value,
} from "./value.ts";
import { maskOf } from "./predicate.ts";
import { error } from "../../grammar/diagnostic.ts";

const usage = "attend(q, k, v over K; mask = causal)";
const labels = ["mask", "score", "scale", "normalize", "sink", "log_sum_exp", "rows"];

/** What is given after the tensors. */
interface Options {
  readonly mask: MaskValue;
  readonly score: ScoreValue | undefined;
  readonly scale: number | undefined;
  readonly normalize: AttendOp["normalize"];
  readonly sink: Tensor | undefined;
  readonly logSumExp: boolean;
}

/** The three tensors, with the places where they are written. */
interface Tensors {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** Attention of `q` over the rows `K` of `k` and `v`. */
export function attend(body: Body, call: BuiltinCall): Value {
  const sorted = sortArguments(body, withNamedMask(call), 3, labels, usage);
  const tensors = sorted && tensorsOf(body, sorted.positional, call);
  const options = sorted && optionsOf(body, sorted.labelled, call.span);
  if (tensors === undefined || options === undefined || sorted === undefined) return unknown;
  const key = keyAxis(body, tensors, sorted.positional, call);
  if (key === undefined) return unknown;
  const rows = sorted.labelled.get("rows");
  const axes = findAttendAxes(body, tensors, key, rows?.value, call.span);
  if (axes === undefined || !groupsDivide(body, axes, call.span)) return unknown;
  if (!widthsFit(body, axes, call.span)) return unknown;
  requireSegments(body, joinFacts(options.mask, options.score ?? noFacts), axes.query, key, {
    span: call.span,
    note: "",
  });
  return emitAttend(body, call, tensors, axes, options);
}

/** The call with `mask = …` for a mask that stands after the tensors without its name. */
function withNamedMask(call: BuiltinCall): BuiltinCall {
  const mask = call.arguments.filter((argument) => argument.label === undefined)[3];
  if (mask === undefined) return call;
  const label = { kind: "name", text: "mask", span: mask.span } as const;
  const named = call.arguments.map((argument) =>
    argument === mask ? { ...argument, label } : argument,
  );
  return { ...call, arguments: named };
}

function tensorsOf(body: Body, args: readonly Argument[], call: BuiltinCall): Tensors | undefined {
  const values = args.map((argument) => tensorOf(body, argument.value, `\`${call.name}\``));
  const [q, k, v] = values;
  if (q === undefined || k === undefined || v === undefined) return undefined;
  const index = [q, k, v].findIndex((each) => each.element !== "float");
  if (index === -1) return { q, k, v };
  fail(body, "type/operand", {
    message: `\`${call.name}\` takes floats`,
    at: { span: args[index]?.span ?? call.span, note: values[index]?.element ?? "" },
    hint: "convert it: `float(…)`",
  });
  return undefined;
}

function keyAxis(
  body: Body,
  { k, v }: Tensors,
  args: readonly Argument[],
  call: BuiltinCall,
): AxisName | undefined {
  const over = args.flatMap((argument) => argument.over);
  const [name, more] = over;
  if (name === undefined || more !== undefined) {
    fail(body, "shape/over", {
      message: `\`${call.name}\` goes over one axis of keys`,
      at: { span: call.span, note: over.length === 0 ? "no `over`" : "" },
      hint: `write \`${usage}\``,
    });
    return undefined;
  }
  const inKeys = overAxes(body, k, [name], args[1]?.value.span ?? call.span);
  const inValues = inKeys && overAxes(body, v, [name], args[2]?.value.span ?? call.span);
  return inValues?.axes[0];
}

function optionsOf(
  body: Body,
  given: ReadonlyMap<string, Argument>,
  span: Span,
): Options | undefined {
  const maskExpr = given.get("mask")?.value;
  const mask: MaskValue | undefined =
    maskExpr === undefined
      ? { kind: "mask", predicate: always, ...noFacts, leaves: [span] }
      : maskOf(body, maskExpr);
  const score = scoreValue(body, given.get("score"));
  const scale = scaleOf(body, given.get("scale"));
  const normalize = normalizeOf(body, given.get("normalize"));
  const sinkExpr = given.get("sink")?.value;
  const sink = sinkExpr && tensorOf(body, sinkExpr, "`sink`");
  const logSumExp = flagOf(body, given.get("log_sum_exp"));
  const isBad =
    score === "bad" || scale === "bad" || (sinkExpr !== undefined && sink === undefined);
  if (mask === undefined || isBad || normalize === undefined || logSumExp === undefined) {
    return undefined;
  }
  return { mask, score, scale, normalize, sink, logSumExp };
}

function scoreValue(body: Body, given: Argument | undefined): ScoreValue | undefined | "bad" {
  if (given === undefined) return undefined;
  const value = evaluate(body, given.value);
  if (value.kind === "score") return value;
  if (value.kind !== "unknown") {
    fail(body, "type/score", {
      message: `a score is wanted here, this is ${describe(value)}`,
      at: { span: given.value.span, note: "" },
      hint: "declare one: `score softcap(cap: number)(s, q, k) = cap * tanh(s / cap)`",
    });
  }
  return "bad";
}

function scaleOf(body: Body, given: Argument | undefined): number | undefined | "bad" {
  if (given === undefined) return undefined;
  const value = evaluate(body, given.value);
  if (value.kind === "number") return asReal(value) ?? 1;
  if (value.kind !== "unknown") {
    fail(body, "type/number", {
      message: `the scale is a number known at compile time, this is ${describe(value)}`,
      at: { span: given.value.span, note: "" },
      hint: "write a number, or multiply the query by the tensor and give `scale = 1`",
    });
  }
  return "bad";
}

function normalizeOf(body: Body, given: Argument | undefined): AttendOp["normalize"] | undefined {
  if (given === undefined) return "softmax";
  const text = given.value.kind === "name" ? given.value.text : "";
  if (text === "softmax" || text === "sigmoid" || text === "relu") return text;
  fail(body, "call/normalize", {
    message: "attention is normalised by `softmax`, `sigmoid` or `relu`",
    at: { span: given.value.span, note: "" },
    hint: "write `normalize = softmax`",
  });
  return undefined;
}

function flagOf(body: Body, given: Argument | undefined): boolean | undefined {
  if (given === undefined) return false;
  if (given.value.kind === "boolean") return given.value.value;
  fail(body, "type/argument", {
    message: "`log_sum_exp` is `true` or `false`",
    at: { span: given.value.span, note: "" },
    hint: "write `log_sum_exp = true`",
  });
  return undefined;
}

function groupsDivide(body: Body, axes: AttendAxes, span: Span): boolean {
  const { group, contracted } = axes;
  const isFixed = demand(body, { kind: "fixed", size: body.axes.size(contracted) }, () =>
    error("shape/runtime-contraction", {
      message: `attention contracts \`${showAxis(body, contracted)}\`, whose size changes from run to run`,
      at: { span, note: "" },
      hint: "the last axis of `k` is contracted: it must have a constant size",
    }),
  );
  if (!isFixed || group === undefined) return isFixed;
  const heads = body.axes.size(group.query);
  const groups = body.axes.size(group.key);
  return demand(body, { kind: "whole", size: divide(heads, groups) }, (show) =>
    error("dim/divide", {
      message: `${show(heads)} query heads cannot share ${show(groups)} key heads evenly`,
      at: {
        span,
        note: `${showAxis(body, group.query)} = ${show(heads)}, ${showAxis(body, group.key)} = ${show(groups)}`,
      },
      hint: `choose \`${showAxis(body, group.key)}\` so that it divides \`${showAxis(body, group.query)}\``,
    }),
  );
}

/** Whether the rows of keys and of values are of a size that kernels hold. */
function widthsFit(body: Body, { contracted, value }: AttendAxes, span: Span): boolean {
  return [contracted, value].every((axis) => {
    const size = body.axes.size(axis);
    return demand(body, compare(size, "<=", constant(widestHead)), (show) =>
      error("attend/width", {
        message: `an attention's rows have ${widestHead} elements at most, not ${show(size)}`,
        at: { span, note: `${showAxis(body, axis)} = ${show(size)}` },
        hint: `take \`${showAxis(body, axis)}\` apart into heads, or project it to a smaller size`,
      }),
    );
  });
}

function emitAttend(
  body: Body,
  call: BuiltinCall,
  { q, k, v }: Tensors,
  axes: AttendAxes,
  options: Options,
): Value {
  const { mask, score, sink, normalize, logSumExp } = options;
  const { query, key, contracted, value, group } = axes;
  const { at, ...facts } = joinFacts(mask, score ?? noFacts);
  const data = alignData(body, facts, axes, q, k, score, at);
  if (data === undefined) return unknown;
  const querySegment = segmentOfRows(body, query);
  const segment = segmentOfRows(body, key);
  const width = asConstant(body.axes.size(contracted)) ?? 1;
  const op: AttendOp = {
    kind: "attend",
    query,
    ...(querySegment === undefined ? {} : { querySegment }),
    contracted,
    value,
    ...(group === undefined ? {} : { group }),
    parts: [{ axis: key, ...(segment === undefined ? {} : { segment }), mask: mask.predicate }],
    data: facts.data.map((use) => use.side),
    scale: options.scale ?? 1 / Math.sqrt(width),
    ...(score === undefined ? {} : { score: renumberScore(score.score, at) }),
    normalize,
    sink: sink !== undefined,
    result: "output",
  };
  const onKeys = new Map([...data].filter(([index]) => op.data[index] === "k"));
  const elsewhere = new Map([...data].filter(([index]) => op.data[index] !== "k"));
  const args = listAttendArguments(op, {
    query: q,
    queryPosition: positionsOf(body, query, call.span),
    parts: [{ key: k, value: v, position: positionsOf(body, key, call.span), data: onKeys }],
    data: elsewhere,
    ...(sink === undefined ? {} : { sink }),
  });
  if (normalize !== "softmax" && (sink !== undefined || logSumExp)) return onlySoftmax(body, call);
  if (sink !== undefined && !sinkFits(body, sink, q, axes, call)) return unknown;
  const written = { mask: mask.leaves, data: facts.data.map(({ name }) => name) };
  const make = (each: AttendOp): Tensor => emit(body, each, args, call.span, undefined, written);
  const output = make(op);
  const values: Tensor[] = [output];
  if (call.name === "attend_with_weights") {
    values.push(make({ ...op, result: "weights" }));
  }
  if (logSumExp) values.push(make({ ...op, result: "log_sum_exp" }));
  return values.length === 1 ? output : { kind: "several", values };
}

function onlySoftmax(body: Body, call: BuiltinCall): Value {
  return fail(body, "call/normalize", {
    message: "only a softmax has a sink or a log-sum-exp",
    at: { span: call.span, note: "" },
    hint: "leave out `normalize`",
  });
}

function sinkFits(
  body: Body,
  sink: Tensor,
  q: Tensor,
  axes: AttendAxes,
  call: BuiltinCall,
): boolean {
  const free = q.axes.filter((axis) => axis !== axes.query && axis !== axes.contracted);
  if (sink.element === "float" && sink.axes.every((axis) => free.includes(axis))) return true;
  fail(body, "shape/sink", {
    message: `a sink is one logit for each head: floats over ${showAxes(body, free)}`,
    at: { span: call.span, note: `${sink.element} ${showAxes(body, sink.axes)}` },
    hint: "declare it as `weight sink: [H]`, with the heads of the query",
  });
  return false;
}
