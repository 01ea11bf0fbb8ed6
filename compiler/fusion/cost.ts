/**
 * What computing a value again costs, in additions. Only the order of magnitude matters: it decides
 * between storing a value and computing it where it is read.
 */

import { applyTable, type MapFunction, type Op, type OpTable } from "../op/op.ts";

const functions: Readonly<Record<MapFunction, number>> = {
  negate: 1,
  not: 1,
  abs: 1,
  exp: 8,
  log: 8,
  sqrt: 4,
  rsqrt: 4,
  tanh: 12,
  sigmoid: 12,
  silu: 12,
  gelu: 16,
  gelu_tanh: 16,
  quick_gelu: 12,
  erf: 14,
  relu: 1,
  sin: 12,
  cos: 12,
  acos: 12,
  floor: 1,
  ceil: 1,
  round: 1,
  float: 1,
  int: 1,
  add: 1,
  subtract: 1,
  multiply: 1,
  divide: 3,
  floor_divide: 4,
  remainder: 4,
  min: 1,
  max: 1,
  equal: 1,
  not_equal: 1,
  less: 1,
  less_equal: 1,
  and: 1,
  or: 1,
  where: 1,
};

const table: OpTable<[], number> = {
  input: () => 0,
  weight: () => 0,
  table: () => 0,
  state: () => 0,
  constant: () => 0,
  index: () => 0,
  measure: () => 0,
  size: () => 0,
  map: (op) => functions[op.fn],
  rename: () => 0,
  split: () => 0,
  merge: () => 0,
  slice: () => 0,
  select: () => 2,
  join: () => 2,
  stack: () => 1,
  append: () => 0,
  reduce: () => Number.POSITIVE_INFINITY,
  cumulative: () => Number.POSITIVE_INFINITY,
  contract: () => Number.POSITIVE_INFINITY,
  attend: () => Number.POSITIVE_INFINITY,
  top: () => Number.POSITIVE_INFINITY,
  sort: () => Number.POSITIVE_INFINITY,
};

/** The cost of one element of `op`, its arguments aside; infinite where it needs loops. */
export function ownCost(op: Op): number {
  return applyTable(table, op);
}
