/**
 * WGSL: storage buffers at bindings 0 …, then one uniform with the number of groups and the scalars.
 *
 * The grid is folded to two dimensions, since one has at most 65535 groups; groups beyond the last
 * return at once, all invocations together, so barriers stay uniform. Literals are exact: WGSL has
 * no infinities and no NaN, and neither has legal kernel IR. Memory of f16 needs the feature
 * `shader-f16`; values are f32 as soon as they are loaded.
 */

import { invariant } from "../../grammar/invariant.ts";
import type { MatrixShape } from "../../runtime/contract.ts";
import * as build from "../kernel/build.ts";
import type {
  AcrossStatement,
  CallFunction,
  Expr,
  Kernel,
  KernelType,
  MemoryElement,
  Statement,
} from "../kernel/kernel.ts";
import { shortest } from "../kernel/print.ts";
import { someStatement } from "../kernel/rewrite.ts";
import { type Dialect, type MemoryAccess, printBody, printFunction } from "./c-like.ts";
import { alignedMemory, quarter } from "./aligned.ts";
import { helperName, helpersOf } from "./helpers.ts";
import { namesOf, usesBuiltin, variablesIn } from "./names.ts";
import { hasMatrices, matrixPrinter, matrixWords } from "./wgsl-matrices.ts";
import { reservedInWgsl, wordsFor } from "./words.ts";

function typeName({ scalar, lanes }: KernelType): string {
  return lanes === 1 ? scalar : `vec4<${scalar}>`;
}

function literal(type: KernelType, value: number): string {
  if (type.lanes === 4) return `${typeName(type)}(${literal({ ...type, lanes: 1 }, value)})`;
  if (type.scalar === "bool") return value === 0 ? "false" : "true";
  return type.scalar === "i32" ? String(value) : `${shortest(value)}f`;
}

const functions: Partial<Readonly<Record<CallFunction, string>>> = {
  abs: "abs",
  min: "min",
  max: "max",
  floor: "floor",
  ceil: "ceil",
  round_even: "round",
  sqrt: "sqrt",
  inverse_sqrt: "inverseSqrt",
  fma: "fma",
};

const reservedWords = new Set([...reservedInWgsl, ...matrixWords]);

function dialectOf(
  kernel: Kernel,
  aligned: ReadonlySet<string>,
  shape: MatrixShape | undefined,
): Dialect {
  const word = wordsFor(namesOf(kernel), reservedWords);
  const memory = new Map([...kernel.buffers, ...kernel.arrays].map((each) => [each.name, each]));
  const isHalf = ({ name }: MemoryAccess): boolean => memory.get(name)?.element === "f16";
  const loaded = (access: MemoryAccess, type: KernelType, text: string): string =>
    isHalf(access) ? `${typeName(type)}(${text})` : text;
  const stored = (access: MemoryAccess, lanes: 1 | 4, text: string): string =>
    isHalf(access) ? `${lanes === 1 ? "f16" : "vec4<f16>"}(${text})` : text;
  return {
    typeName,
    literal,
    word,
    declaration: (form, _type, name) => `${form} ${name}`,
    load: (access, write) => {
      const name = word(access.name);
      if (aligned.has(access.name)) {
        return loaded(access, access.type, `${name}[${write(quarter(access.index))}]`);
      }
      const element: KernelType = { ...access.type, lanes: 1 };
      const single = (index: Expr): string => loaded(access, element, `${name}[${write(index)}]`);
      if (access.type.lanes === 1) return single(access.index);
      const items = [0, 1, 2, 3].map((lane) => single(build.add(access.index, lane)));
      return `${typeName(access.type)}(${items.join(", ")})`;
    },
    store: (access, value, write) => {
      const name = word(access.name);
      if (aligned.has(access.name)) {
        return [`${name}[${write(quarter(access.index))}] = ${stored(access, 4, value)};`];
      }
      if (access.type.lanes === 1) {
        return [`${name}[${write(access.index)}] = ${stored(access, 1, value)};`];
      }
      const at = [0, 1, 2, 3].map((lane) => write(build.add(access.index, lane)));
      const lines = at.map((index, lane) => `${name}[${index}] = lanes.${"xyzw"[lane]};`);
      return [`{ let lanes = ${stored(access, 4, value)}; ${lines.join(" ")} }`];
    },
    call: ({ fn, type }, args) => {
      if (fn === "bits_of" || fn === "from_bits") return `bitcast<${typeName(type)}>(${args[0]})`;
      const name = functions[fn] ?? helperName(fn, type);
      invariant(name !== undefined, `codegen: \`${fn}\` is not legalized for WGSL`);
      return `${name}(${args.join(", ")})`;
    },
    select: (condition, then, otherwise) => `select(${otherwise}, ${then}, ${condition})`,
    cast: (type, _from, operand) => `${typeName(type)}(${operand})`,
    vector: (type, items) => `${typeName(type)}(${items.join(", ")})`,
    lane: (operand, index) => `${operand}.${"xyzw"[index]}`,
    shiftAmount: (amount, write) => {
      const [open, close] = amount.type.lanes === 1 ? ["", ""] : ["vec4<u32>(", ")"];
      if (amount.kind === "const") return `${open}${amount.value}u${close}`;
      return amount.type.lanes === 1
        ? `u32(${write(amount, 0)})`
        : `${open}${write(amount, 0)}${close}`;
    },
    mixesLanes: true,
    // `&&` becomes control flow: of a mask's chain SwiftShader makes gigabytes, in minutes.
    evaluatesBoth: true,
    ...(kernel.rolled === true && { loopEnd: hiddenEnd }),
    barrier: "workgroupBarrier()",
    across: ({ name, fn, sharers }, value) => sharedLines(word(name), fn, sharers, value),
    ...(shape !== undefined && { matrix: matrixPrinter(kernel, shape, word) }),
  };
}

