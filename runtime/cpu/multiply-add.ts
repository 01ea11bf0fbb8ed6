/**
 * How this engine multiplies four lanes and adds: in one instruction, `f32x4.relaxed_madd` of relaxed
 * SIMD (WebAssembly 3.0), or in two.
 *
 * On a processor that has nothing better the instruction rounds twice, which only its result tells.
 * So kernels of either form give the same bits on all machines that take them.
 */

import type { MultiplyAdd } from "../contract.ts";
import { type Code, list, section, text } from "./assemble.ts";
import { BraidError } from "../errors.ts";
import { builtinModules } from "./builtin-modules.ts";

let found: MultiplyAdd | undefined;

/** `fused` where the engine has the instruction and it rounds once. */
export function platformMultiplyAdd(): MultiplyAdd {
  found ??= roundsOnce() ? "fused" : "separate";
  return found;
}

/** What is wanted, or what the engine does if nothing is. Throws `cpu/fused` if it does not do that. */
export function usableMultiplyAdd(wanted: MultiplyAdd | undefined): MultiplyAdd {
  if (wanted === "separate") return wanted;
  const platform = platformMultiplyAdd();
  if (wanted === undefined || wanted === platform) return platform;
  throw new BraidError("cpu/fused", "this engine does not multiply and add in one instruction", {
    hint: "leave the choice to Braid, or take `separate`",
  });
}

function roundsOnce(): boolean {
  const bytes = new Uint8Array(probe());
  if (!WebAssembly.validate(bytes)) allowRelaxedSimd();
  if (!WebAssembly.validate(bytes)) return false;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const result: unknown = exports["result"];
  return typeof result === "function" && result() !== 0;
}

/**
 * V8 of Node 20 has the instruction but takes it for an experiment. V8 refuses code that Node kept of
 * its own modules under other flags, so that the switch is thrown no earlier than it is needed; it
 * stays, since other threads may be compiling.
 */
function allowRelaxedSimd(): void {
  const node = builtinModules();
  if (node?.version?.startsWith("v20.") !== true) return;
  node.getBuiltinModule?.("node:v8").setFlagsFromString("--experimental-wasm-relaxed-simd");
}

/** A module whose `result` is `a a - c`, where c is the square rounded: 2⁻²⁴, or 0 if it is rounded. */
function probe(): Code {
  const four = (value: number): Code => {
    const bytes = new Uint8Array(Float32Array.of(value).buffer);
    // f32.const, f32x4.splat
    return [0x43, ...bytes, 0xfd, 0x13];
  };
  const factor = 1 + 2 ** -12;
  const multiplyAdd = [0xfd, 0x85, 0x02];
  const firstLane = [0xfd, 0x1f, 0];
  const body = [
    ...[...four(factor), ...four(factor), ...four(-Math.fround(factor * factor))],
    ...[...multiplyAdd, ...firstLane, 0x0b],
  ];
  const [f32, ofFunction] = [0x7d, 0x00];
  return [
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, list([[0x60, 0, 1, f32]])),
    ...section(3, list([[0]])),
    ...section(7, list([[...text("result"), ofFunction, 0]])),
    ...section(10, list([[body.length + 1, 0, ...body]])),
  ];
}
