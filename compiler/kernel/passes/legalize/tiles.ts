/**
 * Turns register tiles into variables: scalars, or four lanes where the layout says so.
 *
 * Rows and columns are unrolled; what unrolled statements have in common is left to `share`. The
 * order of summation within a product and within the rows of `tile_reduce` may change, nothing else
 * does. Needs a verified kernel; leaves one without tile statements.
 */

import { invariant, unreachable } from "../../../../grammar/invariant.ts";
import * as build from "../../build.ts";
import type { AcrossStatement, Expr, Kernel, Statement, TileStatement } from "../../kernel.ts";
import { f32x4 } from "../../kernel.ts";
import { mapBlocks } from "../../rewrite.ts";
import { assign, declare, mutable } from "../../statements.ts";
import { Names } from "../names.ts";
import { eachElement } from "./each.ts";
import { chooseLayouts, type Layout, type LayoutOptions } from "./layout.ts";
import { accumulateInto, maximumOfLanes, multiplyInto, nameOf, sumOfLanes } from "./multiply.ts";
import { allocate, cellAt, elementAt, origins, type Registers } from "./registers.ts";
import { type Place, valueAt } from "./tile-values.ts";

/** `kernel` with all tiles in registers. */
export function lowerTiles(kernel: Kernel, options: LayoutOptions): Kernel {
  const lowering = new Lowering(kernel, chooseLayouts(kernel, options));
  return { ...kernel, body: lowering.block(kernel.body) };
}

class Lowering {
  private readonly names: Names;
  private readonly layouts: ReadonlyMap<string, Layout>;
  /** Those of tiles that are added up at some point. */
  private readonly summed: readonly Layout[];
  private readonly tiles = new Map<string, Registers>();
  /** Partial sums of tiles that accumulate, element by element, until they are added up. */
  private readonly partial = new Map<string, readonly Expr[]>();

  constructor(kernel: Kernel, layouts: ReadonlyMap<string, Layout>) {
    this.names = new Names(kernel);
    this.layouts = layouts;
    this.summed = [...layouts.values()].filter((each) => each.sumUpAfter !== undefined);
  }

  block(body: readonly Statement[]): readonly Statement[] {
    return body.flatMap((statement) => {
      const lowered = this.statement(statement);
      const due = this.summed.filter((each) => each.sumUpAfter === statement);
      return due.length === 0 ? lowered : [...lowered, ...due.flatMap((each) => this.sumUp(each))];
    });
  }

  private statement(statement: Statement): readonly Statement[] {
    switch (statement.kind) {
      case "tile":
        return this.declaration(statement);
      case "tile_assign": {
        const registers = this.registersOf(statement.name);
        return this.fill(statement, registers, (name, value) => assign(name, value));
      }
      case "tile_multiply":
        return this.product(statement);
      case "tile_reduce":
        return this.reduction(statement);
      case "across":
        return this.across(statement);
      case "tile_each": {
        const registers = this.registersOf(statement.tile);
        return eachElement(statement, registers, this.tiles, this.names);
      }
      default:
        return [mapBlocks(statement, (nested) => this.block(nested))];
    }
  }

  private layoutOf(name: string): Layout {
    const layout = this.layouts.get(name);
    invariant(layout !== undefined, `legalize: no layout for tile \`${name}\``);
    return layout;
  }

  private registersOf(name: string): Registers {
    const registers = this.tiles.get(name);
    invariant(registers !== undefined, `legalize: tile \`${name}\` is used before it is there`);
    return registers;
  }

  private declaration(statement: Extract<TileStatement, { kind: "tile" }>): readonly Statement[] {
    const { name, rows, columns } = statement;
    const { orientation, accumulates, tile } = this.layoutOf(name);
    if (accumulates) return this.partialSums(statement);
    const registers = allocate(name, rows, columns, orientation, this.names);
    // Only now may the tile's own name be looked up: its first value cannot read it.
    const out = this.fill(statement, registers, tile.changes ? mutable : declare);
    this.tiles.set(name, registers);
    return out;
  }

  private fill(
    { row, column, value }: { row: string; column: string; value: Expr },
    registers: Registers,
    write: (name: string, value: Expr) => Statement,
  ): readonly Statement[] {
    const lanes = registers.orientation === "scalars" ? 1 : 4;
    const nothing = new Map<string, Expr>();
    return origins(registers).map(([i, j]) => {
      const { orientation } = registers;
      const local = { locals: nothing, definitions: nothing };
      const place: Place = { row, column, i, j, orientation, tiles: this.tiles, ...local };
      const result = build.withLanes(valueAt(value, place), lanes);
      return write(nameOf(cellAt(registers, i, j)), result);
    });
  }

