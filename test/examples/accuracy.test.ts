/** `npm run accuracy`, on the first question. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("../accuracy.mjs", import.meta.url));

test("the accuracy of an answer is judged by a derived bound", { timeout: 120_000 }, () => {
  const words = [script, "--backend", "cpu", "--first", "1"];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect(stdout).toContain("1 of 1 answers are the reference's; 100.0 % are true\nderived bound");
});
