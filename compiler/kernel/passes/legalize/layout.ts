/**
 * Decides how the elements of each tile lie in registers.
 *
 * A tile lies with four lanes along its columns, along its rows, or as scalars: whichever needs the
 * fewest loads, stores, operations and movements between lanes. Products want more: where both
 * factors are contiguous along k (`a[row, k]`, `w[column, k]`), each element of the target
 * accumulates four partial sums, added up when the target is first used otherwise; where the right
 * factor is contiguous along n, the target has its lanes along n.
 */

import { invariant } from "../../../../grammar/invariant.ts";
import type { Expr, Kernel, Statement } from "../../kernel.ts";
import { blocksOf, visitExpr } from "../../rewrite.ts";
import { stepOf } from "./contiguous.ts";
import { type KnownTile, knownTiles, multipliesInto, usesTile } from "./tiles-known.ts";

/** Along which axis four elements share a register; none for `scalars`. */
export type Orientation = "columns" | "rows" | "scalars";

/** What is decided for a tile. */
export interface Layout {
  readonly tile: KnownTile;
  readonly orientation: Orientation;
  /** Whether its products are gathered as four partial sums an element, until `sumUpAfter`. */
  readonly accumulates: boolean;
  /** The statement after which the partial sums are added up. */
  readonly sumUpAfter?: Statement;
}

/** What the target language offers. */
export interface LayoutOptions {
  /** Whether values of four lanes are worth having. */
  readonly lanes: boolean;
  /** Whether partial sums along k are worth four times the registers: one register is four lanes. */
  readonly partialSums: boolean;
}

/** The layout of each tile of `kernel`. */
export function chooseLayouts(kernel: Kernel, options: LayoutOptions): ReadonlyMap<string, Layout> {
  const tiles = knownTiles(kernel);
  const chosen = new Map<string, Orientation>();
  for (const tile of tiles.values()) chosen.set(tile.name, cheapest(tile, chosen, options));
  const layouts = new Map<string, Layout>();
  for (const tile of tiles.values()) {
    const layout = forProducts(kernel, tile, chosen, options);
    chosen.set(tile.name, layout.orientation);
    layouts.set(tile.name, layout);
  }
  for (const tile of tiles.values()) {
    if (!options.partialSums || !onlySpread(tile, tiles, layouts)) continue;
    layouts.set(tile.name, { tile, orientation: "scalars", accumulates: false });
  }
  return layouts;
}

function allowed(tile: KnownTile, { lanes }: LayoutOptions): readonly Orientation[] {
  const columns: readonly Orientation[] = lanes && tile.columns % 4 === 0 ? ["columns"] : [];
  const rows: readonly Orientation[] = lanes && tile.rows % 4 === 0 ? ["rows"] : [];
  return [...columns, ...rows, "scalars"];
}

function cheapest(
  tile: KnownTile,
  chosen: ReadonlyMap<string, Orientation>,
  options: LayoutOptions,
): Orientation {
  if (tile.reducedFrom !== undefined) {
    return chosen.get(tile.reducedFrom) === "rows" ? "rows" : "scalars";
  }
  let best: Orientation = "scalars";
  let least = Infinity;
  for (const orientation of allowed(tile, options)) {
    const cost = costOf(tile, orientation, chosen);
    if (cost < least) [best, least] = [orientation, cost];
  }
  return best;
}

function costOf(
  tile: KnownTile,
  orientation: Orientation,
  chosen: ReadonlyMap<string, Orientation>,
): number {
  const elements = tile.rows * tile.columns;
  const width = orientation === "scalars" ? 1 : 4;
  let cost = 0;
  for (const { row, column, value } of tile.definitions) {
    visitExpr(value, (part) => {
      if (part.kind === "load" || part.kind === "load_array") {
        cost += accessCost(tile, orientation, stepOf(part.index, row), stepOf(part.index, column));
      } else if (part.kind === "element") {
        const other = chosen.get(part.tile) ?? "scalars";
        if (part.tile !== tile.name && other !== "scalars" && other !== orientation) {
          cost += elements;
        }
      } else if (part.type.scalar === "f32" && part.kind !== "const") cost += elements / width;
    });
  }
  for (const { row, column, index } of tile.stores) {
    cost += 2 * accessCost(tile, orientation, stepOf(index, row), stepOf(index, column));
  }
  return cost;
}

