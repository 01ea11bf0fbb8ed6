/**
 * The definition of attention: for each query row the logits of all visible keys, normalised
 * together over all parts. A row with no visible key gives zeros (its log-sum-exp is -∞).
 */

import { unreachable } from "../../grammar/invariant.ts";
import { evaluatePredicate, evaluateScore } from "../op/evaluate-predicate.ts";
import type { AttendOp } from "../op/op.ts";
import { sigmoid } from "../op/special.ts";
import { AttendFacts } from "./attend-facts.ts";
import { type AttendRows, attendRows, type PartRows } from "./attend-rows.ts";
import { onlyPart } from "./attend-type.ts";
import type { EvaluateContext } from "./evaluate-context.ts";
import { type NamedTensor, permuted } from "./tensor.ts";

/** What one query row of one batch entry sees. */
export interface VisibleKeys {
  /** How many of the arrays' places are used. */
  count: number;
  /** By place: the logit after the score, then the unnormalised weight. */
  readonly logits: Float64Array;
  readonly weights: Float64Array;
  readonly parts: PartRows[];
  readonly rows: Int32Array;
  /** What the weights are divided by; 1 unless softmax. */
  denominator: number;
  /** The natural logarithm of the softmax denominator over the true (unshifted) exponentials. */
  logSumExp: number;
}

/** The result in the layout of `wanted` (the node's axes). */
export function evaluateAttend(
  op: AttendOp,
  args: readonly NamedTensor[],
  wanted: readonly string[],
  context: EvaluateContext,
): Float64Array {
  const attend = attendRows(op, args, context);
  const width = resultWidth(op, attend, context);
  const result = new Float64Array(attend.batch * attend.rows * width);
  let at = 0;
  forEachRow(op, attend, context, (batch, _query, visible) => {
    writeRow(op, attend, visible, batch, result.subarray(at, at + width), context);
    at += width;
  });
  const last =
    op.result === "output" ? [op.value] : op.result === "weights" ? [onlyPart(op).axis] : [];
  const axes = [...attend.batchAxes, op.query, ...last];
  const shape = [...attend.batchShape, attend.rows, ...last.map(() => width)];
  return permuted(result, axes, shape, wanted);
}

/** Calls `visit` for each batch entry and query row, in order, with what the row sees. */
export function forEachRow(
  op: AttendOp,
  attend: AttendRows,
  context: EvaluateContext,
  visit: (batch: number, query: number, visible: VisibleKeys) => void,
): void {
  const facts = new AttendFacts(attend);
  const keys = attend.parts.reduce((sum, part) => sum + part.rows, 0);
  const visible: VisibleKeys = {
    count: 0,
    logits: new Float64Array(keys),
    weights: new Float64Array(keys),
    parts: [],
    rows: new Int32Array(keys),
    denominator: 1,
    logSumExp: Number.NEGATIVE_INFINITY,
  };
  for (let batch = 0; batch < attend.batch; batch++) {
    for (let query = 0; query < attend.rows; query++) {
      collect(op, attend, facts, batch, query, visible, context);
      normalize(op, attend, batch, visible, context);
      visit(batch, query, visible);
    }
  }
}

function collect(
  op: AttendOp,
  attend: AttendRows,
  facts: AttendFacts,
  batch: number,
  query: number,
  visible: VisibleKeys,
  context: EvaluateContext,
): void {
  visible.count = 0;
  const scale = context.round(op.scale);
  for (const part of attend.parts) {
    for (let row = 0; row < part.rows; row++) {
      facts.at(batch, query, part, row);
      if (!evaluatePredicate(part.part.mask, facts)) continue;
      const logit = context.round(dot(attend, batch, query, part, row, context.single) * scale);
      const place = visible.count++;
      visible.parts[place] = part;
      visible.rows[place] = row;
      visible.logits[place] =
        op.score === undefined ? logit : evaluateScore(op.score, logit, facts, context.round);
    }
  }
}

