/**
 * Statements on a warp's tiles in CUDA C++. Here, and nowhere else, it is known which lane holds
 * what.
 *
 * A tile of m × n lies in `float tile[m / 16][n / 8][4]` as the tensor cores leave it: register e of
 * block (i, j) is row `i * 16 + e / 2 * 8 + lane / 4`, column `j * 8 + lane % 4 * 2 + e % 2`. A tile
 * of one column lies in `float tile[m / 16][2]`, the same in the four lanes of a row.
 */

import { invariant, unreachable } from "../../../grammar/invariant.ts";
import type { Expr, GroupArray, Kernel, Statement, TileStatement } from "../../kernel/kernel.ts";
import { expressionsOf, reads, someStatement, visitBody } from "../../kernel/rewrite.ts";

/** How the printer around writes what is not on tiles. */
export interface Writer {
  readonly expr: (expr: Expr) => string;
  readonly block: (body: readonly Statement[]) => readonly string[];
  readonly word: (name: string) => string;
}

/** The extents of a warp's tile. */
export interface WarpTile {
  readonly rows: number;
  readonly columns: number;
}

/** The tiles of a kernel by name. */
export function warpTiles(kernel: Kernel): ReadonlyMap<string, WarpTile> {
  const tiles = new Map<string, WarpTile>();
  visitBody(kernel.body, (each) => {
    if (each.kind === "tile") tiles.set(each.name, each);
    if (each.kind !== "tile_reduce") return;
    tiles.set(each.name, { rows: tileOf(tiles, each.source).rows, columns: 1 });
  });
  return tiles;
}

/** The names that the text of a warp's tiles uses. */
export const warpWords: readonly string[] = ["lane", "warp", "i", "j", "e", "h", "k", "n"];

export function tileOf(tiles: ReadonlyMap<string, WarpTile>, name: string): WarpTile {
  const tile = tiles.get(name);
  invariant(tile !== undefined, `codegen: no tile \`${name}\``);
  return tile;
}

/** The element of `tile` called `word` in a statement on all elements of the tile `around`. */
export function elementText(tile: WarpTile, word: string, around: WarpTile): string {
  const i = counter("i", around.rows, 16);
  if (tile.columns === 1) return `${word}[${i}][${around.columns === 1 ? "h" : "e / 2"}]`;
  return `${word}[${i}][${counter("j", around.columns, 8)}][e]`;
}

/** The statement as lines. */
export function tileLines(
  statement: Exclude<TileStatement, { kind: "warp_multiply" | "tile_multiply" }>,
  tiles: ReadonlyMap<string, WarpTile>,
  writer: Writer,
): readonly string[] {
  const { word } = writer;
  switch (statement.kind) {
    case "tile": {
      const { name, value, columns, rows } = statement;
      const extents = columns === 1 ? "[2]" : `[${columns / 8}][4]`;
      const declared = `float ${word(name)}[${rows / 16}]${extents}`;
      if (value.kind === "const" && value.value === 0) return [`${declared} = {};`];
      return [
        `${declared};`,
        ...each(statement, statement, [value], writer, (element) => [
          `${element} = ${writer.expr(value)};`,
        ]),
      ];
    }
    case "tile_assign": {
      const { name, value } = statement;
      const assigned = (element: string): readonly string[] => [
        assignment(element, name, value, writer),
      ];
      return each(statement, { ...tileOf(tiles, name), name }, [value], writer, assigned);
    }
    case "tile_reduce": {
      const name = word(statement.name);
      const { rows } = tileOf(tiles, statement.source);
      const fn = statement.fn === "sum" ? "row_sum" : "row_maximum";
      return [`float ${name}[${rows / 16}][2];`, `${fn}(${name}, ${word(statement.source)});`];
    }
    case "tile_each": {
      const tile = { ...tileOf(tiles, statement.tile), name: statement.tile };
      const used = bodyExpressions(statement.body);
      const lines = each(statement, tile, used, writer, () => writer.block(statement.body));
      // Four lanes hold each row.
      return tile.columns === 1 ? ["if (lane % 4 == 0) {", ...indented(lines), "}"] : lines;
    }
    default:
      return unreachable(statement);
  }
}

