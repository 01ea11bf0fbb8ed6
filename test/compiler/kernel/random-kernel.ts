/**
 * Random kernels over tiles, for comparing what they mean with what they become.
 *
 * All numbers stay whole and below 2²⁴, so every order of summation gives the same bits and results
 * must be equal, not close: inputs are in [-3, 3], each tile value is clamped to [-8, 8], and products
 * and sums of those stay small.
 */

import * as build from "../../../compiler/kernel/build.ts";
import type { Launch } from "../../../compiler/kernel/evaluate.ts";
import type { Expr, Kernel, Statement } from "../../../compiler/kernel/kernel.ts";
import * as statements from "../../../compiler/kernel/statements.ts";
import { seeded } from "../../support/random.ts";

const { add, call, element, group, load, maximum, minimum, multiply, real, select } = build;
const { loop, tile, tileAssign, tileEach, tileMultiply, tileReduce, when } = statements;

const [row, column] = [build.variable("row"), build.variable("column")];
const inputLength = 2048;
const regionLength = 256;
const groups = 3;

interface Shape {
  readonly rows: number;
  readonly columns: number;
}

/** A kernel and what to run it on; the same for a seed. */
export function randomKernel(seed: number): { readonly kernel: Kernel; readonly launch: Launch } {
  const writer = new Writer(seeded(seed));
  const body = writer.body();
  const kernel: Kernel = {
    name: `random_${seed}`,
    comment: [],
    buffers: [
      { name: "a", element: "f32", access: "read" },
      { name: "b", element: "f32", access: "read" },
      { name: "chosen", element: "i32", access: "read" },
      { name: "out", element: "f32", access: "read_write" },
    ],
    scalars: ["limit"],
    arrays: [],
    workgroupSize: 1,
    body,
  };
  const random = seeded(seed + 1e6);
  const whole = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  const buffers = {
    a: Float32Array.from({ length: inputLength }, () => whole(-3, 3)),
    b: Float32Array.from({ length: inputLength }, () => whole(-3, 3)),
    chosen: Int32Array.from({ length: inputLength }, () => whole(0, 15)),
    out: new Float32Array(writer.regions * regionLength),
  };
  return { kernel, launch: { groups, buffers, scalars: { limit: whole(0, 6) } } };
}

class Writer {
  /** How many parts of the output the kernel writes, one each `tile_each`. */
  regions = 0;
  private readonly random: () => number;
  private readonly tiles = new Map<string, Shape>();
  private count = 0;

  constructor(random: () => number) {
    this.random = random;
  }

  body(): readonly Statement[] {
    const out: Statement[] = [];
    while (this.regions < 4) out.push(...this.statements());
    return out;
  }

  private pick<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.random() * items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  private fresh(word: string): string {
    return `${word}_${this.count++}`;
  }

  private statements(): readonly Statement[] {
    const known = [...this.tiles.keys()];
    const kinds = ["tile", "product", "product", ...(known.length > 0 ? ["assign", "each"] : [])];
    switch (this.pick([...kinds, ...(known.length > 0 ? ["reduce", "each"] : [])])) {
      case "product":
        return this.product();
      case "assign": {
        const name = this.pick(known);
        return [tileAssign(name, this.value(this.shapeOf(name)), "row", "column")];
      }
      case "reduce": {
        const name = this.fresh("reduced");
        const source = this.pick(known);
        this.tiles.set(name, { rows: this.shapeOf(source).rows, columns: 1 });
        return [tileReduce(name, source, this.pick(["sum", "max"] as const))];
      }
      case "each":
        return [this.each(this.pick(known))];
      default:
        return [this.tile({ rows: this.extent(), columns: this.extent() })];
    }
  }

  private extent(): number {
    return this.pick([1, 2, 3, 4, 4, 8]);
  }

  private shapeOf(name: string): Shape {
    const shape = this.tiles.get(name);
    if (shape === undefined) throw new RangeError(`no tile ${name}`);
    return shape;
  }

  private tile(shape: Shape, name = this.fresh("tile"), inner?: Expr): Statement {
    const value = this.value(shape, inner);
    this.tiles.set(name, shape);
    return tile(name, shape.rows, shape.columns, value, "row", "column");
  }