function dot(
  attend: AttendRows,
  batch: number,
  query: number,
  part: PartRows,
  row: number,
  single: boolean,
): number {
  const a = attend.query.data;
  const b = part.key.data;
  let from = (attend.query.bases[batch] ?? 0) + query * attend.query.rowStride;
  let other = (part.key.bases[batch] ?? 0) + row * part.key.rowStride;
  let total = 0;
  for (let i = 0; i < attend.contracted; i++) {
    const product = (a[from] ?? Number.NaN) * (b[other] ?? Number.NaN);
    total = single ? Math.fround(total + Math.fround(product)) : total + product;
    from += attend.query.innerStride;
    other += part.key.innerStride;
  }
  return total;
}

function normalize(
  op: AttendOp,
  attend: AttendRows,
  batch: number,
  visible: VisibleKeys,
  context: EvaluateContext,
): void {
  const { logits, weights, count } = visible;
  switch (op.normalize) {
    case "softmax":
      softmax(attend, batch, visible, context);
      break;
    case "sigmoid":
      for (let i = 0; i < count; i++) weights[i] = context.round(sigmoid(logits[i] ?? 0));
      break;
    case "relu":
      for (let i = 0; i < count; i++) weights[i] = Math.max(logits[i] ?? 0, 0);
      break;
    default:
      unreachable(op.normalize);
  }
}

function softmax(
  attend: AttendRows,
  batch: number,
  visible: VisibleKeys,
  { round }: EvaluateContext,
): void {
  const { logits, weights, count } = visible;
  const { sink } = attend;
  const noSink = Number.NEGATIVE_INFINITY;
  const sinkLogit = sink === undefined ? noSink : (sink.data[sink.bases[batch] ?? 0] ?? Number.NaN);
  let largest = sinkLogit;
  for (let i = 0; i < count; i++) largest = Math.max(largest, logits[i] ?? 0);
  if (largest === Number.NEGATIVE_INFINITY) {
    weights.fill(0);
    visible.denominator = 1;
    visible.logSumExp = Number.NEGATIVE_INFINITY;
    return;
  }
  let total = 0;
  for (let i = 0; i < count; i++) {
    const weight = round(Math.exp(round((logits[i] ?? 0) - largest)));
    weights[i] = weight;
    total = round(total + weight);
  }
  if (sink !== undefined) total = round(total + round(Math.exp(round(sinkLogit - largest))));
  visible.denominator = total;
  visible.logSumExp = round(largest + round(Math.log(total)));
}

function resultWidth(op: AttendOp, attend: AttendRows, context: EvaluateContext): number {
  if (op.result === "output") return attend.valueSize;
  return op.result === "weights" ? context.extent(onlyPart(op).axis) : 1;
}

function writeRow(
  op: AttendOp,
  attend: AttendRows,
  visible: VisibleKeys,
  batch: number,
  row: Float64Array,
  { round }: EvaluateContext,
): void {
  const { count, weights, denominator } = visible;
  if (op.result === "log_sum_exp") {
    row[0] = visible.logSumExp;
    return;
  }
  if (op.result === "weights") {
    for (let i = 0; i < count; i++)
      row[visible.rows[i] ?? 0] = round((weights[i] ?? 0) / denominator);
    return;
  }
  for (let i = 0; i < count; i++) {
    const value = visible.parts[i]?.value;
    if (value === undefined) continue;
    const weight = weights[i] ?? 0;
    let from = (value.bases[batch] ?? 0) + (visible.rows[i] ?? 0) * value.rowStride;
    for (let e = 0; e < attend.valueSize; e++) {
      row[e] = round((row[e] ?? 0) + round(weight * (value.data[from] ?? Number.NaN)));
      from += value.innerStride;
    }
  }
  for (let e = 0; e < row.length; e++) row[e] = round((row[e] ?? 0) / denominator);
}
