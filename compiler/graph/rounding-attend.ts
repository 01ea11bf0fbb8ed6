/**
 * The rounding inside an attention, to first order. With weights p and logits s, an error of ε in
 * the logit of key k moves an output by p_k (v_k - out) ε: what is common to all logits cancels, and
 * so do rescalings of an online softmax, apart from their own rounding.
 */

import { unreachable } from "../../grammar/invariant.ts";
import type { AttendOp } from "../op/op.ts";
import { sigmoid } from "../op/special.ts";
import { type AttendRows, attendRows } from "./attend-rows.ts";
import { onlyPart } from "./attend-type.ts";
import { forEachRow, type VisibleKeys } from "./evaluate-attend.ts";
import type { EvaluateContext } from "./evaluate-context.ts";
import { divideUnits, expUnits, sumRounding } from "./rounding.ts";
import { type NamedTensor, permuted } from "./tensor.ts";

/** The scale of each number's rounding in units of u, in the layout of `wanted`. */
export function attendRounding(
  op: AttendOp,
  args: readonly NamedTensor[],
  wanted: readonly string[],
  context: EvaluateContext,
): Float64Array {
  const attend = attendRows(op, args, context);
  const last =
    op.result === "output" ? [op.value] : op.result === "weights" ? [onlyPart(op).axis] : [];
  const [lastAxis] = last;
  const width = lastAxis === undefined ? 1 : context.extent(lastAxis);
  const result = new Float64Array(attend.batch * attend.rows * width);
  let at = 0;
  forEachRow(op, attend, context, (batch, query, visible) => {
    const row = result.subarray(at, at + width);
    at += width;
    if (visible.count === 0) return;
    const moved = weightErrors(op, attend, visible, batch, query);
    if (op.result === "log_sum_exp") row[0] = logSumExpRounding(visible, moved);
    else if (op.result === "weights") writeWeights(op, visible, moved, row);
    else writeOutputs(op, attend, visible, batch, moved, row);
  });
  const axes = [...attend.batchAxes, op.query, ...last];
  return permuted(
    result,
    axes,
    [...attend.batchShape, attend.rows, ...last.map(() => width)],
    wanted,
  );
}

/**
 * For each visible key the scale of the error of its unnormalised weight, relative to the weight
 * under softmax and absolute otherwise: from the dot product, the scaling and score, the exponential
 * and the summation of weights.
 */
function weightErrors(
  op: AttendOp,
  attend: AttendRows,
  visible: VisibleKeys,
  batch: number,
  query: number,
): Float64Array {
  const errors = new Float64Array(visible.count);
  for (let i = 0; i < visible.count; i++) {
    const logit = visible.logits[i] ?? 0;
    const scored = op.score === undefined ? 1 : scoreUnits;
    const dot = Math.abs(op.scale) * dotRounding(attend, visible, i, batch, query);
    const error = Math.hypot(dot, scored * logit);
    errors[i] = weightError(op, visible, i, logit, error);
  }
  return errors;
}

/** A score is a few steps, each rounded at about the size of the logit. */
const scoreUnits = 16;

function weightError(
  op: AttendOp,
  visible: VisibleKeys,
  i: number,
  logit: number,
  error: number,
): number {
  switch (op.normalize) {
    case "softmax": {
      const below = logit - Math.log(visible.denominator) - shiftOf(visible);
      // Rounding the shifted logit, then the exponential.
      return Math.hypot(error, below, expUnits(below));
    }
    case "sigmoid": {
      const y = sigmoid(logit);
      return Math.hypot(error * y * (1 - y), expUnits(logit) * y * (1 - y), (1 + divideUnits) * y);
    }
    case "relu":
      return (visible.weights[i] ?? 0) > 0 ? error : 0;
    default:
      return unreachable(op.normalize);
  }
}

/** The largest logit, which softmax subtracts. */
function shiftOf(visible: VisibleKeys): number {
  return visible.logSumExp - Math.log(visible.denominator);
}

function dotRounding(
  attend: AttendRows,
  visible: VisibleKeys,
  i: number,
  batch: number,
  query: number,
): number {
  const key = visible.parts[i]?.key;
  if (key === undefined) return 0;
  let from = (attend.query.bases[batch] ?? 0) + query * attend.query.rowStride;
  let other = (key.bases[batch] ?? 0) + (visible.rows[i] ?? 0) * key.rowStride;
  let sum = 0;
  let square = 0;
  for (let e = 0; e < attend.contracted; e++) {
    const product = (attend.query.data[from] ?? 0) * (key.data[other] ?? 0);
    sum += product;
    square += product * product;
    from += attend.query.innerStride;
    other += key.innerStride;
  }
  return Math.hypot(sumRounding(attend.contracted, square, sum), Math.sqrt(square));
}

function writeOutputs(
  op: AttendOp,
  attend: AttendRows,
  visible: VisibleKeys,
  batch: number,
  moved: Float64Array,
  row: Float64Array,
): void {
  const soft = op.normalize === "softmax";
  for (let e = 0; e < attend.valueSize; e++) {
    let out = 0;
    for (let i = 0; i < visible.count; i++) out += term(visible, batch, i, e);
    let variance = 0;
    let square = 0;
    for (let i = 0; i < visible.count; i++) {
      const weight = (visible.weights[i] ?? 0) / visible.denominator;
      const value = valueAt(visible, batch, i, e);
      const shift = soft ? weight * (value - out) : value;
      variance += (shift * (moved[i] ?? 0)) ** 2;
      square += (weight * value) ** 2;
    }
    // The weighted sum, the sum of weights that divides it, and their rescalings: each of them
    // rounds once a key at most.
    const sums = Math.hypot(
      2 * sumRounding(visible.count, square, out),
      soft ? 2 * sumRounding(visible.count, 0, out) + divideUnits * out : 0,
      Math.sqrt(square),
    );
    row[e] = Math.hypot(Math.sqrt(variance), sums);
  }
}

function term(visible: VisibleKeys, batch: number, i: number, e: number): number {
  return ((visible.weights[i] ?? 0) / visible.denominator) * valueAt(visible, batch, i, e);
}

function valueAt(visible: VisibleKeys, batch: number, i: number, e: number): number {
  const value = visible.parts[i]?.value;
  if (value === undefined) return 0;
  const base = (value.bases[batch] ?? 0) + (visible.rows[i] ?? 0) * value.rowStride;
  return value.data[base + e * value.innerStride] ?? 0;
}

function writeWeights(
  op: AttendOp,
  visible: VisibleKeys,
  moved: Float64Array,
  row: Float64Array,
): void {
  const soft = op.normalize === "softmax";
  const common = soft ? denominatorError(visible, moved) : 0;
  for (let i = 0; i < visible.count; i++) {
    const weight = (visible.weights[i] ?? 0) / visible.denominator;
    const own = soft ? weight * (moved[i] ?? 0) : (moved[i] ?? 0);
    row[visible.rows[i] ?? 0] = Math.hypot(own, weight * common, divideUnits * weight);
  }
}

function logSumExpRounding(visible: VisibleKeys, moved: Float64Array): number {
  const total = denominatorError(visible, moved);
  return Math.hypot(total, 8 + 6 * Math.log(visible.denominator), visible.logSumExp);
}

/** The scale of the denominator's relative error. */
function denominatorError(visible: VisibleKeys, moved: Float64Array): number {
  let variance = 0;
  for (let i = 0; i < visible.count; i++)
    variance += (((visible.weights[i] ?? 0) / visible.denominator) * (moved[i] ?? 0)) ** 2;
  return Math.hypot(Math.sqrt(variance), 2 * sumRounding(visible.count, 0, 1));
}
