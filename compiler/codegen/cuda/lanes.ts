/**
 * Four lanes in CUDA C++: a struct of four scalars, and of the operators, functions, loads and stores
 * of kernel IR on it those that a kernel uses, lane by lane. Without templates over operators, so that
 * error messages and the text stay plain.
 */

import { invariant } from "../../../grammar/invariant.ts";
import type { BinaryOperator, Expr, Kernel } from "../../kernel/kernel.ts";
import { expressionsOf, visitBody, visitExpr } from "../../kernel/rewrite.ts";
import type { Helper } from "../helpers.ts";
import { guarded } from "./guarded.ts";
import { type HalfType, narrowed, widened } from "./halves.ts";

const head = "template <typename T> __device__ inline";

const places = ["x", "y", "z", "w"] as const;

/** `item` of each lane. */
function each(item: (lane: string) => string): string {
  return places.map(item).join(", ");
}

/** How an operator is written, and what it gives. */
interface Operator {
  readonly symbol: string;
  readonly result: "T" | "bool";
}

const operators: Partial<Readonly<Record<BinaryOperator, Operator>>> = {
  add: { symbol: "+", result: "T" },
  subtract: { symbol: "-", result: "T" },
  multiply: { symbol: "*", result: "T" },
  divide: { symbol: "/", result: "T" },
  quotient: { symbol: "/", result: "T" },
  remainder: { symbol: "%", result: "T" },
  bit_and: { symbol: "&", result: "T" },
  bit_or: { symbol: "|", result: "T" },
  and: { symbol: "&", result: "T" },
  or: { symbol: "|", result: "T" },
  equal: { symbol: "==", result: "bool" },
  not_equal: { symbol: "!=", result: "bool" },
  less: { symbol: "<", result: "bool" },
  less_equal: { symbol: "<=", result: "bool" },
};

/** What the expression calls on four lanes, by name of its guard. */
function called(
  expr: Expr,
  functionName: (expr: Extract<Expr, { kind: "call" }>) => string | undefined,
): readonly [string, string] | undefined {
  switch (expr.kind) {
    case "binary": {
      const { operator, left, right } = expr;
      if (left.type.lanes !== 4) return undefined;
      if (operator === "shift_left" || operator === "shift_right") {
        const symbol = operator === "shift_left" ? "<<" : ">>";
        const own = `__device__ inline lanes<int> operator${symbol}(lanes<int> a, int n)`;
        return [operator, `${own} { return {${each((x) => `a.${x} ${symbol} n`)}}; }`];
      }
      // A sum with a negative constant is written as a difference.
      const isLess = operator === "add" && right.kind === "const" && right.value < 0;
      const name = isLess ? "subtract" : operator;
      const form = operators[name];
      invariant(form !== undefined, `codegen: \`${name}\` is not legalized for CUDA`);
      const items = each((x) => `a.${x} ${form.symbol} b.${x}`);
      const own = `${head} lanes<${form.result}> operator${form.symbol}(lanes<T> a, lanes<T> b)`;
      return [name, `${own} { return {${items}}; }`];
    }
    case "unary": {
      if (expr.type.lanes !== 4) return undefined;
      const symbol = expr.operator === "negate" ? "-" : "!";
      const own = `${head} lanes<T> operator${symbol}(lanes<T> a)`;
      return [expr.operator, `${own} { return {${each((x) => `${symbol}a.${x}`)}}; }`];
    }
    case "select": {
      if (expr.type.lanes !== 4) return undefined;
      return expr.condition.type.lanes === 4
        ? [
            "select",
            `${head} lanes<T> select4(lanes<bool> c, lanes<T> a, lanes<T> b) { return {${each((x) => `c.${x} ? a.${x} : b.${x}`)}}; }`,
          ]
        : ["select_all", `${head} T select4(bool c, T a, T b) { return c ? a : b; }`];
    }
    case "cast": {
      if (expr.type.lanes !== 4) return undefined;
      const own =
        "template <typename T, typename U> __device__ inline lanes<T> convert4(lanes<U> a)";
      return ["convert", `${own} { return {${each((x) => `T(a.${x})`)}}; }`];
    }
    case "call": {
      const name = functionName(expr);
      const [first] = expr.args;
      if (name === undefined || first?.type.lanes !== 4) return undefined;
      const [type, result] = [first.type, expr.type].map(({ scalar }) =>
        scalar === "f32" ? "float" : "int",
      );
      const names = ["a", "b", "c"].slice(0, expr.args.length);
      const parameters = names.map((own) => `lanes<${type}> ${own}`).join(", ");
      const items = each((x) => `${name}(${names.map((own) => `${own}.${x}`).join(", ")})`);
      const own = `__device__ inline lanes<${result}> ${name}(${parameters})`;
      return [`${name}_${type}`, `${own} { return {${items}}; }`];
    }
    default:
      return undefined;
  }
}

