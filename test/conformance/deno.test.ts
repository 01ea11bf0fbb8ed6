/**
 * What runs on the WebGPU of Node runs on Deno's too: vitest runs the same tests of the same files
 * in Deno. They are those whose names start with `webgpu: ` or `webgpu f16: `, or hold `WGSL`.
 */

import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { expect, vi } from "vitest";
import type { JsonTestResults } from "vitest/node";
import { type Deno, findDeno, runDeno } from "../support/deno.ts";
import { testWith } from "../support/require.ts";

// Software devices compile hundreds of kernels here, beside other tests.
vi.setConfig({ testTimeout: 600_000 });

const names = /^webgpu( f16)?: |WGSL/;
const sources = /\b(testedBackends|testCases|runningDevice|validatingDevice|testGpu)\(/;

/** The test files that open a device. */
function deviceTests(): readonly string[] {
  return readdirSync("test", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => `test/${file}`)
    .filter((file) => sources.test(readFileSync(file, "utf8")))
    .sort();
}

/** What vitest reports on `files`, run by Deno. Tests without an adapter fail. */
async function report(deno: Deno, files: readonly string[]): Promise<JsonTestResults> {
  const workers = `--maxWorkers=${availableParallelism()}`;
  const options = ["--reporter=json", "--pool=threads", workers, "-t", names.source];
  const required = { BRAID_REQUIRE: "webgpu,webgpu-device" };
  const vitest = "node_modules/vitest/vitest.mjs";
  return JSON.parse(await runDeno(deno, vitest, ["run", ...files, ...options], required));
}

/** A text for each test that did not pass. */
function problems({ testResults }: JsonTestResults): readonly string[] {
  return testResults.flatMap(({ name: file, message, assertionResults }) => [
    ...(message === "" ? [] : [`${file}: ${message}`]),
    ...assertionResults
      .filter(({ fullName, status }) => names.test(fullName) && status !== "passed")
      .map(({ fullName, status, failureMessages }) =>
        [`${file}: ${fullName}: ${status}`, ...(failureMessages ?? [])].join("\n"),
      ),
  ]);
}

testWith("deno", findDeno(), "every WebGPU test passes in Deno", async (deno) => {
  const files = deviceTests();
  const found = await report(deno, files);
  expect(problems(found)).toEqual([]);
  const passed = found.testResults.filter(({ assertionResults }) =>
    assertionResults.some(({ status }) => status === "passed"),
  );
  expect(passed.map(({ name }) => relative(process.cwd(), name)).sort()).toEqual(files);
});
