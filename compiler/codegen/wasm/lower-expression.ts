/**
 * Kernel expressions as WebAssembly instructions that leave one value on the stack. bool is i32 0
 * and 1; four bools are a mask of all ones or all zeros per lane.
 */

import { invariant, unreachable } from "../../../grammar/invariant.ts";
import type { MultiplyAdd } from "../../../runtime/contract.ts";
import { bitsOf } from "../../kernel/arithmetic.ts";
import { type Bounds, boundsOf } from "../../kernel/bounds.ts";
import * as build from "../../kernel/build.ts";
import type { BinaryOperator, CallFunction, Expr, KernelType } from "../../kernel/kernel.ts";
import { fusedOf } from "./fused.ts";
import type { Instruction, InstructionName, WasmType } from "./instructions.ts";
import { sumsOfLanes } from "./lane-sums.ts";

/** The WebAssembly type of values of `type`. */
export function wasmType(type: KernelType): WasmType {
  if (type.lanes === 4) return "v128";
  return type.scalar === "f32" ? "f32" : "i32";
}

type Table<Key extends string> = Partial<Readonly<Record<Key, InstructionName>>>;

/** By the type of the operands: `f32`, `i32x4`, …. */
const binaries: Readonly<Record<string, Table<BinaryOperator>>> = {
  f32: {
    ...{ add: "f32.add", subtract: "f32.sub", multiply: "f32.mul", divide: "f32.div" },
    ...{ equal: "f32.eq", not_equal: "f32.ne", less: "f32.lt", less_equal: "f32.le" },
  },
  i32: {
    ...{ add: "i32.add", subtract: "i32.sub", multiply: "i32.mul" },
    // Operands of these are not negative.
    ...{ quotient: "i32.div_u", remainder: "i32.rem_u" },
    ...{ equal: "i32.eq", not_equal: "i32.ne", less: "i32.lt_s", less_equal: "i32.le_s" },
    ...{ shift_left: "i32.shl", shift_right: "i32.shr_s", bit_and: "i32.and", bit_or: "i32.or" },
  },
  bool: { and: "i32.and", or: "i32.or", equal: "i32.eq", not_equal: "i32.ne" },
  f32x4: {
    ...{ add: "f32x4.add", subtract: "f32x4.sub", multiply: "f32x4.mul", divide: "f32x4.div" },
    ...{ equal: "f32x4.eq", not_equal: "f32x4.ne", less: "f32x4.lt", less_equal: "f32x4.le" },
  },
  i32x4: {
    ...{ add: "i32x4.add", subtract: "i32x4.sub", multiply: "i32x4.mul" },
    ...{ equal: "i32x4.eq", not_equal: "i32x4.ne", less: "i32x4.lt_s", less_equal: "i32x4.le_s" },
    ...{ shift_left: "i32x4.shl", shift_right: "i32x4.shr_s" },
    ...{ bit_and: "v128.and", bit_or: "v128.or" },
  },
  boolx4: { and: "v128.and", or: "v128.or", equal: "i32x4.eq", not_equal: "i32x4.ne" },
};

const calls: Readonly<Record<string, Table<CallFunction>>> = {
  f32: {
    ...{ abs: "f32.abs", min: "f32.min", max: "f32.max", floor: "f32.floor", ceil: "f32.ceil" },
    ...{ round_even: "f32.nearest", sqrt: "f32.sqrt", bits_of: "i32.reinterpret_f32" },
  },
  i32: { from_bits: "f32.reinterpret_i32" },
  f32x4: {
    // The variants that copy one operand are one machine instruction; they differ for NaN only.
    ...{ abs: "f32x4.abs", min: "f32x4.pmin", max: "f32x4.pmax", floor: "f32x4.floor" },
    ...{ ceil: "f32x4.ceil", round_even: "f32x4.nearest", sqrt: "f32x4.sqrt" },
  },
  i32x4: { abs: "i32x4.abs", min: "i32x4.min_s", max: "i32x4.max_s" },
};

function typeKey({ scalar, lanes }: KernelType): string {
  return lanes === 1 ? scalar : `${scalar}x4`;
}

/** Writes expressions; statements are in `lower.ts`. */
export abstract class ExpressionWriter {
  /** The instructions so far. */
  readonly out: Instruction[] = [];
  /** The local of each variable in scope. */
  readonly locals: Map<string, number> = new Map();
  /** What is known of i32 variables, for the offsets of addresses. */
  readonly known: Map<string, Bounds> = new Map();
  private readonly multiplyAdd: MultiplyAdd;

  constructor(multiplyAdd: MultiplyAdd) {
    this.multiplyAdd = multiplyAdd;
  }