/** The most rounds of a loop that Mesa unrolls (`max_unroll_iterations` of its drivers for CPUs). */
const mostUnrolled = 32;

/**
 * The end of a loop of a few rounds, so that a compiler sees no constant. A uniform would hide nothing:
 * Lavapipe puts its value in the place of one that ends a loop, and compiles anew for each value.
 */
function hiddenEnd({ from, to, step }: Extract<Statement, { kind: "for" }>, end: string): string {
  if (from.kind !== "const" || to.kind !== "const" || step.kind !== "const") return end;
  const rounds = Math.ceil((to.value - from.value) / step.value);
  return rounds > mostUnrolled ? end : `select(0, ${end}, group >= 0)`;
}

/** What a subgroup, or each run of so many of its invocations, has together. */
function sharedLines(
  name: string,
  fn: AcrossStatement["fn"],
  sharers: AcrossStatement["sharers"],
  value: string,
): readonly string[] {
  if (sharers === "subgroup") {
    return [`let ${name} = ${fn === "sum" ? "subgroupAdd" : "subgroupMax"}(${value});`];
  }
  const lines = [`var ${name} = ${value};`];
  for (let far = 1; far < sharers; far *= 2) {
    const other = `subgroupShuffleXor(${name}, ${far}u)`;
    lines.push(fn === "sum" ? `${name} += ${other};` : `${name} = max(${name}, ${other});`);
  }
  return lines;
}

/**
 * A legalized kernel as a WGSL module whose entry point has the kernel's name; its matrices, if it has
 * any, consist of those of `shape`.
 */
