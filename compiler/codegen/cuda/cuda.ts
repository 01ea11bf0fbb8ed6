/**
 * CUDA C++: one `extern "C"` kernel with a one-dimensional grid of exactly the groups, buffers as
 * pointers and scalars as `int` parameters. Values of four lanes are a struct with operators, which
 * the compiler keeps in registers; the text has its definition only where it needs it. Definitions
 * are guarded, so that kernels may follow each other in one file.
 */

import { invariant } from "../../../grammar/invariant.ts";
import * as build from "../../kernel/build.ts";
import type { CallFunction, Expr, Kernel, KernelType } from "../../kernel/kernel.ts";
import { shortest } from "../../kernel/print.ts";
import { type Dialect, printBody, printFunction } from "../c-like.ts";
import { lanesPrelude } from "./lanes.ts";
import { helperName, helpersOf } from "../helpers.ts";
import { multiplesIn } from "../multiples.ts";
import { namesOf, usesBuiltin, usesLanes } from "../names.ts";
import { reservedInCuda, wordsFor } from "../words.ts";
import { guarded } from "./guarded.ts";
import { type HalfType, narrowed, widened } from "./halves.ts";
import { instructionsOf } from "./instructions.ts";
import { multiplyLines } from "./multiply.ts";
import { arrayLines, type Swizzle, swizzleLines, swizzleName, swizzleOf } from "./shared.ts";
import {
  arraysOf,
  elementText,
  tileLines,
  tileOf,
  usesTiles,
  type WarpTile,
  warpTiles,
  warpWords,
} from "./warp.ts";

const scalarNames = { f32: "float", i32: "int", bool: "bool" } as const;

const elementNames = { f32: "float", i32: "int", f16: "__half", bf16: "__nv_bfloat16" } as const;

/** Where 16-bit floats are defined. */
const headers = { f16: "cuda_fp16.h", bf16: "cuda_bf16.h" } as const;

function typeName({ scalar, lanes }: KernelType): string {
  return lanes === 1 ? scalarNames[scalar] : `lanes<${scalarNames[scalar]}>`;
}

function literal(type: KernelType, value: number): string {
  if (type.lanes === 4) return `splat4(${literal({ ...type, lanes: 1 }, value)})`;
  if (type.scalar === "bool") return value === 0 ? "false" : "true";
  if (type.scalar === "f32") return `${shortest(value)}f`;
  // The literal of the least int is a long in C++.
  return value === -2147483648 ? "(-2147483647 - 1)" : String(value);
}

const floatFunctions: Partial<Readonly<Record<CallFunction, string>>> = {
  abs: "fabsf",
  min: "fminf",
  max: "fmaxf",
  floor: "floorf",
  ceil: "ceilf",
  round_even: "rintf",
  sqrt: "sqrtf",
  inverse_sqrt: "rsqrtf",
  fma: "fmaf",
  exp2_approximate: "exp2_approx",
  bits_of: "__float_as_int",
};

const wholeFunctions: Partial<Readonly<Record<CallFunction, string>>> = {
  abs: "abs",
  min: "min",
  max: "max",
  from_bits: "__int_as_float",
};

/** The language's own function that is called, if it has one. */
function functionName({ fn, args: [first] }: Extract<Expr, { kind: "call" }>): string | undefined {
  return (first?.type.scalar === "i32" ? wholeFunctions : floatFunctions)[fn];
}

