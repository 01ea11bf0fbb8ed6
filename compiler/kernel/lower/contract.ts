/**
 * Matrix products: `result[b, m, n] = Σ_k left[b, m, k] · right[b, n, k]`, in register tiles.
 *
 * The axes of each role are flattened to one index. Rows and columns past the end are computed from
 * the last one and not stored (tile edges); a remainder of k is a loop of its own.
 */

import type { Region } from "../../fusion/region.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { asConstant, ceilDivide, constant, type Dimension, productOf } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { loop, tile as declareTile, tileEach, tileMultiply, when } from "../statements.ts";
import { affineOf, type Base } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { extentOf, compute, read, unflatten } from "./read.ts";
import { commentOf, regionName } from "./name.ts";
import { type ProductRoles, productRoles } from "./roles.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";
import { storeTo } from "./store.ts";

/** Lowers a region whose root is a `contract`. */
export function lowerContract(context: Context, region: Region, schedule: Schedule): Lowered {
  const roles = productRoles(context.graph, region.root);
  const rows = extentOf(context, roles.rows);
  const columns = extentOf(context, roles.columns);
  const inner = extentOf(context, roles.inner);
  const batch = extentOf(context, roles.batch);
  const tileColumns = Math.min(schedule.columns, asConstant(columns) ?? schedule.columns);
  const panel = Math.min(
    schedule.panel,
    roundUp(asConstant(columns) ?? schedule.panel, tileColumns),
  );
  const rowTiles = ceilDivide(rows, constant(schedule.rows));
  const panels = ceilDivide(columns, constant(panel));
  const tasks = productOf([batch, panels, rowTiles]);
  const flops = productOf([
    constant(2 * schedule.rows * tileColumns),
    batch,
    rowTiles,
    ceilDivide(columns, constant(tileColumns)),
    inner,
  ]);
  const name = regionName(context, region);
  return finish(context, schedule, name, commentOf(context, region), tasks, flops, (task) => {
    const perBatch = build.multiply(context.size(panels), context.size(rowTiles));
    const inBatch = build.remainder(task, perBatch);
    const tile: Tile = {
      batch: { key: "batch", expr: build.quotient(task, perBatch), extent: batch },
      rowStart: build.multiply(
        build.remainder(inBatch, context.size(rowTiles)),
        build.int(schedule.rows),
      ),
      rows: schedule.rows,
      columns: tileColumns,
      rowCount: rows,
      columnCount: columns,
      innerCount: inner,
    };
    const panelStart = build.multiply(
      build.quotient(inBatch, context.size(rowTiles)),
      build.int(panel),
    );
    if (panel === tileColumns) return block(context, region, roles, tile, panelStart);
    const start = context.fresh("column_start");
    const end = build.minimum(build.add(panelStart, panel), context.size(columns));
    const body = block(context, region, roles, tile, build.variable(start));
    return [loop(start, panelStart, end, body, tileColumns)];
  });
}

interface Tile {
  readonly batch: Base;
  readonly rowStart: Expr;
  readonly rows: number;
  readonly columns: number;
  readonly rowCount: Dimension;
  readonly columnCount: Dimension;
  readonly innerCount: Dimension;
}

function block(
  context: Context,
  region: Region,
  roles: ProductRoles,
  tile: Tile,
  columnStart: Expr,
): readonly Statement[] {
  const sum = context.fresh("sum");
  const total = asConstant(tile.innerCount);
  invariant(total !== undefined, "lowering: a product sums axes of constant size");
  const step = 4;
  const whole = total - (total % step);
  const place = placement(context, roles, tile, columnStart);
  const statements: Statement[] = [declareTile(sum, tile.rows, tile.columns, 0)];
  if (whole > 0) statements.push(innerLoop(context, roles, tile, place, sum, 0, whole, step));
  if (whole < total) statements.push(innerLoop(context, roles, tile, place, sum, whole, total, 1));
  statements.push(...storeTile(context, region, tile, place, sum));
  return statements;
}

interface Placement {
  /** Clamped into the operand, for reading. */
  readonly row: (row: Expr) => Coordinates;
  readonly column: (column: Expr) => Coordinates;
  readonly inner: (index: Expr) => Coordinates;
  readonly batch: Coordinates;
  /** Whether an element of the tile is one of the result; undefined if all are. */
  readonly inside: (row: Expr, column: Expr) => Expr | undefined;
}

