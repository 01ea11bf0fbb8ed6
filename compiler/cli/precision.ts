/** `--precision`: what weights, caches and factors of products are stored as. */

import { type Command, Option } from "commander";
import type { HalfElement } from "../kernel/half.ts";
import type { Family, Storage, Target } from "../kernel/target.ts";
import type { MathOption } from "./target.ts";
import { UsageError } from "./usage-error.ts";

/** What the option gives; absent, the target decides. */
export interface PrecisionOption {
  readonly precision?: Storage;
}

/** Adds the option. */
export function withPrecision(command: Command): Command {
  return command.addOption(
    new Option(
      "--precision <name>",
      "store weights, caches and factors of products so; sums stay f32",
    ).choices(["f32", "f16", "bf16"]),
  );
}

/** `target` with floats stored as asked; `UsageError` where its kernels cannot. */
export function stored(target: Target, { precision, math }: PrecisionOption & MathOption): Target {
  if (precision === undefined) return target;
  const { storage: _, ...plain } = target;
  if (precision === "f32") return plain;
  const able = halves[target.family];
  if (!able.includes(precision)) {
    const message = `${names[target.family]} stores no ${precision}`;
    throw new UsageError(message, hintFor(target.family, able));
  }
  // Tensor cores multiply what is stored as it is, unless another arithmetic is asked for.
  const cores = target.math === undefined || math !== undefined ? {} : { math: precision };
  return { ...plain, ...cores, storage: precision };
}

const names: Readonly<Record<Family, string>> = { cpu: "the CPU", gpu: "WebGPU", cuda: "CUDA" };

const halves: Readonly<Record<Family, readonly HalfElement[]>> = {
  cpu: [],
  gpu: ["f16"],
  cuda: ["f16", "bf16"],
};

function hintFor(family: Family, able: readonly HalfElement[]): string {
  const [other] = able;
  if (other !== undefined) return `use \`--precision ${other}\`, or leave it out`;
  return family === "cpu"
    ? "use another device, leave `--precision` out, or make weights small by `--weights-type int8`"
    : "leave `--precision` out";
}
