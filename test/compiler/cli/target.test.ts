/** The target of a device that was chosen. */

import { expect, test } from "vitest";
import { targetOf } from "../../../compiler/cli/target.ts";
import { cudaTarget } from "../../../compiler/kernel/architectures.ts";
import { targets } from "../../../compiler/kernel/target.ts";
import type { ChosenBackend } from "../../../runtime/choose.ts";

const device = {
  handle: 0,
  name: "NVIDIA H100",
  architecture: "sm_90",
  bytes: 80 * 2 ** 30,
  multiprocessors: 132,
  sharedBytes: 227 * 1024,
  driverVersion: 13000,
};

function chosen(kind: ChosenBackend["kind"], target: ChosenBackend["target"]): ChosenBackend {
  const open = async (): Promise<never> => {
    throw new Error("not opened");
  };
  const cuda = kind === "cuda" ? { cuda: device } : {};
  return { kind, target, software: false, reason: "", open, ...cuda };
}

test("kernels are made for the CUDA device that was found, in the arithmetic asked for", () => {
  expect(targetOf(chosen("cuda", "cuda"), {})).toEqual(cudaTarget("sm_90", "f32"));
  expect(targetOf(chosen("cuda", "cuda"), { math: "bf16" })).toEqual(cudaTarget("sm_90", "bf16"));
});

test("other devices have no choice of arithmetic", () => {
  expect(targetOf(chosen("webgpu", "gpu"), { math: "f32" })).toBe(targets.gpu);
  expect(() => targetOf(chosen("cpu", "cpu"), { math: "f16" })).toThrow(
    "--math f16 is for CUDA, not for cpu",
  );
});
