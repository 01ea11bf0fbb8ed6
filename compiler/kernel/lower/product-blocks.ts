/**
 * Products in blocks: 64 invocations compute 32 rows and 32 columns together. A step along the inner
 * index brings both operands to group memory, where each element is read several times; how they are
 * multiplied from there is decided when the kernel is printed (`passes/blocks.ts`). Needs an inner index
 * that is a multiple of the step.
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
import {
  blockAcross,
  blockEach,
  blockExtent,
  blockInvocations,
  blockStep,
  ownColumn,
  ownRow,
} from "../block.ts";
import * as build from "../build.ts";
import type { Expr, GroupArray, Statement } from "../kernel.ts";
import { blockFactorLength } from "../passes/blocks.ts";
import { declare, storeArray, tile as declareTile, tileEach } from "../statements.ts";
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
import { placeTile, type TilePlace } from "./product-place.ts";
import { readLeft, readRight } from "./product-read.ts";
import { reductionsOf, type SharedRows, sharedRows } from "./product-rows.ts";
import { storeTile } from "./product-store.ts";
import { overParts } from "./task-parts.ts";
import { finishGroups, type Lowered, type Schedule } from "./schedule.ts";

const lanes = 4;

/** Bytes of group memory for so many products of the same left operand. */
export function blockProductBytes(sums: number): number {
  return (1 + sums) * blockFactorLength * 4;
}

/** Lowers a region of products. */
export function blockProduct(context: Context, region: Region, schedule: Schedule): Lowered {
  const product = productOf(context, region);
  invariant(schedule.invocations === blockInvocations, "lowering: a block has 64 invocations");
  invariant(product.inner % blockStep === 0, "lowering: the inner index is a multiple of the step");
  const most = mostSums(product);
  const array = (name: string): GroupArray => ({
    name: context.fresh(name),
    element: "f32",
    length: blockFactorLength,
  });
  const left = array("left_block");
  const rights = Array.from({ length: most }, () => array("right_block"));
  const blocks = (part: ProductPart): Dimension =>
    times([
      product.batch,
      ceilDivide(part.columns, constant(blockExtent)),
      ceilDivide(product.rows, constant(blockExtent)),
    ]);
  const reductions = reductionsOf(context, product).length;
  const flops = product.parts.flatMap((part) => {
    const strips = ceilDivide(part.columns, constant(blockExtent));
    const perRow = constant(2 * blockExtent * product.inner * part.sums.length);
    return [
      times([perRow, product.batch, strips, product.rows]),
      times([constant(blockExtent * product.inner * reductions), blocks(part)]),
    ];
  });
  const rows = sharedRows(context, product, blockExtent, blockInvocations, "invocation");
  const group = context.fresh("block");
  const memory = { left: left.name, rights: rights.map(({ name }) => name) };
  const body = overParts(context, product.parts, blocks, build.variable(group), (part, block) =>
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
  const down = context.size(ceilDivide(product.rows, constant(blockExtent)));
  const right = context.size(ceilDivide(part.columns, constant(blockExtent)));
  const perBatch = build.multiply(right, down);
  const inBatch = build.remainder(block, perBatch);
  const corner = {
    batch: { key: "batch", expr: build.quotient(block, perBatch), extent: product.batch },
    rowStart: build.multiply(build.remainder(inBatch, down), blockExtent),
    columnStart: build.multiply(build.quotient(inBatch, down), blockExtent),
  };
  const tile: ProductTile = {
    batch: corner.batch,
    rowStart: build.add(corner.rowStart, ownRow(0)),
    columnStart: build.add(corner.columnStart, ownColumn),
    rows: 1,
    columns: blockEach,
    columnStep: blockAcross,
    block: { rows: blockExtent, columns: blockExtent },
  };
  const lines = Array.from({ length: blockEach }, (_, index): Line => {
    const line = ownRow(index);
    const at = { ...tile, rowStart: build.add(corner.rowStart, line) };
    return { line, tile: at, sums: part.sums.map(() => context.fresh("sum")) };
  });
  const [first, pitch] = [context.fresh("k"), context.fresh("pitch")];
  const ofBlock = placeTile(context, product, part, { ...tile, ...corner });
  const isWhole = divides(constant(blockExtent), product.rows);
  const left = build.subtract(context.size(product.rows), corner.rowStart);
  return [
    ...rows.add(ofBlock),
    {
      kind: "block_product",
      sums: part.sums.map((_, index) => lines.map(({ sums }) => sums[index] ?? "")),
      left: memory.left,
      rights: memory.rights.slice(0, part.sums.length),
      ...{ inner: product.inner, first, pitch },
      fill: fill(context, product, part, memory, { ...tile, ...corner }, { first, pitch }),
      ...(isWhole ? {} : { rows: left }),
      halves: isHalves(context, product, part, ofBlock),
    },
    ...lines.flatMap((each) => storeLine(context, product, part, rows, each)),
  ];
}

/** Whether all factors lie in memory as f16. */
function isHalves(
  context: Context,
  product: Product,
  part: ProductPart,
  place: TilePlace,
): boolean {
  const [k, line] = [build.variable("k"), build.variable("line")];
  const factors = [
    readLeft(context, product, place, line, k),
    ...part.sums.map((sum) => readRight(context, sum, place, k, line)),
  ];
  return factors.every((each) => each.kind === "load" && context.elementOf(each.buffer) === "f16");
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
  names: { readonly first: string; readonly pitch: string },
): readonly Statement[] {
  const perRow = blockStep / lanes;
  const together = blockInvocations / perRow;
  const line = build.quotient(build.invocation, perRow);
  const offset = build.multiply(build.remainder(build.invocation, perRow), lanes);
  const copy = (array: string, value: (line: Expr, inner: Expr) => Expr): readonly Statement[] => {
    const staged = context.fresh("staged");
    const [row, column] = [context.fresh("row"), context.fresh("column")];
    const [storeRow, storeColumn] = [context.fresh("row"), context.fresh("column")];
    const lineOf = (name: string): Expr =>
      build.add(line, build.multiply(build.variable(name), together));
    const inner = build.add(build.variable(names.first), offset, build.variable(column));
    const index = build.add(
      build.multiply(lineOf(storeRow), build.variable(names.pitch)),
      offset,
      build.variable(storeColumn),
    );
    return [
      declareTile(staged, blockExtent / together, lanes, value(lineOf(row), inner), row, column),
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