function dialectOf(kernel: Kernel): Dialect {
  const reserved =
    kernel.tiles === "warp" ? new Set([...reservedInCuda, ...warpWords]) : reservedInCuda;
  const word = wordsFor(namesOf(kernel), reserved);
  const elements = new Map(
    [...kernel.buffers, ...kernel.arrays].map(({ name, element }) => [name, element]),
  );
  const halfType = (name: string): HalfType | undefined => {
    const element = elements.get(name);
    return element === "f16" || element === "bf16" ? elementNames[element] : undefined;
  };
  const isMultiple = multiplesIn(kernel);
  const arrays = arraysOf(kernel);
  // Buffers and arrays of rows start at multiples of 16 bytes.
  const isAligned = ({ name, index }: { readonly name: string; readonly index: Expr }): boolean => {
    const array = arrays.get(name);
    return isMultiple(index, 4) && (array === undefined || array.rowLength !== undefined);
  };
  /** The name of a function on four elements there. */
  const four = (action: "load4" | "store4", name: string, index: Expr): string => {
    const aligned = isAligned({ name, index }) ? "_aligned" : "";
    return `${action}${aligned}${halfType(name) === undefined ? "" : `_${elements.get(name)}`}`;
  };
  const swizzles = swizzlesOf(kernel);
  const indexed = (name: string, index: string): string => {
    const swizzle = swizzles.get(name);
    return swizzle === undefined ? index : `${swizzleName(swizzle)}(${index})`;
  };
  return {
    typeName,
    literal,
    word,
    ...(kernel.tiles === "warp" ? warpDialect(kernel, word, indexed) : {}),
    declaration: (form, type, name) => `${form === "let" ? "const " : ""}${typeName(type)} ${name}`,
    load: ({ name, type, index }, write) => {
      const half = halfType(name);
      const place = indexed(name, write(index));
      if (type.lanes === 4) return `${four("load4", name, index)}(${word(name)}, ${place})`;
      const value = `${word(name)}[${place}]`;
      return half === undefined ? value : widened(half, value);
    },
    store: ({ name, type, index }, value, write) => {
      const half = halfType(name);
      const place = indexed(name, write(index));
      if (type.lanes === 4) {
        return [`${four("store4", name, index)}(${word(name)}, ${place}, ${value});`];
      }
      const stored = half === undefined ? value : narrowed(half, value);
      return [`${word(name)}[${place}] = ${stored};`];
    },
    call: (expr, args) => {
      const name = functionName(expr) ?? helperName(expr.fn, expr.type);
      invariant(name !== undefined, `codegen: \`${expr.fn}\` is not legalized for CUDA`);
      return `${name}(${args.join(", ")})`;
    },
    select: (condition, then, otherwise, lanes) =>
      lanes === 4
        ? `select4(${condition}, ${then}, ${otherwise})`
        : `(${condition} ? ${then} : ${otherwise})`,
    cast: (type, _from, operand) =>
      type.lanes === 1
        ? `${typeName(type)}(${operand})`
        : `convert4<${scalarNames[type.scalar]}>(${operand})`,
    vector: (type, items) => {
      if (items.length === 1) return `splat4(${items[0]})`;
      return `${typeName(type)}{${items.join(", ")}}`;
    },
    lane: (operand, index) => `${operand}.${"xyzw"[index]}`,
    shiftAmount: (amount, write) =>
      write(amount.type.lanes === 1 ? amount : build.lane(amount, 0), 7),
    mixesLanes: false,
    evaluatesBoth: false,
    barrier: "__syncthreads()",
  };
}

