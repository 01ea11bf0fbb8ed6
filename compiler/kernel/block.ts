/**
 * Who has what of a product in blocks (`BlockProduct`): 64 invocations compute 32 rows and 32 columns.
 * Invocation i has the rows `i / 8`, `i / 8 + 8`, … and the columns `i % 8`, `i % 8 + 8`, …: so the
 * invocations of a subgroup read different banks of group memory.
 */

import * as build from "./build.ts";
import type { Expr } from "./kernel.ts";

/** Rows and columns of a block. */
export const blockExtent = 32;

/** Invocations beside and below each other: the distance of an invocation's rows and columns. */
export const blockAcross = 8;

/** Rows and columns of an invocation. */
export const blockEach = 4;

/** Invocations of a block. */
export const blockInvocations = 64;

/** Elements of the inner index that are in group memory at once. */
export const blockStep = 16;

/** The row of an invocation with that number. */
export function ownRow(index: number): Expr {
  return build.add(build.quotient(build.invocation, blockAcross), index * blockAcross);
}

/** The first column of an invocation. */
export const ownColumn: Expr = build.remainder(build.invocation, blockAcross);
