/**
 * What the machine's cores can do at most: multiplications and additions of four lanes, nothing else, in
 * the form that kernels have here.
 */

import { encodeModule } from "../../compiler/codegen/wasm/encode.ts";
import type { Instruction } from "../../compiler/codegen/wasm/instructions.ts";
import type { MultiplyAdd } from "../../runtime/contract.ts";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";
import { median } from "./bench.ts";

/** Sums under way: enough that none waits for the one before, few enough for the registers. */
const sums = 12;
/** Rounds of a call: about two milliseconds. */
const rounds = 500_000;
const lanes = 4;

/** GFLOP/s of one thread that multiplies and adds registers and touches no memory. */
export async function multiplyAddLimit(): Promise<number> {
  const form = platformMultiplyAdd();
  const module = await WebAssembly.compile(encodeModule([bareLoop(form)], form));
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const found: unknown = exports["bare"];
  if (typeof found !== "function") throw new Error("the loop is not exported");
  const times = Array.from({ length: 21 }, () => {
    const start = performance.now();
    found(0, rounds, 0);
    return performance.now() - start;
  });
  return (2 * lanes * sums * rounds) / median(times) / 1e6;
}

/** `(first, end, address)`: multiplies each sum, adds to it, and stores them all at last. */
function bareLoop(form: MultiplyAdd): Parameters<typeof encodeModule>[0][number] {
  const [first, end, address] = [0, 1, 2];
  const [left, right, sum] = [3, 4, 5];
  const one = (name: Instruction["name"], ...immediates: readonly number[]): Instruction => ({
    name,
    immediates,
  });
  const get = (local: number): Instruction => one("local.get", local);
  const each = (body: (local: number) => readonly Instruction[]): readonly Instruction[] =>
    Array.from({ length: sums }, (_, index) => body(sum + index)).flat();
  // A product that is the same in every round would be computed once.
  const step = each((local) => [
    ...(form === "fused"
      ? [get(local), get(left), get(right), one("f32x4.relaxed_madd")]
      : [get(local), get(left), one("f32x4.mul"), get(right), one("f32x4.add")]),
    one("local.set", local),
  ]);
  return {
    name: "bare",
    parameters: ["first", "end", "address"],
    locals: Array.from({ length: sums + 2 }, () => "v128" as const),
    scratchBytes: 0,
    body: [
      ...[get(address), one("v128.load"), one("local.set", left)],
      ...[get(address), one("v128.load"), one("local.set", right)],
      one("loop"),
      ...step,
      ...[get(first), one("i32.const", 1), one("i32.add"), one("local.set", first)],
      ...[get(first), get(end), one("i32.lt_s"), one("br_if", 0)],
      one("end"),
      ...each((local) => [get(address), get(local), one("v128.store", 16)]),
    ],
  };
}
