/**
 * The kernels of the toy plan as WebAssembly, called as `contract.ts` says: assembled here, byte by
 * byte, so that the CPU backend is tested against the agreement and not against the compiler.
 */

import type { PlanKernel } from "../../../runtime/contract.ts";
import { toyPlan } from "./toy-plan.ts";

type Code = readonly number[];

const i32Type = 0x7f;
const f32Type = 0x7d;

const constant = (value: number): Code => [0x41, ...signed(value)];
const float = (value: number): Code => [0x43, ...new Uint8Array(Float32Array.of(value).buffer)];
const get = (local: number): Code => [0x20, ...unsigned(local)];
const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];
const operation =
  (code: number) =>
  (...operands: readonly Code[]): Code => [...operands.flat(), code];
const add = operation(0x6a);
const times = operation(0x6c);
const quotient = operation(0x6d);
const remainder = operation(0x6f);
const addFloats = operation(0x92);
const subtractFloats = operation(0x93);
const timesFloats = operation(0x94);
const floor = operation(0x8e);
const negative = operation(0x8c);
const toFloat = operation(0xb2);
const notLess = operation(0x4e);

const address = (base: Code, index: Code): Code => add(base, times(index, constant(4)));
const load = (base: Code, index: Code): Code => [...address(base, index), 0x2a, 2, 0];
const loadInteger = (base: Code, index: Code): Code => [...address(base, index), 0x28, 2, 0];
const store = (base: Code, index: Code, value: Code): Code => [
  ...address(base, index),
  ...value,
  0x38,
  2,
  0,
];

/** Runs `body` with the local `variable` from what it is up to `end`. */
const loop = (variable: number, end: Code, body: Code): Code => [
  ...[0x02, 0x40, 0x03, 0x40],
  ...notLess(get(variable), end),
  ...[0x0d, 1],
  ...body,
  ...set(variable, add(get(variable), constant(1))),
  ...[0x0c, 0, 0x0b, 0x0b],
];

/**
 * What a kernel does for the group in local 0. Arguments begin at local 2; then an i32 and an f32
 * of its own.
 */
const bodies: Readonly<Record<string, Code>> = {
  scale: store(get(3), get(0), timesFloats(load(get(2), get(0)), toFloat(get(5)))),
  spread: store(get(3), get(0), load(get(2), pair(quotient(get(0), constant(6))))),
  shift: store(
    get(4),
    get(0),
    addFloats(load(get(2), get(0)), toFloat(loadInteger(get(3), quotient(get(0), constant(2))))),
  ),
  gather: store(
    get(4),
    get(0),
    load(get(2), pair(loadInteger(get(3), quotient(get(0), constant(2))))),
  ),
  append: store(
    get(4),
    add(times(get(6), constant(2)), get(0)),
    addFloats(load(get(2), get(0)), load(get(3), remainder(get(0), constant(2)))),
  ),
  score: [
    ...set(9, float(0)),
    ...set(8, constant(0)),
    ...loop(8, get(7), set(9, addFloats(get(9), load(get(3), get(8))))),
    ...set(8, constant(0)),
    ...loop(
      8,
      times(add(get(6), add(quotient(get(0), constant(8)), constant(1))), constant(2)),
      set(9, addFloats(get(9), load(get(2), get(8)))),
    ),
    ...set(
      9,
      subtractFloats(get(9), timesFloats(float(8), floor(timesFloats(get(9), float(1 / 8))))),
    ),
    ...set(9, subtractFloats(toFloat(remainder(get(0), constant(8))), get(9))),
    ...store(get(4), get(0), negative(timesFloats(get(9), get(9)))),
  ],
};

/** `row * 2 + group % 2`: the element of a row of two that the group stands for. */
function pair(row: Code): Code {
  return add(times(row, constant(2)), remainder(get(0), constant(2)));
}

/** One module with all kernels of the toy. */
export const toyWasm: Uint8Array = moduleOf(toyPlan("cpu").kernels);

function moduleOf(kernels: readonly PlanKernel[]): Uint8Array {
  const types = kernels.map(({ buffers, scalars }) => {
    const parameters = 2 + buffers.length + scalars.length;
    return [0x60, ...list(Array.from({ length: parameters }, () => [i32Type])), 0];
  });
  const memory = [...text("env"), ...text("memory"), 0x02, 0x03, 1, ...unsigned(65536)];
  const exported = kernels.map(({ name }, index) => [...text(name), 0x00, index]);
  const code = kernels.map(({ name }) => {
    const locals = list([
      [1, i32Type],
      [1, f32Type],
    ]);
    const body = [...locals, ...loop(0, get(1), bodies[name] ?? []), 0x0b];
    return [...unsigned(body.length), ...body];
  });
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(types)),
    ...section(2, list([memory])),
    ...section(3, list(kernels.map((_, index) => [index]))),
    ...section(7, list(exported)),
    ...section(10, list(code)),
  ]);
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): Code {
  const bytes = new TextEncoder().encode(value);
  return [...unsigned(bytes.length), ...bytes];
}

function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const last = value >= -64 && value < 64;
  return last ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
