/**
 * Products in blocks, as a device does them. Every device has registers, in which each invocation adds
 * up its own rows and columns; some have matrices, which a subgroup multiplies at once. Both forms have
 * the same buffers, scalars and groups, and the same results up to the order of summation, so one plan
 * serves both.
 *
 * Matrices take what `fill` brings, nothing narrower: f16 where that is f16 already. Their sums go
 * through group memory to the invocations that need them.
 */

import { invariant } from "../../../grammar/invariant.ts";
import type { MatrixElement } from "../../../runtime/contract.ts";
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
import {
  type ArraySlice,
  type BlockProduct,
  type Expr,
  type GroupArray,
  type Kernel,
  type Statement,
  warpSize,
} from "../kernel.ts";
import { groupBytes } from "../memory.ts";
import { mapBlocks, mapBody, someStatement, substitute, visitBody } from "../rewrite.ts";
import { barrier, loop, tile as declareTile, tileMultiply, when } from "../statements.ts";
import { targets } from "../target.ts";
import { Names } from "./names.ts";

/**
 * Elements between the lines of a factor, by what they are: padded, so that neighbouring lines are read
 * from different banks, and multiples of 16 bytes for matrices.
 */
const pitches: Readonly<Record<MatrixElement, number>> = { f32: 20, f16: 24 };

/** The same of sums on their way from matrices to invocations. */
const sumPitch = 40;

/** Elements of group memory that a factor of a block takes. */
export const blockFactorLength: number = blockExtent * pitches.f32;

/** Rows of a block that a warp multiplies. */
const warpRows = (blockExtent * warpSize) / blockInvocations;

const lanes = 4;

/** `kernel` with its blocks in the registers of each invocation. */
export function blocksInRegisters(kernel: Kernel): Kernel {
  const names = new Names(kernel);
  return expanded(kernel, (product) => inRegisters(product, names));
}

/** What matrices of `kernel` may hold, the narrowest first; nothing if it has no form with matrices. */
export function matrixElements(kernel: Kernel): readonly MatrixElement[] {
  const products = productsOf(kernel);
  if (products.length === 0) return [];
  const halves = products.every((each) => each.halves);
  const elements: readonly MatrixElement[] = halves ? ["f16", "f32"] : ["f32"];
  const { groupMemory } = targets.gpu;
  return elements.filter((each) => groupBytes(arraysWith(kernel, each, "")) <= groupMemory);
}

/** `kernel` with its blocks in matrices of warps, which have the element. */
export function blocksInMatrices(kernel: Kernel, element: MatrixElement): Kernel {
  const names = new Names(kernel);
  const form = { pitch: pitches[element], sums: names.fresh("block_sums"), names };
  const made = expanded(kernel, (product) => inMatrices(product, form));
  return { ...made, arrays: arraysWith(kernel, element, form.sums) };
}

/** The group memory of `kernel` with factors of the element, and what sums go through. */
function arraysWith(kernel: Kernel, element: MatrixElement, sums: string): readonly GroupArray[] {
  const factors = new Set(productsOf(kernel).flatMap(({ left, rights }) => [left, ...rights]));
  const length = blockExtent * pitches[element];
  return [
    ...kernel.arrays.map((each) => (factors.has(each.name) ? { ...each, element, length } : each)),
    { name: sums, element: "f32", length: blockExtent * sumPitch },
  ];
}

function productsOf({ body }: Kernel): readonly BlockProduct[] {
  const found: BlockProduct[] = [];
  visitBody(body, (each) => {
    if (each.kind === "block_product") found.push(each);
  });
  return found;
}

function expanded(kernel: Kernel, expand: (product: BlockProduct) => readonly Statement[]): Kernel {
  if (!someStatement(kernel.body, ({ kind }) => kind === "block_product")) return kernel;
  const block = (body: readonly Statement[]): readonly Statement[] =>
    body.flatMap((each) =>
      each.kind === "block_product" ? expand(each) : [mapBlocks(each, block)],
    );
  return { ...kernel, body: block(kernel.body) };
}

/** The steps along the inner index: both factors come, and all multiply. */
function steps(
  { first, inner, fill, pitch }: BlockProduct,
  distance: number,
  multiply: readonly Statement[],
): Statement {
  const known = new Map([[pitch, build.int(distance)]]);
  const brought = mapBody(fill, (expr) => substitute(expr, known));
  // Nobody may fill the memory again before all have read it.
  return loop(first, 0, inner, [...brought, barrier, ...multiply, barrier], blockStep);
}

