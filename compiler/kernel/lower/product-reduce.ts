/**
 * Products of few rows: eight invocations share the inner index of each column and add up their sums,
 * always in the same order. So a decode step keeps a device busy, and neighbours
 * read neighbouring weights. Needs an inner index that is a multiple of four.
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
import type { Expr, Statement } from "../kernel.ts";
import {
  across,
  barrier,
  declare,
  loop,
  tile as declareTile,
  tileMultiply,
  when,
} from "../statements.ts";
import type { Context } from "./context.ts";
import { commentOf, regionName } from "./name.ts";
import { type Product, productOf, type ProductPart, type ProductTile } from "./product.ts";
import { placeTile, type TilePlace } from "./product-place.ts";
import { readLeft, readRight } from "./product-read.ts";
import { reductionsOf, type SharedRows, sharedRows } from "./product-rows.ts";
import { storeTile } from "./product-store.ts";
import { overParts } from "./task-parts.ts";
import { finishGroups, type Lowered, type Schedule } from "./schedule.ts";

/** Invocations that share a column. */
const sharers = 8;
const lanes = 4;

/** Lowers a region of products. */
export function reducedProduct(context: Context, region: Region, schedule: Schedule): Lowered {
  const product = productOf(context, region);
  const { rows, invocations } = schedule;
  invariant(product.inner % lanes === 0, "lowering: the inner index is a multiple of four");
  const columns = invocations / sharers;
  const blocks = (part: ProductPart): Dimension =>
    times([
      product.batch,
      ceilDivide(part.columns, constant(columns)),
      ceilDivide(product.rows, constant(rows)),
    ]);
  const scales = sharedRows(context, product, rows, invocations, "invocation");
  const reductions = reductionsOf(context, product).length;
  const flops = product.parts.map((part) => {
    const perElement = 2 * columns * part.sums.length + reductions;
    return times([constant(rows * product.inner * perElement), blocks(part)]);
  });
  const group = context.fresh("block");
  const body = overParts(context, product.parts, blocks, build.variable(group), (part, block) =>
    blockOf(context, { product, part, rows, columns, scales }, block),
  );
  return finishGroups(
    context,
    schedule,
    { name: regionName(context, region), comment: commentOf(context, region) },
    scales.arrays,
    { groups: sumOf(product.parts.map(blocks)), flops: sumOf(flops) },
    [declare(group, build.group), ...body],
  );
}

interface Block {
  readonly product: Product;
  readonly part: ProductPart;
  readonly rows: number;
  readonly columns: number;
  readonly scales: SharedRows;
}

function blockOf(context: Context, whole: Block, block: Expr): readonly Statement[] {
  const { product, part, rows, columns, scales } = whole;
  const down = context.size(ceilDivide(product.rows, constant(rows)));
  const right = context.size(ceilDivide(part.columns, constant(columns)));
  const perBatch = build.multiply(right, down);
  const inBatch = build.remainder(block, perBatch);
  const corner = build.multiply(build.quotient(inBatch, down), columns);
  const tile: ProductTile = {
    batch: { key: "batch", expr: build.quotient(block, perBatch), extent: product.batch },
    rowStart: build.multiply(build.remainder(inBatch, down), rows),
    columnStart: build.add(corner, build.quotient(build.invocation, sharers)),
    rows,
    columns: 1,
    block: { rows, columns },
  };
  const place = placeTile(context, product, part, tile);
  const { statements, totals } = sumsOf(context, whole, place);
  const values = scales.tiles(place, rows, (row) => row);
  const stores = storeTile(context, part, tile, place, totals, values.known);
  const isFirst = build.equal(build.remainder(build.invocation, sharers), 0);
  return [
    ...scales.add(place),
    ...statements,
    ...(scales.arrays.length > 0 ? [barrier] : []),
    when(isFirst, [...values.statements, ...stores]),
  ];
}

/**
 * The sums of a column: each invocation adds up four elements of the inner index of each four times
 * `sharers`, and all of them what they have.
 */
function sumsOf(
  context: Context,
  { product, part, rows }: Block,
  place: TilePlace,
): { readonly statements: readonly Statement[]; readonly totals: readonly string[] } {
  const variable = context.fresh("k");
  const inner = (offset: string): Expr =>
    build.add(build.variable(variable), build.variable(offset));
  const left = context.fresh("left");
  const [row, column] = [context.fresh("row"), context.fresh("column")];
  const leftValue = readLeft(context, product, place, build.variable(row), inner(column));
  const body = [declareTile(left, rows, lanes, leftValue, row, column)];
  const sums = part.sums.map((each) => {
    const [sum, right] = [context.fresh("sum"), context.fresh("right")];
    const [down, single] = [context.fresh("row"), context.fresh("column")];
    const value = readRight(context, each, place, inner(down), build.variable(single));
    body.push(declareTile(right, lanes, 1, value, down, single));
    body.push(tileMultiply(sum, left, right));
    return sum;
  });
  const first = build.multiply(build.remainder(build.invocation, sharers), lanes);
  const totals = sums.map(() => context.fresh("total"));
  const statements = [
    ...sums.map((sum) => declareTile(sum, rows, 1, 0)),
    loop(variable, first, product.inner, body, lanes * sharers),
    ...sums.map((sum, index) => across(totals[index] ?? "", sum, "sum", sharers)),
  ];
  return { statements, totals };
}
