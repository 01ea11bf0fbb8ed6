/**
 * `warp_multiply` in CUDA C++: fragments from shared memory through `ldmatrix`, products through
 * `mma.sync`, and plain fused multiply-adds for exact f32, over the same registers.
 *
 * The fragments are those of the PTX manual ("Matrix fragments for mma.m16n8k16" and "…k8"); with g =
 * lane / 4 and t = lane % 4. A left factor that is a tile is in the right registers for 16 bits; for
 * tf32 its columns 2t and 2t + 1 stand for t and t + 4, and the right factor's rows follow.
 */

import { invariant } from "../../../grammar/invariant.ts";
import type { ArraySlice, Expr, GroupArray, TileStatement } from "../../kernel/kernel.ts";
import { laneSwizzle, type Swizzle, swizzleName, swizzleOf } from "./shared.ts";
import { loop, tileOf, type WarpTile, type Writer } from "./warp.ts";

/** The lines that lanes read of 8×8 matrices, and the rows and columns that they hold of products. */
const byMatrix = "lane % 8";
const byRow = "lane / 4";

type Multiply = Extract<TileStatement, { kind: "warp_multiply" }>;

/** What is known of the kernel around. */
export interface Surroundings {
  readonly tiles: ReadonlyMap<string, WarpTile>;
  readonly arrays: ReadonlyMap<string, GroupArray>;
  /** Whether an index is a multiple of a number for sure. */
  readonly isMultiple: (index: Expr, of: number) => boolean;
}

/** The statement as lines. */
export function multiplyLines(
  statement: Multiply,
  around: Surroundings,
  writer: Writer,
): readonly string[] {
  const target = tileOf(around.tiles, statement.target);
  const at = { statement, target, around, writer };
  const lines = statement.math === "f32" ? plainProduct(at) : tensorProduct(at);
  return ["{", ...lines.map((line) => (line.startsWith("#") ? line : `  ${line}`)), "}"];
}

interface At {
  readonly statement: Multiply;
  readonly target: WarpTile;
  readonly around: Surroundings;
  readonly writer: Writer;
}

/**
 * The address of an element of a slice: `line` lines and `along` elements from its start. `eighth` is
 * the remainder of the line by eight, where it depends on the lane only.
 */
function address(at: At, slice: ArraySlice, line: string, along: string, eighth?: string): string {
  const { writer, around } = at;
  const array = around.arrays.get(slice.array);
  invariant(array !== undefined, `codegen: no array \`${slice.array}\``);
  const word = writer.word(slice.array);
  const start =
    slice.index.kind === "const" && slice.index.value === 0 ? "" : `${writer.expr(slice.index)} + `;
  const plain = `${start}(${line}) * ${slice.stride} + ${along}`;
  const swizzle = swizzleOf(array);
  if (swizzle === undefined) return `${word}[${plain}]`;
  if (eighth !== undefined && startsEightRows(slice, swizzle, around)) {
    return `${word}[${start}(${line}) * ${slice.stride} + (${along} ^ ${laneSwizzle(swizzle, eighth)})]`;
  }
  return `${word}[${swizzleName(swizzle)}(${plain})]`;
}

/** Whether lines are rows of the array, and the first of them is a multiple of eight. */
function startsEightRows(slice: ArraySlice, swizzle: Swizzle, around: Surroundings): boolean {
  return slice.stride === swizzle.rowLength && around.isMultiple(slice.index, 8 * slice.stride);
}

function tensorProduct(at: At): readonly string[] {
  const { statement, target } = at;
  const { math, inner } = statement;
  const step = math === "tf32" ? 8 : 16;
  const rowBlocks = target.rows / 16;
  const body = [
    `unsigned left[${rowBlocks}][4];`,
    ...loop("i", rowBlocks, 1, leftFragment(at)),
    ...rightFragments(at, step),
  ];
  return loop("k", inner, step, body);
}

function leftFragment(at: At): readonly string[] {
  const { left, math } = at.statement;
  const { word } = at.writer;
  if (typeof left === "string") {
    const tile = `${word(left)}[i][k / 8`;
    if (math === "tf32") {
      const order = [0, 2, 1, 3];
      return order.map((e, n) => `left[i][${n}] = to_tf32(${tile}][${e}]);`);
    }
    const pair = (n: number, next: string, e: number): string =>
      `left[i][${n}] = pack_${math}(${tile}${next}][${e}], ${tile}${next}][${e + 1}]);`;
    return [pair(0, "", 0), pair(1, "", 2), pair(2, " + 1", 0), pair(3, " + 1", 2)];
  }
  const along = `k + lane / 16 * ${math === "tf32" ? 4 : 8}`;
  const row = "i * 16 + lane % 16";
  if (left.lines === "inner") {
    const lines = [`ldmatrix_x4(left[i], &${address(at, left, row, along, byMatrix)});`];
    return math === "tf32" ? [...lines, ...converted("left[i]", 4)] : lines;
  }
  invariant(math !== "tf32", "codegen: a left factor across lines is of 16 bits");
  const across = "i * 16 + lane / 8 % 2 * 8";
  const line = "k + lane / 16 * 8 + lane % 8";
  return [`ldmatrix_x4_trans(left[i], &${address(at, left, line, across, byMatrix)});`];
}

