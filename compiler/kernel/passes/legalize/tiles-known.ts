/**
 * What a kernel does with each of its tiles, gathered once for the choice of layouts. Nothing is
 * decided here.
 */

import { invariant } from "../../../../grammar/invariant.ts";
import { element } from "../../build.ts";
import type { Expr, Kernel, Statement, TileStatement } from "../../kernel.ts";
import { someExpr, someStatement, visitBody } from "../../rewrite.ts";

/** A value given to all elements of a tile. */
export interface Definition {
  readonly row: string;
  readonly column: string;
  readonly value: Expr;
}

/** A store inside a `tile_each`. */
export interface TileStore {
  readonly row: string;
  readonly column: string;
  readonly index: Expr;
}

/** A tile and everything that is done with it. */
export interface KnownTile {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly definitions: readonly Definition[];
  readonly stores: readonly TileStore[];
  readonly products: readonly Extract<TileStatement, { kind: "tile_multiply" }>[];
  /** Whether it changes after its declaration. */
  readonly changes: boolean;
  /** The tile whose rows it sums up, if that is how it is declared. */
  readonly reducedFrom?: string;
}

/** The tiles of `kernel` in the order of their declarations. */
export function knownTiles(kernel: Kernel): ReadonlyMap<string, KnownTile> {
  const tiles = new Map<string, Mutable>();
  const found = (name: string): Mutable => {
    const tile = tiles.get(name);
    invariant(tile !== undefined, `legalize ${kernel.name}: tile \`${name}\` is not declared`);
    return tile;
  };
  visitBody(kernel.body, (statement) => note(statement, tiles, found));
  return tiles;
}

type Mutable = {
  -readonly [Key in keyof KnownTile]: KnownTile[Key] extends readonly (infer Item)[]
    ? Item[]
    : KnownTile[Key];
};

function fresh(name: string, rows: number, columns: number): Mutable {
  return { name, rows, columns, definitions: [], stores: [], products: [], changes: false };
}

function note(
  statement: Statement,
  tiles: Map<string, Mutable>,
  found: (name: string) => Mutable,
): void {
  switch (statement.kind) {
    case "tile": {
      const tile = fresh(statement.name, statement.rows, statement.columns);
      tile.definitions.push(statement);
      tiles.set(statement.name, tile);
      return;
    }
    case "tile_assign": {
      const tile = found(statement.name);
      tile.definitions.push(statement);
      tile.changes = true;
      return;
    }
    case "tile_multiply": {
      const target = found(statement.target);
      target.changes = true;
      for (const name of new Set([statement.target, statement.left, statement.right])) {
        found(name).products.push(statement);
      }
      return;
    }
    case "tile_reduce": {
      const tile = fresh(statement.name, found(statement.source).rows, 1);
      tiles.set(statement.name, { ...tile, reducedFrom: statement.source });
      return;
    }
    case "across": {
      if (typeof statement.of !== "string") return;
      const { rows, columns } = found(statement.of);
      const tile = fresh(statement.name, rows, columns);
      tile.definitions.push({ row: "", column: "", value: element(statement.of) });
      tiles.set(statement.name, tile);
      return;
    }
    case "tile_each": {
      const { row, column } = statement;
      const tile = found(statement.tile);
      visitBody(statement.body, (each) => {
        const isStore = each.kind === "store" || each.kind === "store_array";
        if (isStore) tile.stores.push({ row, column, index: each.index });
      });
      return;
    }
    default:
  }
}

/** Whether `statement` uses the tile other than by adding products to it. */
export function usesTile(statement: Statement, name: string): boolean {
  return someStatement([statement], (each) => {
    switch (each.kind) {
      case "tile":
        return readsElement(each.value, name);
      case "tile_assign":
        return each.name === name || readsElement(each.value, name);
      case "tile_multiply":
        return each.left === name || each.right === name;
      case "tile_reduce":
        return each.source === name;
      case "across":
        return typeof each.of === "string" ? each.of === name : readsElement(each.of, name);
      case "tile_each":
        return each.tile === name;
      case "let":
      case "var":
      case "assign":
        return readsElement(each.value, name);
      case "store":
      case "store_array":
        return readsElement(each.index, name) || readsElement(each.value, name);
      case "if":
        return readsElement(each.condition, name);
      default:
        return false;
    }
  });
}

function readsElement(expr: Expr, name: string): boolean {
  return someExpr(expr, (part) => part.kind === "element" && part.tile === name);
}

/** Whether `statement` adds a product to the tile. */
export function multipliesInto(statement: Statement, name: string): boolean {
  return someStatement(
    [statement],
    (each) => each.kind === "tile_multiply" && each.target === name,
  );
}