/** What moves and makes lanes, by name; a text has those that it calls. */
const functions: Readonly<Record<string, readonly string[]>> = {
  splat4: [`${head} lanes<T> splat4(T a) { return {a, a, a, a}; }`],
  load4: [
    `${head} lanes<T> load4(const T* p, int i) { return {p[i], p[i + 1], p[i + 2], p[i + 3]}; }`,
  ],
  store4: [
    `${head} void store4(T* p, int i, lanes<T> a) {`,
    "  p[i] = a.x; p[i + 1] = a.y; p[i + 2] = a.z; p[i + 3] = a.w;",
    "}",
  ],
  load4_aligned: [
    "// Four elements that start at a multiple of their size, in one access.",
    `${head} lanes<T> load4_aligned(const T* p, int i) {`,
    "  const four<T> a = *reinterpret_cast<const four<T>*>(p + i);",
    "  return {a.x, a.y, a.z, a.w};",
    "}",
  ],
  store4_aligned: [
    `${head} void store4_aligned(T* p, int i, lanes<T> a) {`,
    "  *reinterpret_cast<four<T>*>(p + i) = {a.x, a.y, a.z, a.w};",
    "}",
  ],
  ...halfFunctions("__half", "f16"),
  ...halfFunctions("__nv_bfloat16", "bf16"),
};

function halfFunctions(type: HalfType, suffix: string): typeof functions {
  const own = "__device__ inline";
  const at = ["p[i]", "p[i + 1]", "p[i + 2]", "p[i + 3]"];
  const of = places.map((x) => `a.${x}`);
  const wide = (items: readonly string[]): string =>
    items.map((item) => widened(type, item)).join(", ");
  const narrow = of.map((item) => narrowed(type, item));
  return {
    [`load4_${suffix}`]: [
      `${own} lanes<float> load4_${suffix}(const ${type}* p, int i) {`,
      `  return {${wide(at)}};`,
      "}",
    ],
    [`store4_${suffix}`]: [
      `${own} void store4_${suffix}(${type}* p, int i, lanes<float> a) {`,
      ...at.map((place, i) => `  ${place} = ${narrow[i]};`),
      "}",
    ],
    [`load4_aligned_${suffix}`]: [
      `${own} lanes<float> load4_aligned_${suffix}(const ${type}* p, int i) {`,
      `  const four<${type}> a = *reinterpret_cast<const four<${type}>*>(p + i);`,
      `  return {${wide(of)}};`,
      "}",
    ],
    [`store4_aligned_${suffix}`]: [
      `${own} void store4_aligned_${suffix}(${type}* p, int i, lanes<float> a) {`,
      `  *reinterpret_cast<four<${type}>*>(p + i) = {${narrow.join(", ")}};`,
      "}",
    ],
  };
}

/** The definitions for a kernel whose text is `text`. */
export function lanesPrelude(
  kernel: Kernel,
  helpers: readonly Helper[],
  functionName: (expr: Extract<Expr, { kind: "call" }>) => string | undefined,
  text: string,
): readonly string[] {
  const found = new Map<string, string>();
  const note = (expr: Expr): void =>
    visitExpr(expr, (part) => {
      const use = called(part, functionName);
      if (use !== undefined) found.set(...use);
    });
  visitBody(kernel.body, (statement) => expressionsOf(statement).forEach(note));
  for (const { body, result } of helpers) {
    visitBody(body, (statement) => expressionsOf(statement).forEach(note));
    note(result);
  }
  const moved = Object.entries(functions).filter(([name]) =>
    new RegExp(`\\b${name}\\(`).test(text),
  );
  const isAligned = moved.some(([name]) => name.includes("aligned"));
  return [
    ...guarded("lanes", ["template <typename T> struct lanes { T x, y, z, w; };"]),
    ...(isAligned
      ? guarded("four", [
          "template <typename T> struct alignas(4 * sizeof(T)) four { T x, y, z, w; };",
        ])
      : []),
    ...[...found].flatMap(([name, line]) => guarded(`lanes_${name}`, [line])),
    ...moved.flatMap(([name, lines]) => guarded(name, lines)),
  ];
}