function placement(
  context: Context,
  roles: ProductRoles,
  tile: Tile,
  columnStart: Expr,
): Placement {
  const rowsEven = isMultiple(tile.rowCount, tile.rows);
  const columnsEven = isMultiple(tile.columnCount, tile.columns);
  const base = (key: string, index: Expr, extent: Dimension, even: boolean): Base => ({
    key,
    expr: even ? index : build.minimum(index, build.subtract(context.size(extent), build.int(1))),
    extent,
  });
  return {
    row: (row) =>
      unflatten(
        context,
        roles.rows,
        affineOf(base("row", build.add(tile.rowStart, row), tile.rowCount, rowsEven)),
      ),
    column: (column) =>
      unflatten(
        context,
        roles.columns,
        affineOf(base("column", build.add(columnStart, column), tile.columnCount, columnsEven)),
      ),
    inner: (index) =>
      unflatten(
        context,
        roles.inner,
        affineOf({ key: "inner", expr: index, extent: tile.innerCount }),
      ),
    batch: unflatten(context, roles.batch, affineOf(tile.batch)),
    inside: (row, column) => {
      const tests: Expr[] = [];
      if (!rowsEven) {
        tests.push(build.less(build.add(tile.rowStart, row), context.size(tile.rowCount)));
      }
      if (!columnsEven) {
        tests.push(build.less(build.add(columnStart, column), context.size(tile.columnCount)));
      }
      return tests.length === 0 ? undefined : tests.reduce((a, b) => build.and(a, b));
    },
  };
}

function innerLoop(
  context: Context,
  roles: ProductRoles,
  tile: Tile,
  place: Placement,
  sum: string,
  from: number,
  to: number,
  step: number,
): Statement {
  const variable = context.fresh("k");
  const start = build.variable(variable);
  const [leftTile, rightTile] = [context.fresh("left"), context.fresh("right")];
  const [leftRow, leftColumn] = [context.fresh("row"), context.fresh("column")];
  const [rightRow, rightColumn] = [context.fresh("row"), context.fresh("column")];
  const at = (parts: readonly Coordinates[]): Coordinates =>
    new Map(parts.flatMap((part) => [...part]));
  const word = (name: string): Expr => build.variable(name);
  const leftPlace = at([
    place.batch,
    place.row(word(leftRow)),
    place.inner(build.add(start, word(leftColumn))),
  ]);
  const rightPlace = at([
    place.batch,
    place.inner(build.add(start, word(rightRow))),
    place.column(word(rightColumn)),
  ]);
  const left = read(context, roles.left, leftPlace);
  const right = read(context, roles.right, rightPlace);
  const body = [
    declareTile(leftTile, tile.rows, step, left, leftRow, leftColumn),
    declareTile(rightTile, step, tile.columns, right, rightRow, rightColumn),
    tileMultiply(sum, leftTile, rightTile),
  ];
  return loop(variable, from, to, body, step);
}

/** The epilogue is computed at clamped places, too, and stored only inside. */
function storeTile(
  context: Context,
  region: Region,
  tile: Tile,
  place: Placement,
  sum: string,
): readonly Statement[] {
  const [row, column] = [context.fresh("row"), context.fresh("column")];
  const at = (r: Expr, c: Expr): Coordinates =>
    new Map([...place.batch, ...place.row(r), ...place.column(c)]);
  const word = (name: string): Expr => build.variable(name);
  const statements: Statement[] = [];
  let finished = sum;
  if (region.result !== region.root) {
    finished = context.fresh("result");
    const known = new Map([[region.root, build.element(sum)]]);
    const value = compute(context, region.result, at(word(row), word(column)), known);
    statements.push(declareTile(finished, tile.rows, tile.columns, value, row, column));
  }
  const [storeRow, storeColumn] = [context.fresh("row"), context.fresh("column")];
  const store = storeTo(
    context,
    region.store,
    at(word(storeRow), word(storeColumn)),
    build.element(finished),
  );
  const inside = place.inside(word(storeRow), word(storeColumn));
  const body = inside === undefined ? [store] : [when(inside, [store])];
  statements.push(tileEach(finished, storeRow, storeColumn, body));
  return statements;
}

function isMultiple(size: Dimension, of: number): boolean {
  const value = asConstant(size);
  return of === 1 || (value !== undefined && value % of === 0);
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
