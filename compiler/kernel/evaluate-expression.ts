/**
 * Kernel expressions as closures over the state of one invocation. Four lanes are four closures over
 * the same expression, so that every value is a plain number: f32 rounded at each operation, i32, or
 * 0 and 1 for bool.
 */

import { invariant, unreachable } from "../../grammar/invariant.ts";
import { binaryMeaning, callMeaning, castMeaning } from "./arithmetic.ts";
import type { Copies } from "./evaluate-warp.ts";
import { type BuiltinName, type Expr, warpSize } from "./kernel.ts";
import type { CheckedMemory } from "./memory.ts";

/** The state of one invocation: a number per variable lane and per tile element. */
export interface Frame {
  readonly slots: Float64Array;
  readonly group: number;
  readonly invocation: number;
  readonly copies: Copies;
  /** Invocations of a subgroup, where the kernel asks. */
  readonly subgroupSize: number;
}

/** Computes one number from the state of an invocation. */
export type Value = (frame: Frame) => number;

const builtins = {
  group: (frame) => frame.group,
  invocation: (frame) => frame.invocation,
  warp: (frame) => Math.floor(frame.invocation / warpSize),
  subgroup_size: (frame) => frame.subgroupSize,
} as const satisfies Record<BuiltinName, Value>;

/** Where a tile lies in a frame, row by row. */
export interface TilePlace {
  readonly slot: number;
  readonly rows: number;
  readonly columns: number;
}

/** Turns expressions into closures; it knows the places of variables, tiles and memory. */
export class Expressions {
  /** The slots that a frame needs; known when everything is compiled. */
  size = 0;
  /** The tiles declared so far. */
  readonly tiles: Map<string, TilePlace> = new Map();
  /** The slots of row and column of the tile statement being compiled. */
  at: readonly [number, number] = [-1, -1];
  private readonly memory: ReadonlyMap<string, CheckedMemory>;
  private readonly slots = new Map<string, number>();

  constructor(memory: ReadonlyMap<string, CheckedMemory>) {
    this.memory = memory;
  }

  /** The first slot of a variable; four lanes have four. */
  slotOf(name: string): number {
    const slot = this.slots.get(name) ?? this.reserve(4);
    this.slots.set(name, slot);
    return slot;
  }

  /** Room for `count` numbers in every frame; the result is the first slot. */
  reserve(count: number): number {
    const first = this.size;
    this.size += count;
    return first;
  }

  /** The memory of a buffer or group array. */
  memoryOf(name: string): CheckedMemory {
    const found = this.memory.get(name);
    invariant(found !== undefined, `there is no memory \`${name}\``);
    return found;
  }

  /** Where a tile lies. */
  tileOf(name: string): TilePlace {
    const found = this.tiles.get(name);
    invariant(found !== undefined, `there is no tile \`${name}\``);
    return found;
  }

  /** One lane of `expr`. */
  value(expr: Expr, lane = 0): Value {
    switch (expr.kind) {
      case "const":
        return () => expr.value;
      case "var": {
        const slot = this.slotOf(expr.name) + lane;
        return (frame) => frame.slots[slot] ?? Number.NaN;
      }
      case "builtin":
        return builtins[expr.name];
      case "load":
      case "load_array": {
        const memory = this.memoryOf(expr.kind === "load" ? expr.buffer : expr.array);
        const index = this.value(expr.index);
        const read: Value = (frame) => memory.read(index(frame) + lane, frame.invocation);
        return expr.type.scalar === "bool" ? (frame) => Number(read(frame) !== 0) : read;
      }
      case "unary": {
        const operand = this.value(expr.operand, lane);
        if (expr.operator === "not") return (frame) => 1 - operand(frame);
        if (expr.type.scalar === "i32") return (frame) => -operand(frame) | 0;
        return (frame) => -operand(frame);
      }
      case "binary":
        return this.binary(expr, lane);
      case "call": {
        const meaning = callMeaning[expr.fn];
        const args = expr.args.map((arg) => this.value(arg, lane));
        return (frame) => meaning(...args.map((arg) => arg(frame)));
      }
      case "select": {
        const condition = this.value(expr.condition, expr.condition.type.lanes === 1 ? 0 : lane);
        const [then, otherwise] = [this.value(expr.then, lane), this.value(expr.otherwise, lane)];
        return (frame) => {
          const [a, b] = [then(frame), otherwise(frame)];
          return condition(frame) ? a : b;
        };
      }
      case "cast": {
        const meaning = castMeaning(expr.operand.type.scalar, expr.type.scalar);
        const operand = this.value(expr.operand, lane);
        return (frame) => meaning(operand(frame));
      }
      case "splat":
        return this.value(expr.operand);
      case "vector":
        return this.value(expr.items[lane] ?? expr.items[0]);
      case "lane":
        return this.value(expr.operand, expr.index);
      case "element":
        return this.element(this.tileOf(expr.tile));
      default:
        return unreachable(expr);
    }
  }

  private binary(expr: Extract<Expr, { kind: "binary" }>, lane: number): Value {
    const { scalar } = expr.left.type;
    const meaning = binaryMeaning(expr.operator, scalar);
    invariant(meaning !== undefined, `there is no ${expr.operator} of ${scalar}`);
    const [left, right] = [this.value(expr.left, lane), this.value(expr.right, lane)];
    return (frame) => meaning(left(frame), right(frame));
  }

  private element({ slot, rows, columns }: TilePlace): Value {
    const [row, column] = this.at;
    const down = rows === 1 ? 0 : columns;
    const right = columns === 1 ? 0 : 1;
    return ({ slots }) =>
      slots[slot + (slots[row] ?? 0) * down + (slots[column] ?? 0) * right] ?? Number.NaN;
  }
}
