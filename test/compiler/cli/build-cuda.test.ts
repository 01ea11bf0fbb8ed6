/** `braid build --target cuda`: kernels, program, cubins where nvcc is, and the report. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { addBuild } from "../../../compiler/cli/build.ts";
import { cudaCompiler } from "../../support/nvcc.ts";
import { testWith } from "../../support/require.ts";
import { runCommand, type Written } from "../../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "braid-cuda-"));
afterAll(() => rmSync(folder, { recursive: true }));
const spec = join(folder, "small.braid");
writeFileSync(
  spec,
  `model Small[D = 8] {
  input x: [T, D]
  Out = 4
  weight w: [Out, D]
  output y = x @ w
}
`,
);

const build = (...words: readonly string[]): Promise<Written> =>
  runCommand(addBuild, "build", ...words);

const out = join(folder, "out");

test("words that mean nothing are answered before anything is written", async () => {
  const cuda = [spec, "--out", out, "--target", "cuda"];
  await expect(build(...cuda, "--architecture", "sm_75")).rejects.toThrow(
    /^there is no architecture sm_75 to build for/,
  );
  await expect(build(spec, "--out", out, "--report")).rejects.toThrow(
    "--report, --architecture and --length are for CUDA",
  );
  expect(existsSync(out)).toBe(false);
});

testWith("cuda-compile", await cudaCompiler(), "kernels, cubin and report", async () => {
  const length = ["--report", "--length", "x=1000"];
  const cuda = ["--target", "cuda", "--architecture", "sm_90", "--math", "bf16", ...length];
  const { out: report } = await build(spec, "--out", out, ...cuda);
  expect(report).toMatch(
    /\n {2}\w+ +sm_90 +\d+ +\d+ +0 +\d+ +\d+ +\d+ % +[1-9]\d* +[1-9]\d* +[1-9]\d*\n/,
  );
  expect(report).toContain("No kernel spills registers.");
  // 12,000 floats, and 32 weights of two bytes.
  expect(report).toMatch(/for x=1000, each phase once\n.*\n {2}\w+ +1 +[\d.]+ kFLOP +46\.9 KiB /);
  expect([...readFileSync(join(out, "kernels", "sm_90.cubin")).subarray(0, 4)]).toEqual([
    ...[0x7f, 0x45, 0x4c, 0x46],
  ]);
  expect(readFileSync(join(out, "model.js"), "utf8")).toContain('cubins: ["sm_90"]');
});

test("without nvcc the report says what it lacks", async () => {
  const before = { ...process.env };
  process.env["PATH"] = folder;
  process.env["CUDA_PATH"] = folder;
  try {
    const { out: report, talk } = await build(
      ...[spec, "--out", out, "--target", "cuda", "--report"],
    );
    expect(talk).toContain("there is no nvcc here: no cubins, registers or instructions");
    expect(report).toMatch(/\n {2}\w+ +1 +\d.* µs memory/);
    // The program that an earlier build wrote took its cubin; this one compiles where it runs.
    expect(readFileSync(join(out, "model.js"), "utf8")).not.toContain("cubins");
  } finally {
    process.env["PATH"] = before["PATH"];
    process.env["CUDA_PATH"] = before["CUDA_PATH"] ?? "";
    if (before["CUDA_PATH"] === undefined) delete process.env["CUDA_PATH"];
  }
});
