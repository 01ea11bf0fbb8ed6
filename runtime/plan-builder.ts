/**
 * The words in which an emitted `model.ts` writes its plan: each makes one piece of the plan's
 * data, and nothing but data. `contract.ts` says what the pieces mean; here is only how they are
 * spelled shortly. `call-builder.ts` has those that say how kernels are called.
 *
 * Floats are what is usual: everything with elements is `f32` unless wrapped in `i32(…)`.
 */

import type { Call } from "./call-builder.ts";
import type {
  BufferReference,
  ElementType,
  PlanAxis,
  PlanBuffer,
  PlanConstant,
  PlanInput,
  PlanOutput,
  PlanState,
  PlanStep,
  PlanSymbol,
  PlanWeight,
  Quantization,
  Size,
} from "./contract.ts";
import { invariant } from "./errors.ts";

/** The sum of sizes, from left to right. */
export function plus(first: Size, ...rest: readonly Size[]): Size {
  return rest.reduce((left: Size, right): Size => ["+", left, right], first);
}

/** The product of sizes, from left to right. */
export function times(first: Size, ...rest: readonly Size[]): Size {
  return rest.reduce((left: Size, right): Size => ["*", left, right], first);
}

/** `a / b`, rounded up. */
export function ceil(a: Size, b: Size): Size {
  return ["ceil/", a, b];
}

/** `a / b`, rounded down. */
export function floor(a: Size, b: Size): Size {
  return ["floor/", a, b];
}

/** The larger of two sizes. */
export function larger(a: Size, b: Size): Size {
  return ["max", a, b];
}

/** The smaller of two sizes. */
export function smaller(a: Size, b: Size): Size {
  return ["min", a, b];
}

/** What `make` gives for the layers 0, 1 … `count - 1`, in one list. */
export function layers<T>(count: number, make: (layer: number) => readonly T[]): readonly T[] {
  return Array.from({ length: count }, (_, layer) => make(layer)).flat();
}

/** The item whose turn it is in layer `layer`: they take turns, the first one in layer 0. */
export function alternate<T>(layer: number, first: T, ...rest: readonly T[]): T {
  const turn = layer % (rest.length + 1);
  return turn === 0 ? first : (rest[turn - 1] ?? first);
}

/** The `count` numbers `start`, `start + step` … */
export function range(count: number, start: number = 0, step: number = 1): readonly number[] {
  return Array.from({ length: count }, (_, index) => start + index * step);
}

/** `count` times the same number. */
export function fill(count: number, value: number): readonly number[] {
  return Array.from({ length: count }, () => value);
}

type Piece = { readonly element?: ElementType };
type As<T, Element> = T & { readonly element: Element };

/** The same piece with whole numbers as elements. */
export function i32<T extends Piece>(piece: T): As<T, "i32"> {
  return { ...piece, element: "i32" };
}

/** The same piece with floats as elements, where whole numbers are usual (tokens and positions). */
export function f32<T extends Piece>(piece: T): As<T, "f32"> {
  return { ...piece, element: "f32" };
}

/** The same piece with 16-bit floats (IEEE binary16) as elements. */
export function f16<T extends Piece>(piece: T): As<T, "f16"> {
  return { ...piece, element: "f16" };
}

/** The same piece with bfloat16 as elements. */
export function bf16<T extends Piece>(piece: T): As<T, "bf16"> {
  return { ...piece, element: "bf16" };
}

/** Sizes by axis label, in order: `{ T, Vocab: 32000 }`; as pairs where labels repeat. */
export type Axes = Readonly<Record<string, Size>> | readonly (readonly [string, Size])[];

function axesOf(axes: Axes): readonly PlanAxis[] {
  const pairs = isPairs(axes) ? axes : Object.entries(axes);
  return pairs.map(([label, size]) => ({ label, size }));
}

function isPairs(axes: Axes): axes is readonly (readonly [string, Size])[] {
  return Array.isArray(axes);
}

/** A size that is first met as `axis` of the input `input`. */
export function sizeOfInput(name: string, input: string, axis: number): PlanSymbol {
  return { name, source: { kind: "input", input, axis } };
}

/** A size that a phase measures. */
export function measuredSize(name: string): PlanSymbol {
  return { name, source: { kind: "measured" } };
}

/** A stored tensor; `alternatives` are its own name, unless given. */
export function stored(
  name: string,
  shape: readonly number[],
  alternatives: readonly (readonly string[])[] = [[name]],
  stacked: boolean = false,
): PlanWeight {
  return { name, alternatives, shape, stacked };
}

/**
 * Stored tensors whose names begin with `prefixes[0]`, or with one of the others in older
 * checkpoints.
 */
export function under(
  prefixes: readonly string[],
  weights: readonly PlanWeight[],
): readonly PlanWeight[] {
  return weights.map(({ name, ...weight }) => ({
    ...weight,
    name: `${prefixes[0]}${name}`,
    alternatives: prefixes.map((prefix) => [`${prefix}${name}`]),
  }));
}

/**
 * A weight packed for products: its `[batch, columns, inner]`, `width` columns side by side; as whole
 * numbers of few bits if `quantized` says so.
 */