  /** Four partial sums an element; the first value of the element is the first of them. */
  private partialSums(statement: Extract<TileStatement, { kind: "tile" }>): readonly Statement[] {
    const { name, rows, columns } = statement;
    const scalars = allocate(`${name}_parts`, rows, columns, "scalars", this.names);
    const zero = build.real(0);
    const cells = scalars.cells.map((cell) => build.variable(cell, f32x4));
    this.partial.set(name, cells);
    return this.fill(statement, scalars, (cell, value) =>
      mutable(cell, build.vector([value, zero, zero, zero])),
    );
  }

  private sumUp({ tile, orientation }: Layout): readonly Statement[] {
    const { name, rows, columns } = tile;
    const partial = this.partial.get(name);
    invariant(partial !== undefined, `legalize: tile \`${name}\` has no partial sums`);
    const registers = allocate(name, rows, columns, orientation, this.names);
    this.tiles.set(name, registers);
    const sum = (i: number, j: number): Expr => {
      const cell = partial[i * columns + j];
      invariant(cell !== undefined, `legalize: no partial sum (${i}, ${j})`);
      return sumOfLanes(cell);
    };
    const changes = tile.definitions.length > 1;
    return origins(registers).map(([i, j]) => {
      const down = orientation === "rows" ? 1 : 0;
      const at = (lane: number): Expr => sum(i + lane * down, j + lane * (1 - down));
      const value =
        orientation === "scalars" ? sum(i, j) : build.vector([at(0), at(1), at(2), at(3)]);
      return (changes ? mutable : declare)(nameOf(cellAt(registers, i, j)), value);
    });
  }

  private product(
    statement: Extract<TileStatement, { kind: "tile_multiply" }>,
  ): readonly Statement[] {
    const [left, right] = [this.registersOf(statement.left), this.registersOf(statement.right)];
    const { accumulates, tile, orientation } = this.layoutOf(statement.target);
    if (!accumulates) return multiplyInto(this.registersOf(statement.target), left, right);
    const partial = this.partial.get(statement.target);
    invariant(partial !== undefined, `legalize: \`${statement.target}\` has no partial sums`);
    const extents: Registers = { rows: tile.rows, columns: tile.columns, orientation, cells: [] };
    return accumulateInto(partial, extents, left, right);
  }

  private across(statement: AcrossStatement): readonly Statement[] {
    const { name, of } = statement;
    if (typeof of !== "string") return [statement];
    const { orientation, tile } = this.layoutOf(name);
    const registers = allocate(name, tile.rows, tile.columns, orientation, this.names);
    const value = { row: "", column: "", value: build.element(of) };
    const out = this.fill(value, registers, (cell, each) => ({
      ...statement,
      name: cell,
      of: each,
    }));
    this.tiles.set(name, registers);
    invariant(!tile.changes, `legalize: tile \`${name}\` is only read`);
    return out;
  }

  private reduction(
    statement: Extract<TileStatement, { kind: "tile_reduce" }>,
  ): readonly Statement[] {
    const { name, fn } = statement;
    const source = this.registersOf(statement.source);
    const { orientation, tile } = this.layoutOf(name);
    const registers = allocate(name, source.rows, 1, orientation, this.names);
    this.tiles.set(name, registers);
    const combine = fn === "sum" ? build.add : build.maximum;
    const write = tile.changes ? mutable : declare;
    return origins(registers).flatMap(([i]): readonly Statement[] => {
      const target = nameOf(cellAt(registers, i, 0));
      switch (source.orientation) {
        case "scalars":
        case "rows": {
          const cells = Array.from({ length: source.columns }, (_, j) =>
            source.orientation === orientation ? cellAt(source, i, j) : elementAt(source, i, j),
          );
          return [
            write(
              target,
              cells.reduce((sum, cell) => combine(sum, cell)),
            ),
          ];
        }
        case "columns": {
          const chunks = Array.from({ length: source.columns / 4 }, (_, c) =>
            cellAt(source, i, c * 4),
          );
          const lanes = this.names.fresh(`${target}_lanes`);
          const whole = fn === "sum" ? sumOfLanes : maximumOfLanes;
          return [
            declare(
              lanes,
              chunks.reduce((sum, chunk) => combine(sum, chunk)),
            ),
            write(target, whole(build.variable(lanes, f32x4))),
          ];
        }
        default:
          return unreachable(source.orientation);
      }
    });
  }
}
