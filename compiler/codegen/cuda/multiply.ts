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
import { laneSwizzle, pieceSwizzle, type Swizzle, swizzleName, swizzleOf } from "./shared.ts";
import { counter, loop, scaled, scope, sum, tileOf, type WarpTile, type Writer } from "./warp.ts";

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
  return scope(lines);
}

interface At {
  readonly statement: Multiply;
  readonly target: WarpTile;
  readonly around: Surroundings;
  readonly writer: Writer;
}

/** Elements of a line: `within` < 8 of them after `eights`, a multiple of eight that no lane decides. */
interface Apart {
  readonly eights: string;
  readonly within: string;
}

/**
 * The address of an element of a slice: `line` lines and `along` elements from its start. `eighth` is
 * the remainder of the line by eight, where it depends on the lane only, or not on the lane at all.
 */
function address(
  at: At,
  slice: ArraySlice,
  line: string,
  along: string | Apart,
  eighth?: string,
): string {
  const { writer, around } = at;
  const array = around.arrays.get(slice.array);
  invariant(array !== undefined, `codegen: no array \`${slice.array}\``);
  const word = writer.word(slice.array);
  const start =
    slice.index.kind === "const" && slice.index.value === 0 ? "" : `${writer.expr(slice.index)} + `;
  const from = `${start}(${line}) * ${slice.stride} + `;
  const plain = from + (typeof along === "string" ? along : sum(along.eights, along.within));
  const swizzle = swizzleOf(array);
  if (swizzle === undefined) return `${word}[${plain}]`;
  if (eighth !== undefined && startsEightRows(slice, swizzle, around)) {
    const permuted =
      typeof along === "string"
        ? `(${along} ^ ${laneSwizzle(swizzle, eighth)})`
        : permutedApart(along, swizzle, eighth);
    return `${word}[${from}${permuted}]`;
  }
  return `${word}[${swizzleName(swizzle)}(${plain})]`;
}

/**
 * A permuted place in a line that the text knows, as a few values of the lane and as many constants: as
 * one value it would be another one in each line and column, all computed ahead of the loops around.
 */
function permutedApart({ eights, within }: Apart, swizzle: Swizzle, eighth: string): string {
  const piece = pieceSwizzle(swizzle, eighth);
  const pieces = 8 / swizzle.piece;
  return `(${eights} ^ ${piece} / ${pieces} * 8) + (${within} ^ ${piece} % ${pieces} * ${swizzle.piece})`;
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
  const k = counter("k", inner, step);
  const body = [
    `unsigned left[${rowBlocks}][4];`,
    ...loop("i", rowBlocks, 1, leftFragment(at, k)),
    ...rightFragments(at, k, step),
  ];
  return loop("k", inner, step, body);
}

/** The row block of a statement on `target`. */
function rowBlock(target: WarpTile): string {
  return counter("i", target.rows, 16);
}

function leftFragment(at: At, k: string): readonly string[] {
  const { left, math } = at.statement;
  const { word } = at.writer;
  const i = rowBlock(at.target);
  if (typeof left === "string") {
    const block = k === "0" ? "0" : `${k} / 8`;
    const tile = `${word(left)}[${i}]`;
    if (math === "tf32") {
      const order = [0, 2, 1, 3];
      return order.map((e, n) => `left[${i}][${n}] = to_tf32(${tile}[${block}][${e}]);`);
    }
    const next = k === "0" ? "1" : `${block} + 1`;
    const pair = (n: number, of: string, e: number): string =>
      `left[${i}][${n}] = pack_${math}(${tile}[${of}][${e}], ${tile}[${of}][${e + 1}]);`;
    return [pair(0, block, 0), pair(1, block, 2), pair(2, next, 0), pair(3, next, 2)];
  }
  const down = scaled(i, 16);
  if (left.lines === "inner") {
    const along = sum(k, `lane / 16 * ${math === "tf32" ? 4 : 8}`);
    const place = address(at, left, sum(down, "lane % 16"), along, byMatrix);
    const lines = [`ldmatrix_x4(left[${i}], &${place});`];
    return math === "tf32" ? [...lines, ...converted(`left[${i}]`, 4)] : lines;
  }
  invariant(math !== "tf32", "codegen: a left factor across lines is of 16 bits");
  const line = sum(k, "lane / 16 * 8", "lane % 8");
  const place = address(at, left, line, sum(down, "lane / 8 % 2 * 8"), byMatrix);
  return [`ldmatrix_x4_trans(left[${i}], &${place});`];
}

/** f32 registers as tf32. */
function converted(registers: string, count: number): readonly string[] {
  return loop("e", count, 1, [`${registers}[e] = to_tf32(__uint_as_float(${registers}[e]));`]);
}

function product(at: At, column: string, right: string): readonly string[] {
  const { statement, target, writer } = at;
  const { math } = statement;
  const name = math === "tf32" ? "mma_m16n8k8_tf32" : `mma_m16n8k16_${math}`;
  const i = rowBlock(target);
  const total = `${writer.word(statement.target)}[${i}][${column}]`;
  return loop("i", target.rows / 16, 1, [`${name}(${total}, left[${i}], ${right});`]);
}