/** `x *= e` where the new value is the old one times something. */
function assignment(element: string, name: string, value: Expr, writer: Writer): string {
  const isOwn =
    value.kind === "binary" &&
    (value.operator === "multiply" || value.operator === "add") &&
    value.left.kind === "element" &&
    value.left.tile === name;
  if (!isOwn) return `${element} = ${writer.expr(value)};`;
  return `${element} ${value.operator === "add" ? "+" : "*"}= ${writer.expr(value.right)};`;
}

function bodyExpressions(body: readonly Statement[]): readonly Expr[] {
  const found: Expr[] = [];
  visitBody(body, (statement) => found.push(...expressionsOf(statement)));
  return found;
}

/** Loops over the registers of a tile; `row` and `column` are declared where they are used. */
function each(
  { row, column }: { readonly row: string; readonly column: string },
  tile: WarpTile & { readonly name: string },
  used: readonly Expr[],
  writer: Writer,
  body: (element: string) => readonly string[],
): readonly string[] {
  const isRead = (name: string): boolean => used.some((expr) => reads(expr, name));
  const ofRows = tile.columns === 1;
  const place: string[] = [];
  const i = counter("i", tile.rows, 16);
  const down = sum(scaled(i, 16), `${ofRows ? "h" : "e / 2"} * 8`, "lane / 4");
  if (isRead(row)) place.push(`const int ${writer.word(row)} = ${down};`);
  const j = counter("j", tile.columns, 8);
  const right = ofRows ? "0" : sum(scaled(j, 8), "e % 2", "lane % 4 * 2");
  if (isRead(column)) place.push(`const int ${writer.word(column)} = ${right};`);
  const inner = [...place, ...body(elementText(tile, writer.word(tile.name), tile))];
  const registers = ofRows
    ? loop("h", 2, 1, inner)
    : loop("j", tile.columns / 8, 1, loop("e", 4, 1, inner));
  return loop("i", tile.rows / 16, 1, registers);
}

/** The variable of a loop over `extent` in steps of `step`: 0 where there is a single round. */
export function counter(variable: string, extent: number, step: number): string {
  return extent <= step ? "0" : variable;
}

/** An index times a number. */
export function scaled(index: string, by: number): string {
  return /^\d+$/.test(index) ? String(Number(index) * by) : `${index} * ${by}`;
}

/** The sum of what is not 0. */
export function sum(...terms: readonly string[]): string {
  return terms.filter((term) => term !== "0").join(" + ") || "0";
}

/** An unrolled loop; of a single round its body, in which the variable is 0 (`counter`). */
export function loop(
  variable: string,
  count: number,
  step: number,
  body: readonly string[],
): readonly string[] {
  if (count <= step) return body;
  const advance = step === 1 ? `${variable}++` : `${variable} += ${step}`;
  return [
    "#pragma unroll",
    `for (int ${variable} = 0; ${variable} < ${count}; ${advance}) {`,
    ...indented(body),
    "}",
  ];
}

/** Lines with names of their own. */
export function scope(lines: readonly string[]): readonly string[] {
  return ["{", ...indented(lines), "}"];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => (line.startsWith("#") ? line : `  ${line}`));
}

/** Whether a kernel's text asks for the lane of the invocation. */
export function usesTiles(kernel: Kernel): boolean {
  return someStatement(kernel.body, ({ kind }) => kind === "tile");
}

/** Arrays by name. */
export function arraysOf(kernel: Kernel): ReadonlyMap<string, GroupArray> {
  return new Map(kernel.arrays.map((array) => [array.name, array]));
}
