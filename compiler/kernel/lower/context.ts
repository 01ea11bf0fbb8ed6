/**
 * What one lowering gathers while it writes a kernel: the buffers and sizes it came to need, in the
 * order in which it met them, so that the plan can bind them.
 */

import type { WeightLayout, WeightPack } from "../../../runtime/contract.ts";
import { type BufferSource, sourceKey } from "../../fusion/region.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { type Graph, nodeAt, sizeOf, type ValueId } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import {
  asConstant,
  commonFactor,
  constant,
  type Dimension,
  productOf,
} from "../../op/dimension.ts";
import type { Element, TensorType } from "../../op/type.ts";
import * as build from "../build.ts";
import type { BufferParameter, Expr, GroupArray, MemoryElement } from "../kernel.ts";
import type { Storage } from "../target.ts";
import { type Affine, type Base, emitAffine, fixed, plus, times } from "./affine.ts";

/** A buffer parameter and what is bound to it. */
export interface Binding {
  readonly parameter: BufferParameter;
  readonly source: BufferSource;
}

/** The place of an element, by axis. */
export type Coordinates = ReadonlyMap<AxisName, Affine>;

/** What a lowering is given. */
export interface Setting {
  readonly graph: Graph;
  /** Whether a value lies in memory, as opposed to being computed where it is read. */
  readonly stored: (value: ValueId) => boolean;
  /** What a size is called in this kernel, which serves other sizes, too. */
  readonly dimension: (size: Dimension) => Dimension;
  /** How the weights that are not row-major lie in memory, by name. */
  readonly layouts: ReadonlyMap<string, WeightLayout>;
  /** The weights that lie in a buffer with others, by name. */
  readonly packs: ReadonlyMap<string, WeightPack>;
  /** What the floats that lie there are stored as. */
  readonly storage: (source: BufferSource) => Storage;
}

/** One kernel in the making. */
export class Context implements Setting {
  readonly graph: Graph;
  readonly stored: (value: ValueId) => boolean;
  readonly dimension: (size: Dimension) => Dimension;
  readonly layouts: ReadonlyMap<string, WeightLayout>;
  readonly packs: ReadonlyMap<string, WeightPack>;
  readonly storage: (source: BufferSource) => Storage;
  private readonly bound = new Map<string, Binding>();
  private readonly sizes = new Map<string, { readonly name: string; readonly size: Dimension }>();
  private readonly used = new Set<string>();
  private readonly shared: GroupArray[] = [];

  constructor({ graph, stored, dimension, layouts, packs, storage }: Setting) {
    this.graph = graph;
    this.stored = stored;
    this.dimension = dimension;
    this.layouts = layouts;
    this.packs = packs;
    this.storage = storage;
  }

  get bindings(): readonly Binding[] {
    return [...this.bound.values()];
  }

  /** The scalar parameters, with the sizes the plan computes for them. */
  get scalars(): readonly { readonly name: string; readonly size: Dimension }[] {
    return [...this.sizes.values()];
  }

  /** A name that no other variable, buffer or scalar of this kernel has. */
  fresh(wanted: string): string {
    const word = wanted.replace(/[^A-Za-z0-9_]+/g, "_").replace(/^(?=\d)/, "_") || "value";
    let name = word;
    for (let count = 2; this.used.has(name); count++) name = `${word}_${count}`;
    this.used.add(name);
    return name;
  }

  /** The i32 expression of a size of this kernel: a constant or a scalar parameter. */
  size(size: Dimension): Expr {
    const value = asConstant(size);
    if (value !== undefined) return build.int(value);
    const before = this.sizes.get(size.key);
    const name = before?.name ?? this.fresh(sizeName(size));
    if (before === undefined) this.sizes.set(size.key, { name, size });
    return build.variable(name, build.i32);
  }

  /** A number that divides a scalar whatever the sizes are; 1 for what is no scalar. */
  factorOf(name: string): number {
    const found = this.scalars.find((each) => each.name === name);
    return found === undefined ? 1 : commonFactor(found.size);
  }

