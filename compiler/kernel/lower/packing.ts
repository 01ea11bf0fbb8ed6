/**
 * Weights packed for products: `panelWidth` columns of the right operand side by side, so that one
 * step along the inner index reads them as whole registers (`WeightLayout` says where elements lie).
 *
 * A layout is only another offset: whatever else reads the weight (an embedding whose table is the
 * output projection, too) finds its elements the same way.
 */

import { scalesOf, type WeightLayout } from "../../../runtime/contract.ts";
import type { BufferSource } from "../../fusion/region.ts";
import { nodeAt } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import { asConstant, constant, type Dimension, equalDimensions } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr } from "../kernel.ts";
import { type Affine, affineOf, fixed, plus, times } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import type { Product, ProductPart, ProductSum } from "./product.ts";
import { divideIndex } from "./divide-index.ts";
import { throughView, unflatten } from "./read.ts";

/** Columns of a panel: two registers of four lanes. */
export const panelWidth = 8;

/** A weight, and how a product would like to find it. */
export interface WantedLayout {
  readonly name: string;
  readonly layout: WeightLayout;
}

/**
 * How the right operands of `product` can be packed: each is a whole weight, seen through views that
 * leave its columns and inner indices in order. Nothing if one of them is not.
 */
export function wantedLayouts(
  context: Context,
  product: Product,
): readonly WantedLayout[] | undefined {
  const wanted: WantedLayout[] = [];
  for (const part of product.parts) {
    for (const sum of part.sums) {
      const layout = wantedLayout(context, product, part, sum);
      if (layout === undefined) return undefined;
      wanted.push(layout);
    }
  }
  return wanted;
}

/** Whether the right operands of `product` lie in panels as that product wants them. */
export function hasPanels(context: Context, product: Product): boolean {
  if (context.layouts.size === 0) return false;
  const wanted = wantedLayouts(context, product);
  return (
    wanted?.every(({ name, layout }) => {
      const found = context.layouts.get(name);
      return found !== undefined && isPackedAs(found, layout);
    }) ?? false
  );
}

/** Whether elements of `layout`, quantised or not, lie where `wanted` has them. */
export function isPackedAs(layout: WeightLayout, wanted: WeightLayout): boolean {
  const { quantized: _, ...packed } = layout;
  return JSON.stringify(packed) === JSON.stringify(wanted);
}

function wantedLayout(
  context: Context,
  product: Product,
  part: ProductPart,
  sum: ProductSum,
): WantedLayout | undefined {
  const batch = asConstant(product.batch);
  const columns = asConstant(part.columns);
  const { inner } = product;
  if (batch === undefined || columns === undefined || columns < panelWidth) return undefined;
  const found = weightPlace(context, product, part, sum);
  if (found?.elements === undefined) return undefined;
  const isMatrix = (wanted: Readonly<Record<string, number>>): boolean =>
    isSumOf(found.offset, { batch: columns * inner, ...wanted });
  const layoutOf = (all: number, innerFirst: boolean): WantedLayout => ({
    name: found.name,
    layout: { kind: "panels", batch, columns: all, inner, innerFirst, width: panelWidth },
  });
  if (batch === 1 && isColumnsOf(found.offset, inner))
    return layoutOf(found.elements / inner, false);
  if (found.elements !== batch * columns * inner) return undefined;
  if (isMatrix({ column: inner, inner: 1 })) return layoutOf(columns, false);
  return isMatrix({ column: 1, inner: columns }) ? layoutOf(columns, true) : undefined;
}

/** The element at the row-major offset `flat` of the packed weight `name`. */
export function readPacked(
  context: Context,
  source: BufferSource & { readonly kind: "weight" },
  word: string,
  flat: Affine,
  layout: WeightLayout,
): Expr {
  const { inner, width, quantized } = layout;
  const place = packedPlace(context, flat, layout);
  const at = (line: Affine): Expr => context.emit(plus(times(line, constant(width)), place.lane));
  if (quantized === undefined) {
    const line = plus(times(place.panel, constant(inner)), place.step);
    return build.load(context.buffer(source, "float", "read", word), at(line), build.f32);
  }
  const { bits, group, symmetric } = quantized;
  const perWord = 32 / bits;
  const groups = Math.ceil(inner / group);
  const words = divideIndex(context, place.step, constant(perWord));
  const line = plus(times(place.panel, constant((groups * group) / perWord)), words.quotient);
  const numbers = build.load(context.buffer(source, "int", "read", word), at(line), build.i32);
  // Up to the sign bit, and back with the sign.
  const above = build.subtract(
    build.int(32 - bits),
    build.multiply(context.emit(words.remainder), build.int(bits)),
  );
  const left = build.binary("shift_left", numbers, above);
  const whole = build.binary("shift_right", left, build.int(32 - bits));
  const scales = context.buffer(
    { kind: "weight", name: scalesOf(source.name) },
    "float",
    "read",
    `${word}_scales`,
  );
  const shared = divideIndex(context, place.step, constant(group)).quotient;
  const row = plus(times(place.panel, constant(groups)), shared);
  const scaleLine = symmetric ? row : times(row, constant(2));
  const scale = build.load(scales, at(scaleLine), build.f32);
  const value = build.multiply(build.cast(whole, build.f32), scale);
  if (symmetric) return value;
  return build.add(value, build.load(scales, at(plus(scaleLine, fixed(constant(1)))), build.f32));
}