  /** Appends an instruction. */
  emit(name: InstructionName, ...immediates: readonly number[]): void {
    this.out.push({ name, immediates });
  }

  /** The local of the variable `name`. */
  localOf(name: string): number {
    const local = this.locals.get(name);
    if (local === undefined) invariant(false, `wasm: \`${name}\` has no local`);
    return local;
  }

  /** Writes the base of `address`; the result is the offset that the instruction adds. */
  address(address: Expr): number {
    if (address.kind === "binary" && address.operator === "add") {
      const { left, right } = address;
      // The sum of base and offset does not wrap around, so the base alone must be an address.
      if (right.kind === "const" && right.value > 0 && boundsOf(left, this.known).low >= 0) {
        this.write(left);
        return right.value;
      }
    }
    this.write(address);
    return 0;
  }

  /** Writes `expr`: its value is then on the stack. */
  write(expr: Expr): void {
    switch (expr.kind) {
      case "const":
        this.constant(expr.type, expr.value);
        return;
      case "var":
        this.emit("local.get", this.localOf(expr.name));
        return;
      case "builtin":
        if (expr.name === "group") {
          this.emit("local.get", this.localOf("@group"));
          return;
        }
        this.emit("i32.const", 0);
        return;
      case "load":
        this.load(expr);
        return;
      case "unary":
        this.unary(expr);
        return;
      case "binary":
        this.binary(expr);
        return;
      case "call":
        this.call(expr);
        return;
      case "select":
        this.select(expr);
        return;
      case "cast":
        this.cast(expr);
        return;
      case "splat":
        this.splat(expr.operand);
        return;
      case "vector":
        this.vector(expr);
        return;
      case "lane":
        this.lane(expr);
        return;
      case "load_array":
      case "element":
        invariant(false, `wasm: \`${expr.kind}\` has no place here`);
        break;
      default:
        unreachable(expr);
    }
  }

  private constant({ scalar, lanes }: KernelType, value: number): void {
    if (lanes === 1) {
      this.emit(scalar === "f32" ? "f32.const" : "i32.const", value);
      return;
    }
    const bits = this.laneBits(scalar, value);
    this.emit("v128.const", bits, bits, bits, bits);
  }

  private laneBits(scalar: KernelType["scalar"], value: number): number {
    if (scalar === "f32") return bitsOf(value);
    return scalar === "bool" ? -value : value;
  }

  private load(expr: Extract<Expr, { kind: "load" }>): void {
    const offset = this.address(expr.index);
    if (expr.type.lanes === 4) {
      this.emit("v128.load", offset);
      return;
    }
    this.emit(expr.type.scalar === "f32" ? "f32.load" : "i32.load", offset);
  }

  private unary(expr: Extract<Expr, { kind: "unary" }>): void {
    const isNumber = expr.type.scalar !== "bool";
    if (isNumber && wasmType(expr.type) === "i32") {
      this.emit("i32.const", 0);
      this.write(expr.operand);
      this.emit("i32.sub");
      return;
    }
    this.write(expr.operand);
    if (!isNumber) {
      this.emit(expr.type.lanes === 1 ? "i32.eqz" : "v128.not");
      return;
    }
    if (expr.type.lanes === 1) {
      this.emit("f32.neg");
      return;
    }
    this.emit(expr.type.scalar === "f32" ? "f32x4.neg" : "i32x4.neg");
  }

  private binary(expr: Extract<Expr, { kind: "binary" }>): void {
    const { operator, left, right } = expr;
    const fused = this.multiplyAdd === "fused" ? fusedOf(expr) : undefined;
    if (fused !== undefined) {
      for (const operand of fused.operands) this.write(operand);
      this.emit(fused.name);
      return;
    }
    const name = binaries[typeKey(left.type)]?.[operator];
    if (name === undefined)
      invariant(false, `wasm: ${operator} of ${typeKey(left.type)} is not legalized`);
    this.write(left);
    const isShift = operator === "shift_left" || operator === "shift_right";
    this.write(isShift && right.type.lanes === 4 ? build.lane(right, 0) : right);
    const divides = operator === "quotient" || operator === "remainder";
    if (divides && right.kind !== "const") {
      // A division may have moved to where it is not needed; by zero it would trap.
      this.write(right);
      this.emit("i32.eqz");
      this.emit("i32.or");
    }
    this.emit(name);
  }

  private call(expr: Extract<Expr, { kind: "call" }>): void {
    for (const arg of expr.args) this.write(arg);
    const [first] = expr.args;
    // The bits of four lanes are the same register.
    const isSame = (expr.fn === "bits_of" || expr.fn === "from_bits") && expr.type.lanes === 4;
    if (isSame || first === undefined) return;
    const name = calls[typeKey(first.type)]?.[expr.fn];
    invariant(name !== undefined, `wasm: ${expr.fn} of ${typeKey(first.type)} is not legalized`);
    this.emit(name);
  }

