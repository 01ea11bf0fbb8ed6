/** The type that an attention gives, and what must hold of its arguments' types. */

import { invariant } from "../../grammar/invariant.ts";
import type { AxisName } from "../op/axis.ts";
import { attendArguments, type AttendOp, type AttendPart } from "../op/op.ts";
import type { TensorType } from "../op/type.ts";

/**
 * The type of the attention `op` of these arguments: the query's axes, with `contracted` replaced by
 * `value`, by the key axis (weights), or by nothing (log-sum-exp).
 */
export function attendType(op: AttendOp, args: readonly TensorType[]): TensorType {
  const roles = attendArguments(op, args);
  const { query } = roles;
  requireAxes("query", query, [op.query, op.contracted, ...(op.group ? [op.group.query] : [])]);
  requireFloat("query", query);
  requireInt("query positions", roles.queryPosition);
  const batch = query.axes.filter((axis) => axis !== op.query && axis !== op.contracted);
  const free = op.group === undefined ? batch : [...batch, op.group.key];
  for (const [index, part] of op.parts.entries()) {
    const role = roles.parts[index];
    invariant(role !== undefined, "an attention lacks an argument");
    const { key, value, position } = role;
    requireFloat("keys", key);
    requireFloat("values", value);
    requireInt("key positions", position);
    requireAxes("keys", key, [part.axis, op.contracted]);
    requireAxes("values", value, [part.axis, op.value]);
    requireOnly("keys", key, [part.axis, op.contracted, ...free]);
    requireOnly("values", value, [part.axis, op.value, ...free]);
    requireOnly("key positions", position, [part.axis, ...free]);
  }
  invariant(op.parts.length > 0, "an attention has no keys");
  requireOnly("query positions", roles.queryPosition, [op.query, ...free]);
  if (roles.sink !== undefined) requireOnly("the sink", roles.sink, free);
  invariant(
    op.normalize === "softmax" || (!op.sink && op.result !== "log_sum_exp"),
    "only a softmax has a sink or a log-sum-exp",
  );
  return { element: "float", axes: resultAxes(op, query) };
}

function resultAxes(op: AttendOp, query: TensorType): readonly AxisName[] {
  return query.axes.flatMap((axis) => {
    if (axis !== op.contracted) return [axis];
    if (op.result === "output") return [op.value];
    return op.result === "weights" ? [onlyPart(op).axis] : [];
  });
}

/** The part of an attention that has one; others cannot give weights. */
export function onlyPart(op: AttendOp): AttendPart {
  const [part, more] = op.parts;
  invariant(part !== undefined && more === undefined, "only one key axis gives weights");
  return part;
}

function requireAxes(what: string, type: TensorType, axes: readonly AxisName[]): void {
  for (const axis of axes)
    invariant(type.axes.includes(axis), `${what} of an attention lack the axis ${axis}`);
}

function requireOnly(what: string, type: TensorType, axes: readonly AxisName[]): void {
  for (const axis of type.axes)
    invariant(axes.includes(axis), `${what} of an attention have the stray axis ${axis}`);
}

function requireFloat(what: string, type: TensorType): void {
  invariant(type.element === "float", `${what} of an attention are ${type.element}s`);
}

function requireInt(what: string, type: TensorType): void {
  invariant(type.element === "int", `${what} of an attention are ${type.element}s`);
}