  /** The name of the buffer bound to `source`, declared on first use. */
  buffer(source: BufferSource, element: Element, access: "read" | "write", name: string): string {
    const key = sourceKey(source);
    const before = this.bound.get(key);
    if (before !== undefined) {
      if (before.parameter.access !== access) {
        this.bound.set(key, {
          source,
          parameter: { ...before.parameter, access: "read_write" },
        });
      }
      return before.parameter.name;
    }
    const parameter: BufferParameter = {
      name: this.fresh(name),
      element: element === "float" ? this.storage(source) : "i32",
      access,
    };
    this.bound.set(key, { parameter, source });
    return parameter.name;
  }

  /**
   * The scalars and buffers of several lowerings of one region, in the order of `sizes` and
   * `bindings`; those that this one has not are declared.
   */
  complete(
    sizes: readonly Dimension[],
    bindings: readonly Binding[],
  ): Pick<Context, "scalars" | "bindings"> {
    const scalars = new Map<string, { readonly name: string; readonly size: Dimension }>();
    for (const size of sizes) {
      this.size(size);
      const scalar = this.sizes.get(size.key);
      if (scalar !== undefined) scalars.set(size.key, scalar);
    }
    const all = new Map<string, Binding>();
    for (const { source, parameter } of bindings) {
      const key = sourceKey(source);
      const own = this.bound.get(key)?.parameter;
      const name = own?.name ?? this.fresh(parameter.name);
      const before = all.get(key)?.parameter.access ?? parameter.access;
      const access = before === parameter.access ? before : "read_write";
      all.set(key, { source, parameter: { ...parameter, name, access } });
    }
    return { scalars: [...scalars.values()], bindings: [...all.values()] };
  }

  /** The group arrays declared so far. */
  get arrays(): readonly GroupArray[] {
    return this.shared;
  }

  /** The name of a new group array of `length` f32. */
  array(name: string, length: number): string {
    const array: GroupArray = { name: this.fresh(name), element: "f32", length };
    this.shared.push(array);
    return array.name;
  }

  /** What a buffer of this kernel holds. */
  elementOf(buffer: string): MemoryElement | undefined {
    return this.bindings.find(({ parameter }) => parameter.name === buffer)?.parameter.element;
  }

  /** The size of an axis. */
  extent(axis: AxisName): Dimension {
    return this.dimension(sizeOf(this.graph, axis));
  }

  /** Elements of a value of this type. */
  elements(axes: readonly AxisName[]): Dimension {
    return productOf(axes.map((axis) => this.extent(axis)));
  }

  /** The offset of an element in a row-major tensor. */
  offset(type: TensorType, at: Coordinates): Affine {
    let index = fixed(constant(0));
    let stride = constant(1);
    for (const axis of [...type.axes].reverse()) {
      const coordinate = at.get(axis);
      invariant(coordinate !== undefined, `lowering: no coordinate for the axis ${axis}`);
      index = plus(index, times(coordinate, stride));
      stride = productOf([stride, this.extent(axis)]);
    }
    return index;
  }

  /** The expression of an index. */
  emit(index: Affine): Expr {
    return emitAffine(index, (size) => this.size(size), build);
  }

  /** A base for a computed index. */
  opaque(expr: Expr, extent?: Dimension): Base {
    const key = `#${build.keyOf(expr)}`;
    return extent === undefined ? { key, expr } : { key, expr, extent };
  }

  /** A readable name for a value. */
  nameOf(value: ValueId): string {
    const { origin, op } = nodeAt(this.graph, value);
    return origin.name ?? op.kind;
  }
}

function sizeName(size: Dimension): string {
  const words = size.key
    .replace(/\*/g, "times")
    .replace(/\+/g, "plus")
    .replace(/-/g, "minus")
    .replace(/\//g, "over")
    .replace(/[^A-Za-z0-9_]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return /^\d/.test(words) ? `n_${words}` : words;
}
