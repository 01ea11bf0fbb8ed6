/** The runtime alone, without vitest around it, on the WebGPU of Deno. */

import { expect } from "vitest";
import { findDeno, runDeno } from "../support/deno.ts";
import { testWith } from "../support/require.ts";
import { toyReference } from "./support/toy-plan.ts";

testWith("deno", findDeno(), "the toy runs on the WebGPU of Deno", async (deno) => {
  const wanted = [...toyReference([[3, 5]], [0, 1, 2], [1, 4, 7]), ...toyReference([], [], [2])];
  const result: unknown = JSON.parse(await runDeno(deno, "test/runtime/support/deno-toy.ts"));
  expect(result).toEqual({
    device: expect.stringContaining("WebGPU"),
    // JSON has no minus zero.
    logits: wanted.map((logit) => logit + 0),
  });
});
