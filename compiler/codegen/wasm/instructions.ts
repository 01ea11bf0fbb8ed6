/**
 * The WebAssembly instructions that kernels need: their names, codes and immediates, from the core
 * specification 2.0 (section 5.4), with fixed-width SIMD and saturating conversions, and two of
 * relaxed SIMD (specification 3.0), which only the fused form of a module has.
 */

/** What follows an instruction's code. */
export type Immediate =
  | "none"
  | "local"
  | "memory"
  | "lane"
  | "i32"
  | "f32"
  | "v128"
  /** A label or a global, by number. */
  | "label"
  | "block"
  | "shuffle";

/** The bytes of an instruction, and what follows them. */
export interface Code {
  readonly bytes: readonly number[];
  readonly immediate: Immediate;
}

/** SIMD instructions have a prefix and a LEB128 number, which takes two bytes from 128 on. */
function simd(code: number, immediate: Immediate): Code {
  const number = code < 0x80 ? [code] : [(code & 0x7f) | 0x80, code >> 7];
  return { bytes: [0xfd, ...number], immediate };
}

/** By the names of the text format; literals, so that the names are a type. */
const table = {
  block: ["plain", 0x02, "block"],
  loop: ["plain", 0x03, "block"],
  if: ["plain", 0x04, "block"],
  else: ["plain", 0x05, "none"],
  end: ["plain", 0x0b, "none"],
  br: ["plain", 0x0c, "label"],
  br_if: ["plain", 0x0d, "label"],
  select: ["plain", 0x1b, "none"],
  "local.get": ["plain", 0x20, "local"],
  "local.set": ["plain", 0x21, "local"],
  "local.tee": ["plain", 0x22, "local"],
  "global.get": ["plain", 0x23, "label"],
  "i32.load": ["plain", 0x28, "memory"],
  "f32.load": ["plain", 0x2a, "memory"],
  "i32.store": ["plain", 0x36, "memory"],
  "f32.store": ["plain", 0x38, "memory"],
  "i32.const": ["plain", 0x41, "i32"],
  "f32.const": ["plain", 0x43, "f32"],
  "i32.eqz": ["plain", 0x45, "none"],
  "i32.eq": ["plain", 0x46, "none"],
  "i32.ne": ["plain", 0x47, "none"],
  "i32.lt_s": ["plain", 0x48, "none"],
  "i32.le_s": ["plain", 0x4c, "none"],
  "f32.eq": ["plain", 0x5b, "none"],
  "f32.ne": ["plain", 0x5c, "none"],
  "f32.lt": ["plain", 0x5d, "none"],
  "f32.le": ["plain", 0x5f, "none"],
  "i32.add": ["plain", 0x6a, "none"],
  "i32.sub": ["plain", 0x6b, "none"],
  "i32.mul": ["plain", 0x6c, "none"],
  "i32.div_u": ["plain", 0x6e, "none"],
  "i32.rem_u": ["plain", 0x70, "none"],
  "i32.and": ["plain", 0x71, "none"],
  "i32.or": ["plain", 0x72, "none"],
  "i32.shl": ["plain", 0x74, "none"],
  "i32.shr_s": ["plain", 0x75, "none"],
  "f32.abs": ["plain", 0x8b, "none"],
  "f32.neg": ["plain", 0x8c, "none"],
  "f32.ceil": ["plain", 0x8d, "none"],
  "f32.floor": ["plain", 0x8e, "none"],
  "f32.nearest": ["plain", 0x90, "none"],
  "f32.sqrt": ["plain", 0x91, "none"],
  "f32.add": ["plain", 0x92, "none"],
  "f32.sub": ["plain", 0x93, "none"],
  "f32.mul": ["plain", 0x94, "none"],
  "f32.div": ["plain", 0x95, "none"],
  "f32.min": ["plain", 0x96, "none"],
  "f32.max": ["plain", 0x97, "none"],
  "f32.convert_i32_s": ["plain", 0xb2, "none"],
  "i32.reinterpret_f32": ["plain", 0xbc, "none"],
  "f32.reinterpret_i32": ["plain", 0xbe, "none"],
  "i32.trunc_sat_f32_s": ["two", 0xfc, "none"],
  "v128.load": ["simd", 0x00, "memory"],
  "v128.load32_splat": ["simd", 0x09, "memory"],
  "v128.store": ["simd", 0x0b, "memory"],
  "v128.const": ["simd", 0x0c, "v128"],
  "i8x16.shuffle": ["simd", 0x0d, "shuffle"],
  "i32x4.splat": ["simd", 0x11, "none"],
  "f32x4.splat": ["simd", 0x13, "none"],
  "i32x4.extract_lane": ["simd", 0x1b, "lane"],
  "i32x4.replace_lane": ["simd", 0x1c, "lane"],
  "f32x4.extract_lane": ["simd", 0x1f, "lane"],
  "f32x4.replace_lane": ["simd", 0x20, "lane"],
  "i32x4.eq": ["simd", 0x37, "none"],
  "i32x4.ne": ["simd", 0x38, "none"],
  "i32x4.lt_s": ["simd", 0x39, "none"],
  "i32x4.le_s": ["simd", 0x3d, "none"],
  "f32x4.eq": ["simd", 0x41, "none"],
  "f32x4.ne": ["simd", 0x42, "none"],
  "f32x4.lt": ["simd", 0x43, "none"],
  "f32x4.le": ["simd", 0x45, "none"],
  "v128.not": ["simd", 0x4d, "none"],
  "v128.and": ["simd", 0x4e, "none"],
  "v128.or": ["simd", 0x50, "none"],
  "v128.bitselect": ["simd", 0x52, "none"],
  "f32x4.ceil": ["simd", 0x67, "none"],
  "f32x4.floor": ["simd", 0x68, "none"],
  "f32x4.nearest": ["simd", 0x6a, "none"],
  "i32x4.abs": ["simd", 0xa0, "none"],
  "i32x4.neg": ["simd", 0xa1, "none"],
  "i32x4.shl": ["simd", 0xab, "none"],
  "i32x4.shr_s": ["simd", 0xac, "none"],
  "i32x4.add": ["simd", 0xae, "none"],
  "i32x4.sub": ["simd", 0xb1, "none"],
  "i32x4.mul": ["simd", 0xb5, "none"],
  "i32x4.min_s": ["simd", 0xb6, "none"],
  "i32x4.max_s": ["simd", 0xb8, "none"],
  "f32x4.abs": ["simd", 0xe0, "none"],
  "f32x4.neg": ["simd", 0xe1, "none"],
  "f32x4.sqrt": ["simd", 0xe3, "none"],
  "f32x4.add": ["simd", 0xe4, "none"],
  "f32x4.sub": ["simd", 0xe5, "none"],
  "f32x4.mul": ["simd", 0xe6, "none"],
  "f32x4.div": ["simd", 0xe7, "none"],
  "f32x4.pmin": ["simd", 0xea, "none"],
  "f32x4.pmax": ["simd", 0xeb, "none"],
  "i32x4.trunc_sat_f32x4_s": ["simd", 0xf8, "none"],
  "f32x4.convert_i32x4_s": ["simd", 0xfa, "none"],
  "f32x4.relaxed_madd": ["simd", 0x105, "none"],
  "f32x4.relaxed_nmadd": ["simd", 0x106, "none"],
} as const;

