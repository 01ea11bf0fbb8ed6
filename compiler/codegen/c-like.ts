/**
 * Prints legalized kernel IR in a language with C's shape. What such languages share is here, once;
 * where they differ is a `Dialect`.
 *
 * Brackets follow the strictest reader, WGSL: shifts and bit operators stand in brackets inside any
 * other operator and take only operands without operators, `&&` and `||` do not mix.
 */

import { InvariantError, invariant, unreachable } from "../../grammar/invariant.ts";
import * as build from "../kernel/build.ts";
import type {
  AcrossStatement,
  BinaryOperator,
  Expr,
  Kernel,
  KernelType,
  MatrixStatement,
  Statement,
} from "../kernel/kernel.ts";

/** A place in memory, as its dialect sees it. */
export interface MemoryAccess {
  readonly kind: "buffer" | "array";
  readonly name: string;
  /** The type of what is read or written; four lanes lie at `index` and after. */
  readonly type: KernelType;
  readonly index: Expr;
}

/** What only some languages have. */
export type WarpStatement = Extract<
  Statement,
  { kind: `tile${string}` | "warp_multiply" | `${string}copies` | "copy_async" }
>;

/** Writes parts of such statements. */
export interface Writer {
  readonly expr: (expr: Expr) => string;
  readonly block: (body: readonly Statement[]) => readonly string[];
}

/** Where two C-like languages differ. Expressions come as text that binds tightest. */
export interface Dialect {
  readonly typeName: (type: KernelType) => string;
  readonly literal: (type: KernelType, value: number) => string;
  /** The part before ` = value;` of a declaration. */
  readonly declaration: (form: "let" | "var", type: KernelType, name: string) => string;
  readonly load: (access: MemoryAccess, write: (expr: Expr) => string) => string;
  readonly store: (
    access: MemoryAccess,
    value: string,
    write: (expr: Expr) => string,
  ) => readonly string[];
  readonly call: (expr: Extract<Expr, { kind: "call" }>, args: readonly string[]) => string;
  readonly select: (condition: string, then: string, otherwise: string, lanes: 1 | 4) => string;
  readonly cast: (type: KernelType, from: KernelType, operand: string) => string;
  readonly vector: (type: KernelType, items: readonly string[]) => string;
  readonly lane: (operand: string, index: number) => string;
  /** The right operand of a shift. */
  readonly shiftAmount: (amount: Expr, write: (expr: Expr, level: number) => string) => string;
  /** Whether sums and products take a scalar beside four lanes. */
  readonly mixesLanes: boolean;
  /** Whether conditions are joined with `&` and `|`, which always evaluate both sides. */
  readonly evaluatesBoth: boolean;
  /** How the end of a loop is written, if not as the expression that it is. */
  readonly loopEnd?: (loop: Extract<Statement, { kind: "for" }>, end: string) => string;
  readonly barrier: string;
  /** What invocations of a subgroup share, where the language has it. */
  readonly across?: (statement: AcrossStatement, value: string) => readonly string[];
  /** Statements on the matrices of a warp, where the language has them. */
  readonly matrix?: (
    statement: MatrixStatement,
    write: (expr: Expr) => string,
  ) => readonly string[];
  /** Statements of warps and their tiles, where the language has them. */
  readonly warp?: (statement: WarpStatement, writer: Writer) => readonly string[];
  /** The element of a tile in the statement around. */
  readonly element?: (tile: string) => string;
  /** The word for a name of the kernel: itself unless the language has another use for it. */
  readonly word: (name: string) => string;
}

/** How tightly text binds; an operand below what its place needs gets brackets. */
const level = { any: 0, bits: 1, logic: 2, compare: 3, sum: 5, product: 6, unary: 7, primary: 9 };

interface Form {
  readonly symbol: string;
  readonly own: number;
  readonly left: number;
  readonly right: number;
}

function form(symbol: string, own: number, left: number, right: number): Form {
  return { symbol, own, left, right };
}

const comparison = (symbol: string): Form => form(symbol, level.compare, level.sum, level.sum);
const product = (symbol: string): Form => form(symbol, level.product, level.product, level.unary);
const bits = (symbol: string): Form => form(symbol, level.bits, level.unary, level.unary);