/** f32 registers as tf32. */
function converted(registers: string, count: number): readonly string[] {
  return loop("e", count, 1, [`${registers}[e] = to_tf32(__uint_as_float(${registers}[e]));`]);
}

function product(at: At, column: string, right: string): readonly string[] {
  const { statement, target, writer } = at;
  const { math } = statement;
  const name = math === "tf32" ? "mma_m16n8k8_tf32" : `mma_m16n8k16_${math}`;
  const sum = `${writer.word(statement.target)}[i][${column}]`;
  return loop("i", target.rows / 16, 1, [`${name}(${sum}, left[i], ${right});`]);
}

function rightFragments(at: At, step: number): readonly string[] {
  const { statement, target } = at;
  const { right, math, left } = statement;
  const blocks = target.columns / 8;
  const byElement = math === "tf32" && (right.lines === "across" || typeof left === "string");
  if (byElement) return loop("j", blocks, 1, [...elements(at), ...product(at, "j", "right")]);
  const half = step / 2;
  const transposed = right.lines === "across";
  const name = transposed ? "_trans" : "";
  const load = (count: 2 | 4): string => {
    const column = count === 4 ? "j * 8 + lane / 16 * 8" : "j * 8";
    const place = transposed
      ? address(at, right, "k + lane % 16", column, byMatrix)
      : address(at, right, `${column} + lane % 8`, `k + lane / 8 % 2 * ${half}`, byMatrix);
    return `ldmatrix_x${count}${name}(right, &${place});`;
  };
  const load4 = [`unsigned right[4];`, load(4), ...(math === "tf32" ? converted("right", 4) : [])];
  const load2 = [`unsigned right[2];`, load(2), ...(math === "tf32" ? converted("right", 2) : [])];
  const pairs = blocks - (blocks % 2);
  const two = [
    ...load4,
    ...product(at, "j", "{right[0], right[1]}"),
    ...product(at, "j + 1", "{right[2], right[3]}"),
  ];
  const last = [
    "{",
    `  const int j = ${blocks - 1};`,
    ...load2.map((line) => `  ${line}`),
    ...product(at, "j", "right"),
    "}",
  ];
  return [...(pairs > 0 ? loop("j", pairs, 2, two) : []), ...(blocks % 2 === 1 ? last : [])];
}

/** Two elements of the right factor, one at a time. */
function elements(at: At): readonly string[] {
  const { left, right } = at.statement;
  const isPermuted = typeof left === "string";
  const element = (n: 0 | 1): string => {
    const inner = isPermuted ? `k + lane % 4 * 2 + ${n}` : `k + lane % 4 + ${n * 4}`;
    const column = "j * 8 + lane / 4";
    const place =
      right.lines === "across"
        ? address(at, right, inner, column)
        : address(at, right, column, inner, byRow);
    return `to_tf32(${place})`;
  };
  return [`const unsigned right[2] = {${element(0)}, ${element(1)}};`];
}

function plainProduct(at: At): readonly string[] {
  const { statement, target, writer } = at;
  const { left, right, inner } = statement;
  const rowBlocks = target.rows / 16;
  const row = "i * 16 + h * 8 + lane / 4";
  const value =
    typeof left === "string"
      ? `__shfl_sync(0xffffffff, ${writer.word(left)}[i][k / 8][h * 2 + k % 2], lane / 4 * 4 + k % 8 / 2)`
      : left.lines === "inner"
        ? address(at, left, row, "k", byRow)
        : address(at, left, "k", row);
  const column = "j * 8 + lane % 4 * 2";
  const place = (n: number): string =>
    right.lines === "inner"
      ? address(at, right, `${column} + ${n}`, "k")
      : address(at, right, "k", `${column} + ${n}`);
  const sum = `${writer.word(statement.target)}[i][j][e]`;
  const body = [
    `float left[${rowBlocks}][2];`,
    ...loop("i", rowBlocks, 1, loop("h", 2, 1, [`left[i][h] = ${value};`])),
    ...loop("j", target.columns / 8, 1, [
      `const float right[2] = {${place(0)}, ${place(1)}};`,
      ...loop(
        "i",
        rowBlocks,
        1,
        loop("e", 4, 1, [`${sum} = fmaf(left[i][e / 2], right[e % 2], ${sum});`]),
      ),
    ]),
  ];
  const lines = loop("k", inner, 1, body);
  // A tile's registers need constant indices; else a few rounds at a time keep the text small.
  return typeof left === "string" ? lines : ["#pragma unroll 4", ...lines.slice(1)];
}