export function panels(
  [batch, columns, inner]: readonly [number, number, number],
  width: number,
  weight: PlanWeight,
  innerFirst: boolean = false,
  quantized?: Quantization,
): PlanWeight {
  const numbers = quantized === undefined ? {} : { quantized };
  const sizes = { batch, columns, inner, innerFirst, width };
  return { ...weight, layout: { kind: "panels", ...sizes, ...numbers } };
}

/** A weight in a buffer of several, from the element `offset` on. */
export function within(buffer: string, offset: number, weight: PlanWeight): PlanWeight {
  return { ...weight, pack: { buffer, offset } };
}

/** A computed table. */
export function table(
  name: string,
  shape: readonly number[],
  data: readonly number[],
): PlanConstant {
  return { name, element: "f32", shape, data };
}

/** An input of floats. */
export function tensor(name: string, axes: Axes): PlanInput {
  return { name, role: "tensor", element: "f32", axes: axesOf(axes) };
}

/** An input of tokens, all below `bound`. */
export function tokens(name: string, axes: Axes, bound?: number): PlanInput {
  const input = { name, role: "token", element: "i32", axes: axesOf(axes) } as const;
  return bound === undefined ? input : { ...input, bound };
}

/** An input of positions of the rows of `segment`. */
export function positions(name: string, axes: Axes, segment?: string): PlanInput {
  const input = { name, role: "position", element: "i32", axes: axesOf(axes) } as const;
  return segment === undefined ? input : { ...input, segment };
}

/** What `phase` computes once for its inputs and leaves for others. */
export function value(name: string, phase: string, axes: Axes): PlanState {
  return { name, kind: "value", element: "f32", axes: axesOf(axes), phase };
}

/** Rows that grow with each call of `phase`; the first axis counts the rows held after it. */
export function cache(name: string, phase: string, axes: Axes): PlanState {
  return { name, kind: "cache", element: "f32", axes: axesOf(axes), phase };
}

/** The same cache with at most `slots` rows, of which the last `window` are read. */
export function ring(slots: number, window: number, state: PlanState): PlanState {
  return { ...state, ring: { slots, window } };
}

/** What a phase gives its caller. */
export function result(name: string, axes: Axes): PlanOutput {
  return { name, element: "f32", axes: axesOf(axes) };
}

/** Temporaries by name: their size, and the first and last step that they live in. */
export function temporaries(
  buffers: Readonly<Record<string, readonly [Size, number, number, ElementType?]>>,
): readonly PlanBuffer[] {
  return Object.entries(buffers).map(([name, [size, first, last, element = "f32"]]) => ({
    name,
    element,
    size,
    first,
    last,
  }));
}

/** A reference to the weight `name`. */
export function weight(name: string): BufferReference {
  return { kind: "weight", name };
}

/** A reference to the computed table `name`. */
export function constant(name: string): BufferReference {
  return { kind: "constant", name };
}

/** A reference to the input `name`. */
export function input(name: string): BufferReference {
  return { kind: "input", name };
}

/** A reference to the state `name`. */
export function state(name: string): BufferReference {
  return { kind: "state", name };
}

/** A reference to the output `name`. */
export function output(name: string): BufferReference {
  return { kind: "output", name };
}

/** Inside `repeat`: what the layer that is run has for `name`. */
export function layer(name: string): BufferReference {
  return { kind: "table", name };
}

/** What a kernel is given: a reference, or the name of a temporary. */
export type Argument = BufferReference | string;

function referenceOf(argument: Argument): BufferReference {
  return typeof argument === "string" ? { kind: "buffer", name: argument } : argument;
}

/** Computes `label` by a call; `buffers` are in the kernel's order. */
export function step(label: string, call: Call, buffers: readonly Argument[]): PlanStep {
  const { variants, scalars, flops } = call;
  return { kind: "dispatch", label, variants, buffers: buffers.map(referenceOf), scalars, flops };
}

/** Copies `size` elements to `toOffset` in `to`. */
export function copy(
  label: string,
  from: Argument,
  to: Argument,
  size: Size,
  toOffset: Size = 0,
  element?: "f16" | "bf16",
): PlanStep {
  const places = { from: referenceOf(from), to: referenceOf(to) };
  const plain = { kind: "copy", label, ...places, size, toOffset } as const;
  return element === undefined ? plain : { ...plain, element };
}

/** Reads back what `symbol` stands for from here on, which is at most `most`. */
export function measure(label: string, symbol: string, most: Size, from: Argument): PlanStep {
  return { kind: "measure", label, symbol, most, from: referenceOf(from) };
}

/**
 * Equal layers: `steps` runs for layer 0, 1 … `count - 1`, and `entries` says what each layer has.
 */
export function repeat(
  count: number,
  entries: (layer: number) => Readonly<Record<string, Argument>>,
  steps: readonly PlanStep[],
): PlanStep {
  const rounds = Array.from({ length: count }, (_, index) => entries(index));
  const names = Object.keys(rounds[0] ?? {});
  const tables = names.map((name) => {
    const column = rounds.map((round) => {
      const entry = round[name];
      invariant(entry !== undefined, `a layer has no entry for ${name}`);
      return referenceOf(entry);
    });
    return [name, column] as const;
  });
  return { kind: "repeat", count, tables: Object.fromEntries(tables), steps };
}
