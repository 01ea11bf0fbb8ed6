/**
 * Tests of an NVIDIA device pass on the host shim's driver, too: vitest runs those of pages, of rings and
 * of measured sizes on a machine that has it. `npm run cuda-host -- npm test -- conformance cuda` runs all.
 */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, vi } from "vitest";
import { hostMachineMissing, hostVariables } from "../../support/cuda-host/machine.ts";
import { testWith } from "../../support/require.ts";

// Kernels are compiled first, beside other tests.
vi.setConfig({ testTimeout: 600_000 });

const run = promisify(execFile);
const files = ["caches", "measured"].map((name) => `test/conformance/${name}.test.ts`);
const names = "^cuda \\w+: (rows are dropped|conversations share pages|a window in one layer .*)$";

/** What vitest says of the tests on a device, on a machine of the host shim. */
async function tested(): Promise<string> {
  // One arithmetic of each test, whoever runs this one.
  const own = { BRAID_REQUIRE: "cuda-device", BRAID_EVERY_ARITHMETIC: undefined };
  const env = { ...process.env, ...(await hostVariables()), ...own };
  const options = ["--reporter=verbose", "--no-color", "-t", names];
  const vitest = "node_modules/vitest/vitest.mjs";
  const { stdout } = await run(process.execPath, [vitest, "run", ...files, ...options], { env });
  return stdout;
}

testWith(
  "cuda-host",
  hostMachineMissing ?? tested,
  "cuda-host: caches and measured sizes pass through the driver",
  async (said) => {
    const text = await said();
    expect(text).toMatch(/✓ .*cuda \w+: rows are dropped/);
    expect(text).toMatch(/✓ .*cuda \w+: conversations share pages/);
    expect(text).toMatch(/✓ .*cuda \w+: a window in one layer/);
    expect(text).toMatch(/Tests +3 passed/);
  },
);
