/**
 * Products in blocks: 64 invocations compute 32 rows and 32 columns together, four by four each. A
 * step along the inner index brings both operands to group memory, where each element is read eight
 * times. Needs an inner index that is a multiple of the step.
 *
 * An invocation has every eighth row and column of the block, and rows of group memory are padded by
 * four elements: so the invocations of a subgroup read from different banks. Rows past the last one
 * are not multiplied.
 */

import type { Region } from "../../fusion/region.ts";
import { invariant } from "../../../grammar/invariant.ts";
import {
  ceilDivide,
  constant,
  type Dimension,
  productOf as times,
  sumOf,
} from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, GroupArray, Statement } from "../kernel.ts";
import {
  barrier,
  declare,
  loop,
  storeArray,
  tile as declareTile,
  tileEach,
  tileMultiply,
  when,
} from "../statements.ts";
import { divides } from "./affine.ts";
import type { Context } from "./context.ts";
import { commentOf, regionName } from "./name.ts";
import {
  mostSums,
  type Product,
  productOf,
  type ProductPart,
  type ProductTile,
} from "./product.ts";
import { placeTile } from "./product-place.ts";
import { readLeft, readRight } from "./product-read.ts";
import { reductionsOf, type SharedRows, sharedRows } from "./product-rows.ts";
import { storeTile } from "./product-store.ts";
import { overParts } from "./product-tasks.ts";
import { finishGroups, type Lowered, type Schedule } from "./schedule.ts";

/** Rows and columns of a block, and of the grid of invocations. */
const extent = 32;
const across = 8;
const each = extent / across;

/** Elements of the inner index that are in group memory at once, and the length of a row there. */
export const blockStep = 16;
const pitch = blockStep + 4;

const lanes = 4;

/** Bytes of group memory for so many products of the same left operand. */
export function blockProductBytes(sums: number): number {
  return (1 + sums) * extent * pitch * 4;
}

/** Lowers a region of products. */
export function blockProduct(context: Context, region: Region, schedule: Schedule): Lowered {
  const product = productOf(context, region);
  invariant(schedule.invocations === across * across, "lowering: a block has 64 invocations");
  invariant(product.inner % blockStep === 0, "lowering: the inner index is a multiple of the step");
  const most = mostSums(product);
  const array = (name: string): GroupArray => ({
    name: context.fresh(name),
    element: "f32",
    length: extent * pitch,
  });
  const left = array("left_block");
  const rights = Array.from({ length: most }, () => array("right_block"));
  const blocks = (part: ProductPart): Dimension =>
    times([
      product.batch,
      ceilDivide(part.columns, constant(extent)),
      ceilDivide(product.rows, constant(extent)),
    ]);
  const reductions = reductionsOf(context, product).length;
  const flops = product.parts.flatMap((part) => {
    const strips = ceilDivide(part.columns, constant(extent));
    const perRow = constant(2 * extent * product.inner * part.sums.length);
    return [
      times([perRow, product.batch, strips, product.rows]),
      times([constant(extent * product.inner * reductions), blocks(part)]),
    ];
  });
  const rows = sharedRows(context, product, extent, across * across, "invocation");
  const group = context.fresh("block");
  const memory = { left: left.name, rights: rights.map(({ name }) => name) };
  const body = overParts(context, product, blocks, build.variable(group), (part, block) =>
    blockOf(context, product, part, memory, rows, block),
  );
  return finishGroups(
    context,
    schedule,
    { name: regionName(context, region), comment: commentOf(context, region) },
    [left, ...rights, ...rows.arrays],
    { groups: sumOf(product.parts.map(blocks)), flops: sumOf(flops) },
    [declare(group, build.group), ...body],
  );
}

interface GroupMemory {
  readonly left: string;
  readonly rights: readonly string[];
}

/** The `block`-th block of a part: rows first, so that groups that run together share columns. */
function blockOf(
  context: Context,
  product: Product,
  part: ProductPart,
  memory: GroupMemory,
  rows: SharedRows,
  block: Expr,
): readonly Statement[] {
  const down = context.size(ceilDivide(product.rows, constant(extent)));
  const right = context.size(ceilDivide(part.columns, constant(extent)));
  const perBatch = build.multiply(right, down);
  const inBatch = build.remainder(block, perBatch);
  const corner = {
    batch: { key: "batch", expr: build.quotient(block, perBatch), extent: product.batch },
    rowStart: build.multiply(build.remainder(inBatch, down), extent),
    columnStart: build.multiply(build.quotient(inBatch, down), extent),
  };
  const row = build.quotient(build.invocation, across);
  const column = build.remainder(build.invocation, across);
  const tile: ProductTile = {
    batch: corner.batch,
    rowStart: build.add(corner.rowStart, row),
    columnStart: build.add(corner.columnStart, column),
    rows: 1,
    columns: each,
    columnStep: across,
    block: { rows: extent, columns: extent },
  };
  const lines = Array.from({ length: each }, (_, index): Line => {
    const line = build.add(row, index * across);
    const at = { ...tile, rowStart: build.add(corner.rowStart, line) };
    return { line, tile: at, sums: part.sums.map(() => context.fresh("sum")) };
  });
  const start = context.fresh("k");
  const ofBlock = placeTile(context, product, part, { ...tile, ...corner });
  const rowsLeft = build.subtract(context.size(product.rows), corner.rowStart);
  const left = divides(constant(extent), product.rows) ? undefined : rowsLeft;
  const ofPart = { ...memory, rights: memory.rights.slice(0, part.sums.length) };
  return [
    ...rows.add(ofBlock),
    ...lines.flatMap(({ sums }) => sums.map((sum) => declareTile(sum, 1, each, 0))),
    loop(
      start,
      0,
      product.inner,
      [
        ...fill(context, product, part, memory, { ...tile, ...corner }, build.variable(start)),
        barrier,
        ...multiplyBlocks(context, ofPart, lines, column, left),
        // Nobody may fill the memory again before all have read it.
        barrier,
      ],
      blockStep,
    ),
    ...lines.flatMap((each) => storeLine(context, product, part, rows, each)),
  ];
}