const forms: Partial<Readonly<Record<BinaryOperator, Form>>> = {
  add: form("+", level.sum, level.sum, level.product),
  subtract: form("-", level.sum, level.sum, level.product),
  multiply: product("*"),
  divide: product("/"),
  quotient: product("/"),
  remainder: product("%"),
  equal: comparison("=="),
  not_equal: comparison("!="),
  less: comparison("<"),
  less_equal: comparison("<="),
  and: form("&&", level.logic, level.compare, level.compare),
  or: form("||", level.logic, level.compare, level.compare),
  shift_left: bits("<<"),
  shift_right: bits(">>"),
  bit_and: bits("&"),
  bit_or: bits("|"),
};

/** The statements of `kernel`, without the function around them, not indented. */
export function printBody(kernel: Kernel, dialect: Dialect): readonly string[] {
  return new Printer(dialect).block(kernel.body);
}

/** The statements of a function that computes `result` after `body`. */
export function printFunction(
  body: readonly Statement[],
  result: Expr,
  dialect: Dialect,
): readonly string[] {
  const end: Statement = { kind: "let", name: "result", value: result };
  return [...new Printer(dialect).block([...body, end]), "return result;"];
}

class Printer {
  private readonly dialect: Dialect;
  // Functions of the printer, and not of each of the many expressions that need one.
  private readonly any = (expr: Expr): string => this.write(expr);
  private readonly bound = (expr: Expr, needed: number): string => this.write(expr, needed);

  constructor(dialect: Dialect) {
    this.dialect = dialect;
  }

  block(body: readonly Statement[]): readonly string[] {
    return body.flatMap((each) => this.statement(each));
  }

  private nested(body: readonly Statement[]): readonly string[] {
    return this.block(body).map((line) => (line.startsWith("#") ? line : `  ${line}`));
  }

  private statement(statement: Statement): readonly string[] {
    const { dialect } = this;
    switch (statement.kind) {
      case "let":
      case "var": {
        const { name, value } = statement;
        const head = dialect.declaration(statement.kind, value.type, dialect.word(name));
        return [`${head} = ${this.write(value)};`];
      }
      case "assign":
        return [this.assignment(dialect.word(statement.name), statement)];
      case "store":
      case "store_array": {
        const isBuffer = statement.kind === "store";
        const access: MemoryAccess = {
          kind: isBuffer ? "buffer" : "array",
          name: isBuffer ? statement.buffer : statement.array,
          type: statement.value.type,
          index: statement.index,
        };
        return dialect.store(access, this.write(statement.value), (expr) => this.write(expr));
      }
      case "for":
        return [`${this.loopHead(statement)} {`, ...this.nested(statement.body), "}"];
      case "if":
        return this.branches(statement);
      case "barrier":
        return [`${dialect.barrier};`];
      case "across": {
        const { of } = statement;
        invariant(dialect.across !== undefined && typeof of !== "string", "codegen: `across`");
        return dialect.across(statement, this.write(of));
      }
      case "block_product":
        throw new InvariantError("codegen: `block_product` is not legalized");
      case "matrix":
      case "matrix_multiply":
      case "matrix_store":
        invariant(dialect.matrix !== undefined, "codegen: no matrices in this language");
        return dialect.matrix(statement, (expr) => this.write(expr, level.sum));
      default: {
        const writer: Writer = {
          expr: (expr) => this.write(expr, level.sum),
          block: (body) => this.block(body),
        };
        invariant(dialect.warp !== undefined, `codegen: \`${statement.kind}\` is not legalized`);
        return dialect.warp(statement, writer);
      }
    }
  }

  /** `x += e` where the new value is the old one plus something. */
  private assignment(word: string, { name, value }: { name: string; value: Expr }): string {
    const isOwnSum =
      value.kind === "binary" &&
      (value.operator === "add" || value.operator === "multiply") &&
      value.left.kind === "var" &&
      value.left.name === name;
    if (!isOwnSum) return `${word} = ${this.write(value)};`;
    const right = this.dialect.mixesLanes ? mixed(value)[1] : value.right;
    return `${word} ${value.operator === "add" ? "+" : "*"}= ${this.write(right)};`;
  }

  private loopHead(statement: Extract<Statement, { kind: "for" }>): string {
    const word = this.dialect.word(statement.variable);
    const type: KernelType = { scalar: "i32", lanes: 1 };
    const start = `${this.dialect.declaration("var", type, word)} = ${this.write(statement.from)}`;
    const { step } = statement;
    const isOne = step.kind === "const" && step.value === 1;
    const advance = isOne ? `${word}++` : `${word} += ${this.write(step)}`;
    const end = this.write(statement.to, level.sum);
    const shown = this.dialect.loopEnd?.(statement, end) ?? end;
    return `for (${start}; ${word} < ${shown}; ${advance})`;
  }

