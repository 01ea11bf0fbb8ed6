import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, vi } from "vitest";
import { Missing, testWith } from "../support/require.ts";
import { toyReference } from "./support/toy-plan.ts";
import { testGpu } from "./support/gpu.ts";

/** The Deno of the project or of the machine, or why there is none. `DENO` names another one. */
function findDeno(): string | Missing {
  const local = fileURLToPath(new URL("../../node_modules/.bin/deno", import.meta.url));
  const commands = [process.env["DENO"], local, "deno"].filter((each) => each !== undefined);
  const found = commands.find((each) => spawnSync(each, ["--version"]).status === 0);
  return found ?? new Missing("there is no `deno`");
}

// Deno compiles the runtime first, on whatever machine this is.
vi.setConfig({ testTimeout: 120_000 });

// Finds the software driver for Deno, too: both read the same variable.
const gpu = await testGpu();
const deno = gpu === undefined ? new Missing("there is no adapter") : findDeno();

testWith("deno", deno, "the toy runs on the WebGPU of Deno", (command) => {
  const script = fileURLToPath(new URL("./support/deno-toy.ts", import.meta.url));
  const flags = ["run", "--no-config", "--unstable-webgpu", "--allow-all"];
  const { stdout, stderr } = spawnSync(command, [...flags, script], { encoding: "utf8" });
  const wanted = [...toyReference([[3, 5]], [0, 1, 2], [1, 4, 7]), ...toyReference([], [], [2])];
  const result: unknown = JSON.parse(stdout === "" ? JSON.stringify(stderr) : stdout);
  expect(result).toEqual({
    device: expect.stringContaining("WebGPU"),
    // JSON has no minus zero.
    logits: wanted.map((logit) => logit + 0),
  });
});
