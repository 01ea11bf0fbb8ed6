/** WebGPU in Node. */

import { expect, test } from "vitest";
import { nodeGpu } from "../../runtime/node/index.ts";

test("there is one instance of Dawn, which nothing collects while devices live", async () => {
  expect(await nodeGpu()).toBe(await nodeGpu());
});
