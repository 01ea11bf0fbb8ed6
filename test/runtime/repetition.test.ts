/** Models that are called again and again: what a call that is not bound anew gives, and what it refuses. */

import { expect, test } from "vitest";
import { encodeWasm } from "../../compiler/codegen/index.ts";
import { targets } from "../../compiler/kernel/target.ts";
import type { Backend } from "../../runtime/backend.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { Session } from "../../runtime/session.ts";
import { floats, integers } from "../../runtime/tensor.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import { Draft } from "../support/draft.ts";
import { planGraph } from "../support/run-graph.ts";

/** A model that doubles its rows of four. */
async function openDouble(backend: Backend): Promise<Session> {
  const draft = new Draft();
  draft.axis("R", "R");
  draft.axis("N", 4);
  const x = draft.input("x", ["R", "N"]);
  draft.output("y", draft.map("add", x, x));
  const { plan, kernels } = planGraph(draft.finish(), targets.cpu);
  return Session.open({
    model: { plan, wasm: encodeWasm(kernels, "separate") },
    backend,
    weights: memoryWeights(new Map()),
  });
}

async function double(session: Session, data: readonly number[]): Promise<readonly number[]> {
  const outputs = await session.forward({ x: floats(data, [data.length / 4, 4]) });
  return [...((await outputs.get("y")?.read())?.data ?? [])];
}

test("each call gives what its own inputs are for, computed once", async () => {
  const session = await openDouble(createCpuBackend());
  const ran = (): boolean | undefined => session.timings.at(-1)?.ran;
  expect(await double(session, [1, 2, 3, 4])).toEqual([2, 4, 6, 8]);
  expect(await double(session, [1, 2, 3, 5])).toEqual([2, 4, 6, 10]);
  expect(ran()).toBe(true);
  expect(await double(session, [1, 2, 3, 5])).toEqual([2, 4, 6, 10]);
  expect(ran()).toBe(false);
  expect(await double(session, [1, 2, 3, 6])).toEqual([2, 4, 6, 12]);
  expect(await double(session, [1, 2, 3, 6, 7, 8, 9, 0])).toEqual([2, 4, 6, 12, 14, 16, 18, 0]);
  expect(await double(session, [4, 3, 2, 1])).toEqual([8, 6, 4, 2]);
  session.close();
});

test("what an earlier call gave is gone, and inputs are checked as at first", async () => {
  const session = await openDouble(createCpuBackend());
  await double(session, [1, 2, 3, 4]);
  const early = await session.forward({ x: floats([5, 6, 7, 8], [1, 4]) });
  await session.forward({ x: floats([6, 7, 8, 9], [1, 4]) });
  await expect(early.get("y")?.read()).rejects.toMatchObject({ code: "session/overwritten" });
  const wrong = { x: integers([1, 2, 3, 4], [1, 4]) };
  await expect(session.forward(wrong)).rejects.toMatchObject({ code: "input/type" });
  const both = [session.forward({ x: floats([1, 1, 1, 1], [1, 4]) }), session.forward({})];
  await expect(both[1]).rejects.toMatchObject({ code: "session/busy" });
  await both[0];
  expect(await double(session, [1, 2, 3, 4])).toEqual([2, 4, 6, 8]);
  session.close();
});

test("an input whose upload failed is uploaded again", async () => {
  const backend = createCpuBackend();
  const upload = backend.upload.bind(backend);
  let fails = false;
  const session = await openDouble(
    Object.assign(backend, {
      upload: async (...args: Parameters<Backend["upload"]>) => {
        if (fails) throw new Error("the device was busy");
        await upload(...args);
      },
    }),
  );
  expect(await double(session, [1, 2, 3, 4])).toEqual([2, 4, 6, 8]);
  expect(await double(session, [1, 2, 3, 5])).toEqual([2, 4, 6, 10]);
  fails = true;
  await expect(double(session, [1, 2, 3, 6])).rejects.toThrow("busy");
  fails = false;
  expect(await double(session, [1, 2, 3, 6])).toEqual([2, 4, 6, 12]);
  session.close();
});
