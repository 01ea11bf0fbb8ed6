/**
 * Kernel IR as text, for golden tests and messages: one statement a line, every operation in
 * brackets' order as written, so that equal text means equal IR.
 */

import { unreachable } from "../../grammar/invariant.ts";
import type {
  ArraySlice,
  BinaryOperator,
  Expr,
  Kernel,
  KernelType,
  Statement,
  TileStatement,
} from "./kernel.ts";

const symbols: Readonly<Record<BinaryOperator, string>> = {
  add: "+",
  subtract: "-",
  multiply: "*",
  divide: "/",
  quotient: "quotient",
  remainder: "remainder",
  floor_divide: "floor_divide",
  floor_remainder: "floor_remainder",
  equal: "==",
  not_equal: "!=",
  less: "<",
  less_equal: "<=",
  and: "and",
  or: "or",
  shift_left: "<<",
  shift_right: ">>",
  bit_and: "&",
  bit_or: "|",
};

/** Operators that are written as functions. */
const named: ReadonlySet<BinaryOperator> = new Set([
  "quotient",
  "remainder",
  "floor_divide",
  "floor_remainder",
]);

/** `f32`, `i32x4` and so on. */
export function printType(type: KernelType): string {
  return type.lanes === 1 ? type.scalar : `${type.scalar}x${type.lanes}`;
}

function printConstant(type: KernelType, value: number): string {
  const lanes = type.lanes === 1 ? "" : "x4";
  if (type.scalar === "bool") return `${value === 0 ? "false" : "true"}${lanes}`;
  if (type.scalar === "i32") return `${value}${lanes}`;
  return `${shortest(value)}${lanes}`;
}

/** The largest f32. */
const largest = (2 - 2 ** -23) * 2 ** 127;

/** The shortest decimal with a point or exponent that rounds to the f32 `value`. */
export function shortest(value: number): string {
  const rounded = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const decimal = Number(rounded.toPrecision(digits));
    // WGSL refuses a decimal beyond the largest f32, even if it would round to that.
    if (Math.abs(decimal) > largest) continue;
    if (Math.fround(decimal) === rounded) return withPoint(decimal, rounded);
  }
  const decimal = Number(rounded.toPrecision(9));
  return withPoint(Math.abs(decimal) > largest ? rounded : decimal, rounded);
}