/** A row of the block that an invocation has. */
interface Line {
  readonly row: Expr;
  /** Its tile of each sum. */
  readonly tiles: readonly string[];
}

function linesOf({ sums }: BlockProduct): readonly Line[] {
  return Array.from({ length: blockEach }, (_, index): Line => {
    const tiles = sums.map((each) => {
      const tile = each[index];
      invariant(tile !== undefined, "blocks: a tile for each row of an invocation");
      return tile;
    });
    return { row: ownRow(index), tiles };
  });
}

function inRegisters(product: BlockProduct, names: Names): readonly Statement[] {
  const lines = linesOf(product);
  const zeros = lines.flatMap(({ tiles }) =>
    tiles.map((tile) => declareTile(tile, 1, blockEach, 0)),
  );
  return [...zeros, steps(product, pitches.f32, multiplyLines(product, lines, names))];
}

/**
 * Adds the products of what is in group memory to the sums. Past the last row nothing is multiplied:
 * `rows` of the block are there.
 */
function multiplyLines(
  { left, rights, rows }: BlockProduct,
  lines: readonly Line[],
  names: Names,
): readonly Statement[] {
  const stepsOf = (guarded: (line: Line, body: readonly Statement[]) => readonly Statement[]) => {
    const inner = names.fresh("k");
    const at = (line: Expr, index: string): Expr =>
      build.add(build.multiply(line, pitches.f32), build.variable(inner), build.variable(index));
    const factors = rights.map((array) => {
      const [name, k, step] = [names.fresh("right"), names.fresh("row"), names.fresh("column")];
      const line = build.add(ownColumn, build.multiply(build.variable(step), blockAcross));
      const value = build.loadArray(array, at(line, k));
      return { name, tile: declareTile(name, lanes, blockEach, value, k, step) };
    });
    const ofLine = (line: Line): readonly Statement[] => {
      const [name, row, k] = [names.fresh("left"), names.fresh("row"), names.fresh("column")];
      const value = build.loadArray(left, at(line.row, k));
      return guarded(line, [
        declareTile(name, 1, lanes, value, row, k),
        ...line.tiles.map((tile, index) => tileMultiply(tile, name, factors[index]?.name ?? "")),
      ]);
    };
    const body = [...factors.map(({ tile }) => tile), ...lines.flatMap(ofLine)];
    return loop(inner, 0, blockStep, body, lanes);
  };
  const whole = stepsOf((_, body) => body);
  if (rows === undefined) return [whole];
  const edge = stepsOf(({ row }, body) => [when(build.less(row, rows), body)]);
  return [when(build.lessEqual(blockExtent, rows), [whole], [edge])];
}

/** How a kernel's matrices lie in group memory. */
interface MatrixForm {
  readonly pitch: number;
  /** The array that sums go through. */
  readonly sums: string;
  readonly names: Names;
}

function inMatrices(product: BlockProduct, form: MatrixForm): readonly Statement[] {
  const { pitch, sums, names } = form;
  const matrices = product.rights.map((right) => ({ right, name: names.fresh("matrix") }));
  const first = build.multiply(build.warp, warpRows);
  const slice = (array: string, index: Expr): ArraySlice => ({
    ...{ array, index, stride: pitch, lines: "inner" },
  });
  const left = slice(product.left, build.multiply(first, pitch));
  const multiply = matrices.map(
    ({ right, name }): Statement => ({
      ...{ kind: "matrix_multiply", target: name, left, right: slice(right, build.int(0)) },
      inner: blockStep,
    }),
  );
  const own = matrices.flatMap(({ name }, index): readonly Statement[] => {
    const tiles = linesOf(product).map(({ row, tiles }): Statement => {
      const [tile, step] = [tiles[index] ?? "", names.fresh("column")];
      const place = build.add(
        build.multiply(row, sumPitch),
        ownColumn,
        build.multiply(build.variable(step), blockAcross),
      );
      const value = build.loadArray(sums, place);
      return declareTile(tile, 1, blockEach, value, names.fresh("row"), step);
    });
    return [
      {
        ...{ kind: "matrix_store", source: name, array: sums },
        ...{ index: build.multiply(first, sumPitch), stride: sumPitch },
      },
      barrier,
      ...tiles,
      // The next sums take the same way.
      ...(index + 1 < matrices.length ? [barrier] : []),
    ];
  });
  return [
    ...matrices.map(
      ({ name }): Statement => ({ kind: "matrix", name, rows: warpRows, columns: blockExtent }),
    ),
    steps(product, pitch, multiply),
    ...own,
  ];
}