/** A legalized kernel as CUDA C++ text. */
export function cudaText(kernel: Kernel): string {
  const dialect = dialectOf(kernel);
  const { word } = dialect;
  const buffers = kernel.buffers.map(({ name, element, access }) => {
    const qualifier = access === "read" ? "const " : "";
    return `${qualifier}${elementNames[element]}* __restrict__ ${word(name)}`;
  });
  const parameters = [...buffers, ...kernel.scalars.map((name) => `int ${word(name)}`)];
  const arrays = arrayLines(kernel.arrays, (element) => elementNames[element], word);
  const places = [
    ...(usesBuiltin(kernel, "group") ? ["const int group = blockIdx.x;"] : []),
    ...(usesBuiltin(kernel, "invocation") ? ["const int invocation = threadIdx.x;"] : []),
    ...(usesBuiltin(kernel, "warp") ? ["const int warp = threadIdx.x / 32;"] : []),
    ...(usesTiles(kernel) ? ["const int lane = threadIdx.x % 32;"] : []),
  ];
  const body = printBody(kernel, dialect);
  const swizzles = new Map(
    [...swizzlesOf(kernel).values()].map((each) => [swizzleName(each), each]),
  );
  const helpers = helpersOf(kernel).map((helper) => ({
    ...helper,
    lines: printFunction(helper.body, helper.result, dialect).map((line) => `  ${line}`),
  }));
  const text = [...helpers.flatMap(({ lines }) => lines), ...body].join("\n");
  const bounds = [kernel.workgroupSize, kernel.residentGroups ?? []].flat().join(", ");
  const lines = [
    ...kernel.comment.map((line) => `// ${line}`),
    ...includes(kernel),
    ...(usesLanes(kernel) ? lanesPrelude(kernel, helpers, functionName, text) : []),
    ...helpers.flatMap(({ name, type, lines }) => {
      const head = `static __device__ inline ${typeName(type)} ${name}(${typeName(type)} x) {`;
      return guarded(name, [head, ...lines, "}"]);
    }),
    ...[...swizzles.values()].flatMap((each) =>
      text.includes(`${swizzleName(each)}(`) ? swizzleLines(each) : [],
    ),
    ...instructionsOf(text),
    `extern "C" __global__ void __launch_bounds__(${bounds}) ${word(kernel.name)}(`,
    ...parameters.map((each, at) => `    ${each}${at + 1 < parameters.length ? "," : ") {"}`),
    ...[...arrays, ...places, ...body].map((line) => (line.startsWith("#") ? line : `  ${line}`)),
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

/** The permutations of the arrays of `kernel` that have one. */
function swizzlesOf(kernel: Kernel): ReadonlyMap<string, Swizzle> {
  return new Map(
    kernel.arrays.flatMap((array) => {
      const swizzle = swizzleOf(array);
      return swizzle === undefined ? [] : [[array.name, swizzle] as const];
    }),
  );
}

/** What the dialect of a kernel of warps has besides. */
function warpDialect(
  kernel: Kernel,
  word: (name: string) => string,
  indexed: (name: string, index: string) => string,
): Pick<Dialect, "warp" | "element"> {
  const tiles = warpTiles(kernel);
  const known = { tiles, arrays: arraysOf(kernel), isMultiple: multiplesIn(kernel) };
  // The tile that the statement being written is on.
  let around: WarpTile = { rows: 16, columns: 1 };
  return {
    element: (name) => elementText(tileOf(tiles, name), word(name), around),
    warp: (statement, { expr, block }) => {
      const writer = { expr, block, word };
      switch (statement.kind) {
        case "copy_async": {
          const { array, index, buffer, source, valid } = statement;
          const to = `&${word(array)}[${indexed(array, expr(index))}]`;
          const from = `&${word(buffer)}[${expr(source)}]`;
          if (valid.kind === "const" && valid.value === 1) return [`cp_async_16(${to}, ${from});`];
          return [`cp_async_16_if(${to}, ${from}, ${expr(valid)});`];
        }
        case "commit_copies":
          return ["cp_async_commit();"];
        case "wait_copies":
          return [`cp_async_wait<${statement.pending}>();`];
        case "warp_multiply":
          return multiplyLines(statement, known, writer);
        case "tile_multiply":
          return invariant(false, "codegen: warps multiply with `warp_multiply`") as never;
        default: {
          const name = statement.kind === "tile_each" ? statement.tile : statement.name;
          around = tileOf(tiles, name);
          return tileLines(statement, tiles, writer);
        }
      }
    },
  };
}

function includes(kernel: Kernel): readonly string[] {
  const elements = new Set([...kernel.buffers, ...kernel.arrays].map(({ element }) => element));
  return (["f16", "bf16"] as const)
    .filter((each) => elements.has(each))
    .map((each) => `#include <${headers[each]}>`);
}