export function wgslText(kernel: Kernel, shape?: MatrixShape): string {
  const aligned = alignedMemory(kernel);
  const dialect = dialectOf(kernel, aligned, shape);
  const { word } = dialect;
  const buffers = kernel.buffers.map(({ name, element, access }, binding) => {
    const space = access === "read" ? "storage, read" : "storage, read_write";
    const type = aligned.has(name) ? `vec4<${elementName(element)}>` : elementName(element);
    return `@group(0) @binding(${binding}) var<${space}> ${word(name)}: array<${type}>;`;
  });
  const arrays = kernel.arrays.map(({ name, element, length }) => {
    const type = aligned.has(name)
      ? `vec4<${elementName(element)}>, ${Math.ceil(length / 4)}`
      : `${elementName(element)}, ${length}`;
    return `var<workgroup> ${word(name)}: array<${type}>;`;
  });
  const halves = [...kernel.buffers, ...kernel.arrays].some(({ element }) => element === "f16");
  const members = ["groups", ...kernel.scalars.map((name) => memberName(name))];
  const lines = [
    ...kernel.comment.map((line) => `// ${line}`),
    ...(halves ? ["enable f16;"] : []),
    ...(hasMatrices(kernel) ? ["enable chromium_experimental_subgroup_matrix;"] : []),
    ...(hasSubgroups(kernel) ? ["enable subgroups;", "requires subgroup_id;"] : []),
    ...(halves || hasSubgroups(kernel) ? [""] : []),
    `struct Sizes { ${members.map((name) => `${name}: i32`).join(", ")} }`,
    "",
    ...buffers,
    `@group(0) @binding(${kernel.buffers.length}) var<uniform> sizes: Sizes;`,
    ...arrays,
    "",
    ...helpersOf(kernel).flatMap(({ name, type, body, result }) => [
      `fn ${name}(x: ${typeName(type)}) -> ${typeName(type)} {`,
      ...printFunction(body, result, dialect).map((line) => `  ${line}`),
      "}",
      "",
    ]),
    `@compute @workgroup_size(${kernel.workgroupSize})`,
    ...entryPoint(kernel, dialect),
  ];
  return `${lines.join("\n")}\n`;
}

function elementName(element: MemoryElement): string {
  invariant(element !== "bf16", "codegen: WGSL has no bf16");
  return element;
}

/** A scalar's member of `Sizes`, which has `groups` already. */
function memberName(name: string): string {
  return name === "groups" || reservedInWgsl.has(name) || name.startsWith("_")
    ? `size_${name}`
    : name;
}

/**
 * Invocations are numbered along subgroups, since the language does not say which of them
 * `local_invocation_index` puts in one.
 */
const subgroupParameters = [
  "@builtin(subgroup_id) subgroup: u32",
  "@builtin(subgroup_invocation_id) subgroup_lane: u32",
  "@builtin(subgroup_size) subgroup_lanes: u32",
];
const subgroupPlaces = [
  "let subgroup_size = i32(subgroup_lanes);",
  "let invocation = i32(subgroup * subgroup_lanes + subgroup_lane);",
];

/** Whether invocations of `kernel` share by subgroups. */
function hasSubgroups(kernel: Kernel): boolean {
  return hasMatrices(kernel) || someStatement(kernel.body, ({ kind }) => kind === "across");
}

function entryPoint(kernel: Kernel, dialect: Dialect): readonly string[] {
  const usesInvocation = usesBuiltin(kernel, "invocation");
  const bySubgroups = hasSubgroups(kernel);
  const parameters = [
    "@builtin(workgroup_id) group_id: vec3<u32>",
    "@builtin(num_workgroups) grid: vec3<u32>",
    ...(usesInvocation && !bySubgroups
      ? ["@builtin(local_invocation_index) local_index: u32"]
      : []),
    ...(bySubgroups ? subgroupParameters : []),
  ];
  const read = variablesIn(kernel);
  const scalars = kernel.scalars.filter((name) => read.has(name));
  const start = [
    "let group = i32(group_id.x + group_id.y * grid.x);",
    "if (group >= sizes.groups) { return; }",
    ...(bySubgroups ? subgroupPlaces : []),
    ...(usesBuiltin(kernel, "warp") ? ["let warp = i32(subgroup);"] : []),
    ...(usesInvocation && !bySubgroups ? ["let invocation = i32(local_index);"] : []),
    ...scalars.map((name) => `let ${dialect.word(name)} = sizes.${memberName(name)};`),
  ];
  return [
    `fn ${dialect.word(kernel.name)}(`,
    ...parameters.map((each) => `  ${each},`),
    ") {",
    ...[...start, ...printBody(kernel, dialect)].map((line) => `  ${line}`),
    "}",
  ];
}
