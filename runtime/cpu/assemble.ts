/**
 * Just enough of WebAssembly's binary format for a small module: instructions over i32 as nested calls
 * that give bytes, and modules of functions. Encodings are those of the core specification, section
 * 5.4, and of its threads proposal.
 */

/** Encoded instructions, or any part of a module. */
export type Code = readonly number[];

export const i32Type = 0x7f;
const nothing = 0x40;

export const constant = (value: number): Code => [0x41, ...signed(value)];
export const long = (value: number): Code => [0x42, ...signed(value)];
export const get = (local: number): Code => [0x20, local];
export const set = (local: number, value: Code): Code => [...value, 0x21, local];
type Operation = (...operands: readonly Code[]) => Code;
type Access = (offset: number, ...operands: readonly Code[]) => Code;

const operation =
  (code: number) =>
  (...operands: readonly Code[]): Code => [...operands.flat(), code];
export const isZero: Operation = operation(0x45);
export const equal: Operation = operation(0x46);
export const less: Operation = operation(0x48);
export const greater: Operation = operation(0x4a);
export const add: Operation = operation(0x6a);
export const subtract: Operation = operation(0x6b);
export const times: Operation = operation(0x6c);
export const quotient: Operation = operation(0x6e);
export const remainder: Operation = operation(0x70);
export const and: Operation = operation(0x71);
export const shiftRight: Operation = operation(0x76);
export const drop: Operation = operation(0x1a);
export const select: Operation = operation(0x1b);
/** Accesses of memory: natural alignment, and an offset that is added to the address. */
const access =
  (...code: readonly number[]) =>
  (offset: number, ...operands: readonly Code[]): Code => [
    ...operands.flat(),
    ...code,
    2,
    ...unsigned(offset),
  ];
export const load: Access = access(0x28);
export const store: Access = access(0x36);
export const notify: Access = access(0xfe, 0x00);
export const wait: Access = access(0xfe, 0x01);
export const loadShared: Access = access(0xfe, 0x10);
export const storeShared: Access = access(0xfe, 0x17);
export const addShared: Access = access(0xfe, 0x1e);
export const exchange: Access = access(0xfe, 0x48);
export const call = (index: number, ...operands: readonly Code[]): Code => [
  ...operands.flat(),
  0x10,
  ...unsigned(index),
];
export const when = (condition: Code, ...body: readonly Code[]): Code => [
  ...condition,
  ...[0x04, nothing],
  ...body.flat(),
  0x0b,
];
export const either = (condition: Code, yes: Code, no: Code): Code => [
  ...condition,
  ...[0x04, nothing],
  ...yes,
  0x05,
  ...no,
  0x0b,
];
/** Runs `body` again and again; `leave` in it ends that, `again` begins the next round. */
export const rounds = (...body: readonly Code[]): Code => [
  ...[0x02, nothing, 0x03, nothing],
  ...body.flat(),
  ...[0x0c, 0, 0x0b, 0x0b],
];
/** Within `deep` more blocks than the body of `rounds`. */
export const leave = (condition: Code, deep: number = 0): Code => [...condition, 0x0d, deep + 1];
export const again = (condition: Code, deep: number = 0): Code => [...condition, 0x0d, deep];

/** A function: its parameters, all i32, more locals of that type, and what it does. */
export interface Coded {
  readonly parameters: number;
  readonly locals: number;
  readonly body: Code;
}

/** The code of a function, as the code section holds it. */
export function bodyOf({ locals, body }: Coded): Code {
  const declared = list(locals === 0 ? [] : [[locals, i32Type]]);
  return [...unsigned(declared.length + body.length + 1), ...declared, ...body, 0x0b];
}

/** A section of a module. */
export function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

/** A vector. */
export function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

/** A name. */
export function text(value: string): Code {
  const bytes = new TextEncoder().encode(value);
  return [...unsigned(bytes.length), ...bytes];
}

/** A number of 32 bits in LEB128. */
export function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const last = value >= -64 && value < 64;
  return last ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