  private branches(statement: Extract<Statement, { kind: "if" }>): readonly string[] {
    const head = `if (${this.write(statement.condition)}) {`;
    const then = [head, ...this.nested(statement.then)];
    const [first, ...more] = statement.otherwise;
    if (first === undefined) return [...then, "}"];
    if (first.kind === "if" && more.length === 0) {
      const [line = "", ...lines] = this.branches(first);
      return [...then, `} else ${line}`, ...lines];
    }
    return [...then, "} else {", ...this.nested(statement.otherwise), "}"];
  }

  /** `expr` as text that binds at least as tightly as `needed`. */
  private write(expr: Expr, needed: number = level.any): string {
    const { dialect } = this;
    switch (expr.kind) {
      case "const": {
        const text = dialect.literal(expr.type, expr.value);
        return text.startsWith("-") && needed > level.unary ? `(${text})` : text;
      }
      case "var":
        return dialect.word(expr.name);
      case "builtin":
        return expr.name;
      case "load":
      case "load_array": {
        const isBuffer = expr.kind === "load";
        const name = isBuffer ? expr.buffer : expr.array;
        const kind = isBuffer ? "buffer" : "array";
        const access: MemoryAccess = { kind, name, type: expr.type, index: expr.index };
        return dialect.load(access, this.any);
      }
      case "unary": {
        const text = `${expr.operator === "negate" ? "-" : "!"}${this.write(expr.operand, level.primary)}`;
        return needed > level.unary ? `(${text})` : text;
      }
      case "binary":
        return this.binary(expr, needed);
      case "call":
        return dialect.call(expr, expr.args.map(this.any));
      case "select": {
        const condition = this.write(expr.condition);
        const then = this.write(expr.then);
        const otherwise = this.write(expr.otherwise);
        return dialect.select(condition, then, otherwise, expr.type.lanes);
      }
      case "cast":
        return dialect.cast(expr.type, expr.operand.type, this.write(expr.operand));
      case "splat":
        return dialect.vector(expr.type, [this.write(expr.operand)]);
      case "vector":
        return dialect.vector(expr.type, expr.items.map(this.any));
      case "lane":
        return dialect.lane(this.write(expr.operand, level.primary), expr.index);
      case "element":
        invariant(dialect.element !== undefined, "codegen: `element` is not legalized");
        return dialect.element(expr.tile);
      default:
        return unreachable(expr);
    }
  }

  private binary(expr: Extract<Expr, { kind: "binary" }>, needed: number): string {
    const [left, right] = this.dialect.mixesLanes ? mixed(expr) : [expr.left, expr.right];
    const isLogic = expr.operator === "and" || expr.operator === "or";
    const own =
      isLogic && (expr.type.lanes === 4 || this.dialect.evaluatesBoth)
        ? bits(expr.operator === "and" ? "&" : "|")
        : forms[expr.operator];
    if (own === undefined) invariant(false, `codegen: \`${expr.operator}\` is not legalized`);
    const chains = isLogic && left.kind === "binary" && left.operator === expr.operator;
    const first = this.write(left, chains ? own.own : own.left);
    const isShift = expr.operator === "shift_left" || expr.operator === "shift_right";
    let symbol = own.symbol;
    let second: string;
    if (isShift) {
      second = this.dialect.shiftAmount(right, this.bound);
    } else if (isNegativeConstant(right) && expr.operator === "add") {
      symbol = "-";
      second = this.dialect.literal(right.type, -right.value);
    } else {
      second = this.write(right, own.right);
    }
    const text = `${first} ${symbol} ${second}`;
    return own.own < needed ? `(${text})` : text;
  }
}

/** The operands, one of them as a scalar where all its lanes are equal and arithmetic allows it. */
function mixed(expr: Extract<Expr, { kind: "binary" }>): readonly [Expr, Expr] {
  const { operator, left, right } = expr;
  const isSum = operator === "add" || operator === "subtract";
  if (!isSum && operator !== "multiply" && operator !== "divide") return [left, right];
  const isSpread = (each: Expr): boolean =>
    each.type.lanes === 4 && (each.kind === "const" || each.kind === "splat");
  if (isSpread(right) && !isSpread(left)) return [left, build.lane(right, 0)];
  if (isSpread(left) && !isSpread(right)) return [build.lane(left, 0), right];
  return [left, right];
}

/** A constant below zero whose opposite exists. */
function isNegativeConstant(expr: Expr): expr is Extract<Expr, { kind: "const" }> {
  return expr.kind === "const" && expr.value < 0 && expr.value > -2147483648;
}
