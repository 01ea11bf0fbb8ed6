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
import { instructionsOf } from "./instructions.ts";
import { multiplyLines } from "./multiply.ts";
import { arrayLines, type Swizzle, swizzleLines, swizzleName, swizzleOf } from "./shared.ts";
import {
  arraysOf,
  elementText,
  tileLines,
  tileOf,
  usesTiles,
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

function dialectOf(kernel: Kernel): Dialect {
  const reserved =
    kernel.tiles === "warp" ? new Set([...reservedInCuda, ...warpWords]) : reservedInCuda;
  const word = wordsFor(namesOf(kernel), reserved);
  const isHalf = halfMemory(kernel);
  const isMultiple = multiplesIn(kernel.body);
  const arrays = arraysOf(kernel);
  // Buffers and arrays of rows start at multiples of 16 bytes.
  const isAligned = ({ name, index }: { readonly name: string; readonly index: Expr }): boolean => {
    const array = arrays.get(name);
    return isMultiple(index, 4) && (array === undefined || array.rowLength !== undefined);
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
      const four = isAligned({ name, index }) ? "load4_aligned" : "load4";
      const value =
        type.lanes === 1
          ? `${word(name)}[${indexed(name, write(index))}]`
          : `${four}(${word(name)}, ${indexed(name, write(index))})`;
      return isHalf(name) === undefined ? value : `${typeName(type)}(${value})`;
    },
    store: ({ name, type, index }, value, write) => {
      const half = isHalf(name);
      if (type.lanes === 1) {
        const stored = half === undefined ? value : `${half}(${value})`;
        return [`${word(name)}[${indexed(name, write(index))}] = ${stored};`];
      }
      const stored = half === undefined ? value : `lanes<${half}>(${value})`;
      const four = isAligned({ name, index }) ? "store4_aligned" : "store4";
      return [`${four}(${word(name)}, ${indexed(name, write(index))}, ${stored});`];
    },
    call: ({ fn, type, args: [first] }, args) => {
      const isWhole = first?.type.scalar === "i32";
      const name = (isWhole ? wholeFunctions : floatFunctions)[fn] ?? helperName(fn, type);
      invariant(name !== undefined, `codegen: \`${fn}\` is not legalized for CUDA`);
      return `${name}(${args.join(", ")})`;
    },
    select: (condition, then, otherwise, lanes) =>
      lanes === 4
        ? `select4(${condition}, ${then}, ${otherwise})`
        : `(${condition} ? ${then} : ${otherwise})`,
    cast: (type, _from, operand) => `${typeName(type)}(${operand})`,
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
  const called = body.join("\n");
  const bounds = [kernel.workgroupSize, kernel.residentGroups ?? []].flat().join(", ");
  const lines = [
    ...kernel.comment.map((line) => `// ${line}`),
    ...includes(kernel),
    ...(usesLanes(kernel) ? [...lanesPrelude, ""] : []),
    ...helpersOf(kernel).flatMap(({ name, type, body, result }) => [
      `#ifndef BRAID_${name.toUpperCase()}`,
      `#define BRAID_${name.toUpperCase()}`,
      `static __device__ inline ${typeName(type)} ${name}(${typeName(type)} x) {`,
      ...printFunction(body, result, dialect).map((line) => `  ${line}`),
      "}",
      "#endif",
      "",
    ]),
    ...[...swizzles.values()].flatMap((each) =>
      called.includes(`${swizzleName(each)}(`) ? swizzleLines(each) : [],
    ),
    ...instructionsOf(called),
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
  const around = { tiles, arrays: arraysOf(kernel), isMultiple: multiplesIn(kernel.body) };
  // Whether the statement being written is on a tile of one column.
  let ofRows = false;
  const columnsOf = (name: string): boolean => tileOf(tiles, name).columns === 1;
  return {
    element: (name) => elementText(tileOf(tiles, name), word(name), ofRows),
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
          return multiplyLines(statement, around, writer);
        case "tile_multiply":
          return invariant(false, "codegen: warps multiply with `warp_multiply`") as never;
        default: {
          const name = statement.kind === "tile_each" ? statement.tile : statement.name;
          ofRows = columnsOf(name);
          return tileLines(statement, tiles, writer);
        }
      }
    },
  };
}

/** The type of the 16-bit floats that memory called `name` holds, or nothing if it holds others. */
function halfMemory(kernel: Kernel): (name: string) => string | undefined {
  const memory = new Map([...kernel.buffers, ...kernel.arrays].map((each) => [each.name, each]));
  return (name) => {
    const element = memory.get(name)?.element;
    return element === "f16" || element === "bf16" ? elementNames[element] : undefined;
  };
}

function includes(kernel: Kernel): readonly string[] {
  const elements = new Set([...kernel.buffers, ...kernel.arrays].map(({ element }) => element));
  return (["f16", "bf16"] as const)
    .filter((each) => elements.has(each))
    .map((each) => `#include <${headers[each]}>`);
}