function rightFragments(at: At, k: string, step: number): readonly string[] {
  const { statement, target } = at;
  const { right, math, left } = statement;
  const blocks = target.columns / 8;
  const byElement = math === "tf32" && (right.lines === "across" || typeof left === "string");
  if (byElement) {
    const j = counter("j", blocks, 1);
    return loop("j", blocks, 1, [...elements(at, k, j), ...product(at, j, "right")]);
  }
  const half = step / 2;
  const transposed = right.lines === "across";
  const load = (count: 2 | 4, j: string): readonly string[] => {
    const column = sum(scaled(j, 8), count === 4 ? "lane / 16 * 8" : "0");
    const place = transposed
      ? address(at, right, sum(k, "lane % 16"), column, byMatrix)
      : address(at, right, sum(column, "lane % 8"), sum(k, `lane / 8 % 2 * ${half}`), byMatrix);
    return [
      `unsigned right[${count}];`,
      `ldmatrix_x${count}${transposed ? "_trans" : ""}(right, &${place});`,
      ...(math === "tf32" ? converted("right", count) : []),
    ];
  };
  const pairs = blocks - (blocks % 2);
  const j = counter("j", pairs, 2);
  const two = [
    ...load(4, j),
    ...product(at, j, "{right[0], right[1]}"),
    ...product(at, j === "0" ? "1" : "j + 1", "{right[2], right[3]}"),
  ];
  const last = String(blocks - 1);
  const one = [...load(2, last), ...product(at, last, "right")];
  if (pairs === 0) return one;
  return [...loop("j", pairs, 2, two), ...(blocks % 2 === 1 ? scope(one) : [])];
}

/** Two elements of the right factor, one at a time. */
function elements(at: At, k: string, j: string): readonly string[] {
  const { left, right } = at.statement;
  const isPermuted = typeof left === "string";
  const element = (n: 0 | 1): string => {
    const own = isPermuted ? sum("lane % 4 * 2", String(n)) : sum("lane % 4", String(n * 4));
    const inner = sum(k, own);
    const column = sum(scaled(j, 8), "lane / 4");
    const place =
      right.lines === "across"
        ? address(at, right, inner, column, `(${own})`)
        : address(at, right, column, inner, byRow);
    return `to_tf32(${place})`;
  };
  return [`const unsigned right[2] = {${element(0)}, ${element(1)}};`];
}

/**
 * Plain multiply-adds. Where both factors have their inner elements beside each other, as many of them
 * come in one load as registers allow.
 */
function plainProduct(at: At): readonly string[] {
  const { left, right } = at.statement;
  const isWide = typeof left !== "string" && left.lines === "inner" && right.lines === "inner";
  return isWide ? wideProduct(at, left) : narrowProduct(at);
}

/** The registers of a row block's two rows, and of a column block's two columns, in a lane. */
const rowText = (i: string, h: string): string => sum(scaled(i, 16), `${h} * 8`, "lane / 4");

function wideProduct(at: At, left: ArraySlice): readonly string[] {
  const { statement, target, writer } = at;
  const { right, inner } = statement;
  const rowBlocks = target.rows / 16;
  const count = rowBlocks === 1 ? 4 : 2;
  const i = rowBlock(target);
  const j = counter("j", target.columns, 8);
  const rowPlace = address(at, left, rowText(i, "h"), "k", byRow);
  const column = (n: number): string => sum("lane % 4 * 2", String(n));
  const columnPlace = (n: number): string =>
    address(at, right, sum(scaled(j, 8), column(n)), "k", `(${column(n)})`);
  const total = `${writer.word(statement.target)}[${i}][${j}][e]`;
  const step = `${total} = fmaf(left[${i}][e / 2][n], right[e % 2][n], ${total});`;
  const sums = loop("n", count, 1, loop("i", rowBlocks, 1, loop("e", 4, 1, [step])));
  const body = [
    `float left[${rowBlocks}][2][${count}];`,
    ...loop("i", rowBlocks, 1, loop("h", 2, 1, [`load_x${count}(left[${i}][h], &${rowPlace});`])),
    ...loop("j", target.columns / 8, 1, [
      `float right[2][${count}];`,
      ...[0, 1].map((n) => `load_x${count}(right[${n}], &${columnPlace(n)});`),
      ...sums,
    ]),
  ];
  return someRounds(loop("k", inner, count, body));
}

function narrowProduct(at: At): readonly string[] {
  const { statement, target, writer } = at;
  const { left, right, inner } = statement;
  const rowBlocks = target.rows / 16;
  const i = rowBlock(target);
  const j = counter("j", target.columns, 8);
  const row = rowText(i, "h");
  const value =
    typeof left === "string"
      ? `__shfl_sync(0xffffffff, ${writer.word(left)}[${i}][k / 8][h * 2 + k % 2], lane / 4 * 4 + k % 8 / 2)`
      : left.lines === "inner"
        ? address(at, left, row, "k", byRow)
        : address(at, left, "k", row);
  const [eights, within] = [scaled(j, 8), "lane % 4 * 2"];
  const apart = eights === "0" ? within : { eights, within };
  const place = (n: number): string => address(at, right, sum(eights, within, String(n)), "k");
  const pair =
    right.lines === "inner"
      ? [`const float right[2] = {${place(0)}, ${place(1)}};`]
      : ["float right[2];", `load_x2(right, &${address(at, right, "k", apart, "k % 8")});`];
  const total = `${writer.word(statement.target)}[${i}][${j}][e]`;
  const step = `${total} = fmaf(left[${i}][e / 2], right[e % 2], ${total});`;
  const body = [
    `float left[${rowBlocks}][2];`,
    ...loop("i", rowBlocks, 1, loop("h", 2, 1, [`left[${i}][h] = ${value};`])),
    ...loop("j", target.columns / 8, 1, [
      ...pair,
      ...loop("i", rowBlocks, 1, loop("e", 4, 1, [step])),
    ]),
  ];
  const lines = loop("k", inner, 1, body);
  // A tile's registers need constant indices.
  return typeof left === "string" ? lines : someRounds(lines);
}

/** A few rounds of a loop at a time keep the text small. */
function someRounds(lines: readonly string[]): readonly string[] {
  return ["#pragma unroll 4", ...lines.slice(1)];
}