/** A row of the block that an invocation has, with a tile of one row for each sum. */
interface Line {
  readonly line: Expr;
  readonly tile: ProductTile;
  readonly sums: readonly string[];
}

function storeLine(
  context: Context,
  product: Product,
  part: ProductPart,
  rows: SharedRows,
  { line, tile, sums }: Line,
): readonly Statement[] {
  const place = placeTile(context, product, part, tile);
  const scales = rows.tiles(place, 1, () => line);
  return [...scales.statements, ...storeTile(context, part, tile, place, sums, scales.known)];
}

/** Brings a step of both operands to group memory, four elements along the inner index at a time. */
function fill(
  context: Context,
  product: Product,
  part: ProductPart,
  memory: GroupMemory,
  corner: ProductTile,
  start: Expr,
): readonly Statement[] {
  const perRow = blockStep / lanes;
  const together = (across * across) / perRow;
  const line = build.quotient(build.invocation, perRow);
  const offset = build.multiply(build.remainder(build.invocation, perRow), lanes);
  const copy = (array: string, value: (line: Expr, inner: Expr) => Expr): readonly Statement[] => {
    const staged = context.fresh("staged");
    const [row, column] = [context.fresh("row"), context.fresh("column")];
    const [storeRow, storeColumn] = [context.fresh("row"), context.fresh("column")];
    const lineOf = (name: string): Expr =>
      build.add(line, build.multiply(build.variable(name), together));
    const inner = build.add(start, offset, build.variable(column));
    const index = build.add(
      build.multiply(lineOf(storeRow), pitch),
      offset,
      build.variable(storeColumn),
    );
    return [
      declareTile(staged, extent / together, lanes, value(lineOf(row), inner), row, column),
      tileEach(staged, storeRow, storeColumn, [storeArray(array, index, build.element(staged))]),
    ];
  };
  const place = placeTile(context, product, part, { ...corner, rowStep: 1, columnStep: 1 });
  return [
    ...copy(memory.left, (row, inner) => readLeft(context, product, place, row, inner)),
    ...part.sums.flatMap((sum, index) =>
      copy(memory.rights[index] ?? "", (column, inner) =>
        readRight(context, sum, place, inner, column),
      ),
    ),
  ];
}

/**
 * Adds the products of what is in group memory to the sums. Past the last row nothing is multiplied:
 * `left` rows of the block are there.
 */
function multiplyBlocks(
  context: Context,
  memory: GroupMemory,
  lines: readonly Line[],
  column: Expr,
  left: Expr | undefined,
): readonly Statement[] {
  const steps = (guarded: (line: Line, body: readonly Statement[]) => readonly Statement[]) => {
    const inner = context.fresh("k");
    const at = (line: Expr, index: string): Expr =>
      build.add(build.multiply(line, pitch), build.variable(inner), build.variable(index));
    const rights = memory.rights.map((array) => {
      const [name, k, step] = [
        context.fresh("right"),
        context.fresh("row"),
        context.fresh("column"),
      ];
      const line = build.add(column, build.multiply(build.variable(step), across));
      const value = build.loadArray(array, at(line, k));
      return { name, tile: declareTile(name, lanes, each, value, k, step) };
    });
    const ofLine = (line: Line): readonly Statement[] => {
      const [name, row, k] = [context.fresh("left"), context.fresh("row"), context.fresh("column")];
      const value = build.loadArray(memory.left, at(line.line, k));
      return guarded(line, [
        declareTile(name, 1, lanes, value, row, k),
        ...line.sums.map((sum, index) => tileMultiply(sum, name, rights[index]?.name ?? "")),
      ]);
    };
    const body = [...rights.map(({ tile }) => tile), ...lines.flatMap(ofLine)];
    return loop(inner, 0, blockStep, body, lanes);
  };
  const whole = steps((_, body) => body);
  if (left === undefined) return [whole];
  const edge = steps(({ line }, body) => [when(build.less(line, left), body)]);
  return [when(build.lessEqual(extent, left), [whole], [edge])];
}