  private select(expr: Extract<Expr, { kind: "select" }>): void {
    this.write(expr.then);
    this.write(expr.otherwise);
    this.write(expr.condition);
    this.emit(expr.condition.type.lanes === 4 ? "v128.bitselect" : "select");
  }

  private cast(expr: Extract<Expr, { kind: "cast" }>): void {
    const from = expr.operand.type;
    const four = from.lanes === 4;
    this.write(expr.operand);
    if (from.scalar === "bool" && four) {
      const one = this.laneBits(expr.type.scalar, 1);
      this.emit("v128.const", one, one, one, one);
      this.emit("v128.and");
      return;
    }
    if (expr.type.scalar === "f32") {
      this.emit(four ? "f32x4.convert_i32x4_s" : "f32.convert_i32_s");
      return;
    }
    if (from.scalar === "f32") this.emit(four ? "i32x4.trunc_sat_f32x4_s" : "i32.trunc_sat_f32_s");
  }

  private splat(operand: Expr): void {
    if (operand.kind === "load" && operand.type.scalar !== "bool") {
      this.emit("v128.load32_splat", this.address(operand.index));
      return;
    }
    if (operand.kind === "lane" && operand.type.scalar !== "bool") {
      // Cheaper than out of the register and back.
      this.write(operand.operand);
      this.write(operand.operand);
      const first = operand.index * 4;
      const word = [first, first + 1, first + 2, first + 3];
      this.emit("i8x16.shuffle", ...word, ...word, ...word, ...word);
      return;
    }
    this.laneValue(operand);
    this.emit(operand.type.scalar === "f32" ? "f32x4.splat" : "i32x4.splat");
  }

  /** A scalar as it lies in a lane: a bool is a mask there. */
  private laneValue(item: Expr): void {
    if (item.type.scalar !== "bool") {
      this.write(item);
      return;
    }
    this.emit("i32.const", 0);
    this.write(item);
    this.emit("i32.sub");
  }

  private vector(expr: Extract<Expr, { kind: "vector" }>): void {
    const { scalar } = expr.type;
    const sums = sumsOfLanes(expr);
    if (sums !== undefined) {
      this.addLanes(sums);
      return;
    }
    const replace = scalar === "f32" ? "f32x4.replace_lane" : "i32x4.replace_lane";
    const [first] = expr.items;
    const isConstant = (item: Expr): boolean => item.kind === "const";
    if (expr.items.some(isConstant)) {
      const bits = expr.items.map((item) =>
        item.kind === "const" ? this.laneBits(scalar, item.value) : 0,
      );
      this.emit("v128.const", ...bits);
    } else {
      this.splat(first);
    }
    for (const [lane, item] of expr.items.entries()) {
      const isThere = isConstant(item) || (lane === 0 && !expr.items.some(isConstant));
      if (isThere) continue;
      this.laneValue(item);
      this.emit(replace, lane);
    }
  }

  /** The sums of the lanes of four registers as four lanes, by two rounds of shuffles. */
  private addLanes([a, b, c, d]: readonly [Expr, Expr, Expr, Expr]): void {
    const words = (...indices: readonly number[]): readonly number[] =>
      indices.flatMap((index) => [index * 4, index * 4 + 1, index * 4 + 2, index * 4 + 3]);
    const half = (first: Expr, second: Expr): void => {
      for (const indices of [words(0, 4, 1, 5), words(2, 6, 3, 7)]) {
        this.write(first);
        this.write(second);
        this.emit("i8x16.shuffle", ...indices);
      }
      this.emit("f32x4.add");
    };
    const [low, high] = [this.scratch(0), this.scratch(1)];
    half(a, b);
    this.emit("local.set", low);
    half(c, d);
    this.emit("local.set", high);
    for (const indices of [words(0, 1, 4, 5), words(2, 3, 6, 7)]) {
      this.emit("local.get", low);
      this.emit("local.get", high);
      this.emit("i8x16.shuffle", ...indices);
    }
    this.emit("f32x4.add");
  }

  /** A local of type v128 for use within one expression. */
  protected abstract scratch(index: 0 | 1): number;

  private lane(expr: Extract<Expr, { kind: "lane" }>): void {
    this.write(expr.operand);
    const isFloat = expr.type.scalar === "f32";
    this.emit(isFloat ? "f32x4.extract_lane" : "i32x4.extract_lane", expr.index);
    if (expr.type.scalar !== "bool") return;
    this.emit("i32.const", 1);
    this.emit("i32.and");
  }
}