/** The name of an instruction in the text format. */
export type InstructionName = keyof typeof table;

/** What `codeOf` has given: kernels consist of few instructions, each many times. */
const codes = new Map<InstructionName, Code>();

/** The code and the immediate of an instruction. */
export function codeOf(name: InstructionName): Code {
  const code = codes.get(name) ?? codeIn(name);
  codes.set(name, code);
  return code;
}

function codeIn(name: InstructionName): Code {
  const [form, code, immediate] = table[name];
  switch (form) {
    case "plain":
      return { bytes: [code], immediate };
    // Saturating conversions have a prefix of their own; kernels use the first of them only.
    case "two":
      return { bytes: [code, 0x00], immediate };
    case "simd":
      return simd(code, immediate);
  }
}

/** An instruction with its immediates as numbers: a local, an offset, a lane, four lanes, …. */
export interface Instruction {
  readonly name: InstructionName;
  readonly immediates: readonly number[];
}

/** The types of locals and parameters. */
export type WasmType = "i32" | "f32" | "v128";

/** A function of no results. Locals are numbered after the parameters. */
export interface WasmFunction {
  readonly name: string;
  /** Parameter names, all i32. */
  readonly parameters: readonly string[];
  readonly locals: readonly WasmType[];
  readonly body: readonly Instruction[];
  /** Bytes that it needs at the address in global 0, which is imported if any function needs it. */
  readonly scratchBytes: number;
}