function withPoint(decimal: number, value: number): string {
  const text = Object.is(value, -0) ? "-0" : String(decimal);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** `expr` as text. */
export function printExpr(expr: Expr): string {
  return write(expr, false);
}

function write(expr: Expr, nested: boolean): string {
  switch (expr.kind) {
    case "const":
      return printConstant(expr.type, expr.value);
    case "var":
      return expr.name;
    case "builtin":
      return `@${expr.name}`;
    case "load":
      return `${expr.buffer}${lanesOf(expr.type)}[${printExpr(expr.index)}]`;
    case "load_array":
      return `${expr.array}${lanesOf(expr.type)}[${printExpr(expr.index)}]`;
    case "unary":
      return `${expr.operator === "negate" ? "-" : "not "}${write(expr.operand, true)}`;
    case "binary": {
      if (named.has(expr.operator)) return call(expr.operator, [expr.left, expr.right]);
      const [left, right] = [write(expr.left, true), write(expr.right, true)];
      const text = `${left} ${symbols[expr.operator]} ${right}`;
      return nested ? `(${text})` : text;
    }
    case "call":
      return call(expr.fn, expr.args);
    case "select":
      return call("select", [expr.condition, expr.then, expr.otherwise]);
    case "cast":
      return call(printType(expr.type), [expr.operand]);
    case "splat":
      return call("splat", [expr.operand]);
    case "vector":
      return call("vector", expr.items);
    case "lane":
      return `${write(expr.operand, true)}.${expr.index}`;
    case "element":
      return `${expr.tile}[.]`;
    default:
      return unreachable(expr);
  }
}

function lanesOf(type: KernelType): string {
  return type.lanes === 1 ? "" : ":4";
}

function call(name: string, args: readonly Expr[]): string {
  return `${name}(${args.map(printExpr).join(", ")})`;
}

function block(head: string, body: readonly Statement[]): readonly string[] {
  return [`${head} {`, ...body.flatMap(printLines).map((line) => `  ${line}`), "}"];
}

function printLines(statement: Statement): readonly string[] {
  switch (statement.kind) {
    case "let":
      return [`${statement.name} = ${printExpr(statement.value)}`];
    case "var":
      return [`var ${statement.name} = ${printExpr(statement.value)}`];
    case "assign":
      return [`${statement.name} := ${printExpr(statement.value)}`];
    case "store":
    case "store_array": {
      const name = statement.kind === "store" ? statement.buffer : statement.array;
      const place = `${name}${lanesOf(statement.value.type)}[${printExpr(statement.index)}]`;
      return [`${place} := ${printExpr(statement.value)}`];
    }
    case "for": {
      const range = `${printExpr(statement.from)} .. ${printExpr(statement.to)}`;
      const step = `step ${printExpr(statement.step)}`;
      return block(`for ${statement.variable} in ${range} ${step}`, statement.body);
    }
    case "if": {
      const then = block(`if ${printExpr(statement.condition)}`, statement.then);
      if (statement.otherwise.length === 0) return then;
      return [...then.slice(0, -1), ...block("} else", statement.otherwise)];
    }
    case "barrier":
      return ["barrier"];
    case "across": {
      const { name, of, fn, sharers } = statement;
      const [what, value] = typeof of === "string" ? ["tile ", of] : ["", printExpr(of)];
      const whom = sharers === "subgroup" ? "a subgroup" : `${sharers} invocations`;
      return [`${what}${name} = ${fn} of ${value} across ${whom}`];
    }
    case "block_product": {
      const { sums, left, rights, inner, first, pitch } = statement;
      const head = `${sums.flat().join(", ")} = ${left} . ${rights.join(", ")}`;
      return block(`block ${head} over ${inner} from ${first} by ${pitch}`, statement.fill);
    }
    case "matrix":
      return [`matrix ${statement.name}[${statement.rows}x${statement.columns}] = 0`];
    case "matrix_multiply": {
      const { target, left, right, inner } = statement;
      return [`matrix ${target} += ${slice(left)} . ${slice(right)} over ${inner}`];
    }
    case "matrix_store": {
      const { source, array, index, stride } = statement;
      return [`${array}[${printExpr(index)} by ${stride}] := matrix ${source}`];
    }
    case "copy_async": {
      const { array, index, buffer, source, valid } = statement;
      const guard = valid.kind === "const" && valid.value === 1 ? "" : ` if ${printExpr(valid)}`;
      return [`copy ${array}[${printExpr(index)}] := ${buffer}[${printExpr(source)}]${guard}`];
    }
    case "commit_copies":
      return ["commit copies"];
    case "wait_copies":
      return [`wait for copies but ${statement.pending}`];
    default:
      return printTile(statement);
  }
}

function slice({ array, index, stride, lines }: ArraySlice): string {
  return `${array}[${printExpr(index)} by ${stride} ${lines}]`;
}

function printTile(statement: TileStatement): readonly string[] {
  switch (statement.kind) {
    case "tile": {
      const extents = `${statement.rows}x${statement.columns}`;
      const at = `${statement.row}, ${statement.column}`;
      return [`tile ${statement.name}[${extents}][${at}] = ${printExpr(statement.value)}`];
    }
    case "tile_assign": {
      const at = `${statement.row}, ${statement.column}`;
      return [`tile ${statement.name}[${at}] := ${printExpr(statement.value)}`];
    }
    case "tile_multiply":
      return [`tile ${statement.target} += ${statement.left} . ${statement.right}`];
    case "warp_multiply": {
      const { target, left, right, inner, math } = statement;
      const first = typeof left === "string" ? left : slice(left);
      return [`tile ${target} += ${first} . ${slice(right)} over ${inner} in ${math}`];
    }
    case "tile_reduce":
      return [`tile ${statement.name} = ${statement.fn} of rows of ${statement.source}`];
    case "tile_each":
      return block(
        `each ${statement.row}, ${statement.column} of ${statement.tile}`,
        statement.body,
      );
    default:
      return unreachable(statement);
  }
}

/** One statement and what it nests as text. */
export function printStatement(statement: Statement): string {
  return printLines(statement).join("\n");
}

/** The whole kernel as text, with a line break at the end. */
export function printKernel(kernel: Kernel): string {
  const head = [
    ...kernel.comment.map((line) => `// ${line}`),
    `kernel ${kernel.name}`,
    ...kernel.buffers.map((each) => `  ${each.access} ${each.name}: ${each.element}`),
    ...(kernel.scalars.length > 0 ? [`  scalars ${kernel.scalars.join(", ")}`] : []),
    ...kernel.arrays.map((each) => `  group ${each.name}: ${each.element}[${each.length}]`),
  ];
  const tiles = kernel.tiles === undefined ? "" : `, tiles of a ${kernel.tiles}`;
  const resident =
    kernel.residentGroups === undefined ? "" : `, ${kernel.residentGroups} groups at a time`;
  const body = block(`  invocations ${kernel.workgroupSize}${tiles}${resident}`, kernel.body);
  return `${[...head, ...body].join("\n")}\n`;
}
