import { expect, test } from "vitest";
import { stored } from "../../../compiler/cli/precision.ts";
import { targets } from "../../../compiler/kernel/target.ts";

test("a target stores what is asked for, and tensor cores multiply it as it is", () => {
  expect(stored(targets.gpu, {})).toBe(targets.gpu);
  expect(stored(targets.gpu, { precision: "f32" })).toEqual(targets.gpu);
  expect(stored(targets.gpu, { precision: "f16" })).toEqual({ ...targets.gpu, storage: "f16" });
  const cuda = stored(targets.cuda, { precision: "bf16" });
  expect(cuda).toMatchObject({ math: "bf16", storage: "bf16" });
  const apart = stored(targets.cuda, { precision: "f16", math: "tf32" });
  expect(apart).toMatchObject({ math: "tf32", storage: "f16" });
  expect(stored(cuda, { precision: "f32" })).not.toHaveProperty("storage");
});

test("what a device does not have is refused with what to use", () => {
  expect(() => stored(targets.gpu, { precision: "bf16" })).toThrow(
    /WebGPU stores no bf16[\s\S]*--precision f16/,
  );
  expect(() => stored(targets.cpu, { precision: "f16" })).toThrow(
    /the CPU stores no f16[\s\S]*--weights-type int8/,
  );
});