/** The panel, counted over all batches, the step along the inner index, and the lane of an element. */
function packedPlace(
  context: Context,
  flat: Affine,
  { columns, inner, innerFirst, width }: WeightLayout,
): { readonly panel: Affine; readonly step: Affine; readonly lane: Affine } {
  const [rows, steps] = [constant(columns), constant(inner)];
  const first = divideIndex(context, flat, innerFirst ? rows : steps);
  const second = divideIndex(context, first.quotient, innerFirst ? steps : rows);
  const column = innerFirst ? first.remainder : second.remainder;
  const step = innerFirst ? second.remainder : first.remainder;
  const { quotient, remainder: lane } = divideIndex(context, column, constant(width));
  const panels = constant(Math.ceil(columns / width));
  return { panel: plus(times(second.quotient, panels), quotient), step, lane };
}

/**
 * Whether `offset` is that of some columns of a matrix with `inner` numbers a column, in whole panels:
 * eight columns that belong together there do so in the matrix.
 */
function isColumnsOf(offset: Affine, inner: number): boolean {
  const start = asConstant(offset.offset);
  if (start === undefined || start % (inner * panelWidth) !== 0) return false;
  return [...offset.summands.values()].every(({ digit, coefficient }) => {
    const [step, divisor] = [asConstant(coefficient), asConstant(digit.divisor)];
    const modulus = digit.modulus === undefined ? 0 : asConstant(digit.modulus);
    if (step === undefined || divisor === undefined || modulus === undefined) return false;
    if (digit.base.key === "inner") return step === 1 && divisor === 1 && modulus === 0;
    if (digit.base.key !== "column") return false;
    if (divisor === 1) return step === inner && modulus % panelWidth === 0;
    return divisor % panelWidth === 0 && step % (inner * panelWidth) === 0;
  });
}

interface WeightPlace {
  readonly name: string;
  readonly elements: number | undefined;
  readonly offset: Affine;
}

/** The weight behind the right operand, and the offset of the element at batch, inner and column. */
function weightPlace(
  context: Context,
  product: Product,
  { columns }: ProductPart,
  { right, columnAxes }: ProductSum,
): WeightPlace | undefined {
  const flat = (key: string, axes: readonly AxisName[], extent: Dimension): Coordinates =>
    unflatten(context, axes, affineOf({ key, expr: build.variable(key, build.i32), extent }));
  let id = right;
  let at: Coordinates = new Map([
    ...flat("batch", product.batchAxes, product.batch),
    ...flat("column", columnAxes, columns),
    ...flat("inner", product.innerAxes, constant(product.inner)),
  ]);
  for (;;) {
    const { op, args, type } = nodeAt(context.graph, id);
    if (op.kind === "weight") {
      const elements = asConstant(context.elements(type.axes));
      return { name: op.name, elements, offset: context.offset(type, at) };
    }
    const inside = context.stored(id) ? undefined : throughView(context, id, at);
    const [arg] = args;
    if (inside === undefined || arg === undefined) return undefined;
    [id, at] = [arg, inside];
  }
}

/** Whether `offset` is the sum of whole bases times these numbers; bases of one value are absent. */
function isSumOf(offset: Affine, wanted: Readonly<Record<string, number>>): boolean {
  const one = constant(1);
  return (
    equalDimensions(offset.offset, constant(0)) &&
    [...offset.summands.values()].every(({ digit, coefficient }) => {
      const { base, divisor, modulus } = digit;
      const isWhole = modulus === undefined && equalDimensions(divisor, one);
      const factor = wanted[base.key];
      return isWhole && factor !== undefined && asConstant(coefficient) === factor;
    })
  );
}