/** Loads or stores, and the lanes put together where they are not contiguous. */
function accessCost(
  { rows, columns }: KnownTile,
  orientation: Orientation,
  rowStep: number | undefined,
  columnStep: number | undefined,
): number {
  const distinct = (rowStep === 0 ? 1 : rows) * (columnStep === 0 ? 1 : columns);
  if (orientation === "scalars") return distinct;
  const step = orientation === "columns" ? columnStep : rowStep;
  if (step === 0) return distinct;
  return step === 1 ? distinct / 4 : 2 * distinct;
}

function forProducts(
  kernel: Kernel,
  tile: KnownTile,
  chosen: ReadonlyMap<string, Orientation>,
  options: LayoutOptions,
): Layout {
  const orientation =
    tile.reducedFrom === undefined
      ? chosen.get(tile.name)
      : // The source may have got another layout since.
        cheapest(tile, chosen, options);
  const own: Layout = { tile, orientation: orientation ?? "scalars", accumulates: false };
  const products = tile.products.filter((each) => each.target === tile.name);
  if (products.length === 0 || !options.lanes) return own;
  const right = products.every((each) => chosen.get(each.right) === "columns");
  if (right && tile.columns % 4 === 0) return { ...own, orientation: "columns" };
  const alongK = products.some(
    (each) => chosen.get(each.left) === "columns" && chosen.get(each.right) === "rows",
  );
  const sumUpAfter = alongK ? lastProduct(kernel.body, tile.name) : undefined;
  if (alongK && options.partialSums && sumUpAfter !== undefined) {
    return { ...own, accumulates: true, sumUpAfter };
  }
  const left = products.every((each) => chosen.get(each.left) === "rows");
  if (left && tile.rows % 4 === 0) return { ...own, orientation: "rows" };
  return { ...own, orientation: "scalars" };
}

/**
 * In the block that declares the tile, the last statement with products into it, if nothing before
 * that uses the tile otherwise.
 */
function lastProduct(body: readonly Statement[], name: string): Statement | undefined {
  const start = body.findIndex((each) => each.kind === "tile" && each.name === name);
  if (start < 0) {
    const blocks = body.flatMap((each) => blocksOf(each));
    return blocks.map((each) => lastProduct(each, name)).find((each) => each !== undefined);
  }
  const after = body.slice(start + 1);
  const last = after.findLastIndex((each) => multipliesInto(each, name));
  const open = after.slice(0, last + 1);
  return open.some((each) => usesTile(each, name)) ? undefined : open[last];
}

/**
 * Whether a tile is read from memory only to be the left factor of products with lanes along n: its
 * elements are spread over lanes one by one, so that scalar loads save taking them out of registers.
 */
function onlySpread(
  tile: KnownTile,
  tiles: ReadonlyMap<string, KnownTile>,
  layouts: ReadonlyMap<string, Layout>,
): boolean {
  const { definitions, products, stores, name } = tile;
  if (tile.changes || products.length === 0 || stores.length > 0) return false;
  const [definition] = definitions;
  if (definition === undefined || !isLoad(definition.value) || isRead(tiles, name)) return false;
  return products.every((each) => {
    const target = layouts.get(each.target);
    invariant(target !== undefined, `legalize: no layout for \`${each.target}\``);
    return each.left === name && target.orientation === "columns" && !target.accumulates;
  });
}

function isLoad(expr: Expr): boolean {
  return expr.kind === "load" || expr.kind === "load_array";
}

function isRead(tiles: ReadonlyMap<string, KnownTile>, name: string): boolean {
  let found = false;
  for (const { definitions, reducedFrom } of tiles.values()) {
    if (reducedFrom === name) found = true;
    for (const { value } of definitions) {
      visitExpr(value, (part) => {
        if (part.kind === "element" && part.tile === name) found = true;
      });
    }
  }
  return found;
}