  /** A product into a new tile, in a loop or not, with other statements after it or not. */
  private product(): readonly Statement[] {
    const shape = { rows: this.extent(), columns: this.extent() };
    const inner = this.pick([1, 3, 4, 4, 8]);
    const [target, left, right, k] = [
      this.fresh("sum"),
      this.fresh("left"),
      this.fresh("right"),
      this.fresh("k"),
    ];
    const start = this.pick<Expr>([real(0), real(0), this.value(shape)]);
    const declaration = tile(target, shape.rows, shape.columns, start, "row", "column");
    const step = build.variable(k);
    const body = [
      this.tile({ rows: shape.rows, columns: inner }, left, step),
      this.tile({ rows: inner, columns: shape.columns }, right, step),
      tileMultiply(target, left, right),
    ];
    for (const name of [left, right]) this.tiles.delete(name);
    if (this.random() < 0.3) {
      body.push(tileAssign(target, build.negate(element(target)), "row", "column"));
    }
    this.tiles.set(target, shape);
    return [declaration, loop(k, 0, this.pick([4, 12]), body, 4)];
  }

  private each(name: string): Statement {
    const { rows, columns } = this.shapeOf(name);
    const place = this.pick([
      add(multiply(row, columns), column),
      add(multiply(column, rows), row),
      add(multiply(row, columns), build.subtract(columns - 1, column)),
    ]);
    const start = add(multiply(group, 80), this.regions++ * regionLength);
    const value = this.fresh("value");
    const sum = add(build.variable(value, build.f32), element(name));
    const write = [
      statements.declare(value, this.value({ rows, columns })),
      statements.store("out", add(start, place), sum),
    ];
    const limit = build.variable("limit");
    const guard = this.pick([
      build.boolean(true),
      build.less(row, limit),
      build.less(column, limit),
      build.less(0, element(name)),
    ]);
    return tileEach(name, "row", "column", guard.kind === "const" ? write : [when(guard, write)]);
  }

  /** A value for each element of `shape`, within [-8, 8]. */
  private value(shape: Shape, inner?: Expr): Expr {
    const expr = this.part(shape, 3, inner);
    return minimum(maximum(expr, -8), 8);
  }

  private part(shape: Shape, depth: number, inner?: Expr): Expr {
    const deeper = (): Expr => this.part(shape, depth - 1, inner);
    if (depth === 0 || this.random() < 0.2) return this.leaf(shape, inner);
    switch (this.pick(["add", "subtract", "multiply", "min", "abs", "negate", "select"])) {
      case "add":
        return add(deeper(), deeper());
      case "subtract":
        return build.subtract(deeper(), deeper());
      case "multiply":
        return multiply(this.leaf(shape, inner), this.leaf(shape, inner));
      case "min":
        return minimum(deeper(), deeper());
      case "abs":
        return call("abs", deeper());
      case "negate":
        return build.negate(deeper());
      default:
        return select(this.condition(inner), deeper(), deeper());
    }
  }

  private condition(inner?: Expr): Expr {
    const number = load("chosen", this.index(inner), build.i32);
    return this.pick([
      build.lessEqual(column, row),
      build.and(build.less(row, 3), build.not(build.equal(column, 1))),
      build.lessEqual(number, add(row, 6)),
      build.or(build.less(number, column), build.equal(group, 1)),
      build.less(load("a", this.index(inner)), 0),
    ]);
  }

  private leaf(shape: Shape, inner?: Expr): Expr {
    const fitting = [...this.tiles].filter(
      ([, { rows, columns }]) =>
        (rows === 1 || rows === shape.rows) && (columns === 1 || columns === shape.columns),
    );
    const leaves: (() => Expr)[] = [
      () => load(this.pick(["a", "b"]), this.index(inner)),
      () => load(this.pick(["a", "b"]), this.index(inner)),
      () => real(this.pick([-2, 1, 3])),
      () => build.cast(this.pick([row, column, add(row, column)]), build.f32),
      () => build.cast(build.floorDivide(build.subtract(row, column), 3), build.f32),
      () => minimum(maximum(element(this.pick(fitting)[0]), -8), 8),
    ];
    return this.pick(fitting.length > 0 ? leaves : leaves.slice(0, -1))();
  }

  /** An index into the inputs: contiguous along rows or columns, constant along them, or neither. */
  private index(inner: Expr = build.int(0)): Expr {
    const start = add(multiply(group, 16), inner);
    return this.pick([
      add(multiply(row, 16), column, start),
      add(multiply(column, 16), row, start),
      add(multiply(column, 16), row, start),
      add(row, start),
      add(column, start),
      add(multiply(row, 5), multiply(column, 3), start),
      add(multiply(minimum(row, build.variable("limit")), 32), column, start),
      build.remainder(add(multiply(row, 7), column, start), 12),
      add(build.quotient(add(row, column), 3), start),
      add(load("chosen", add(row, start), build.i32), column),
      start,
    ]);
  }
}
