import { expect, test } from "vitest";
import type { PlanWeight } from "../../runtime/contract.ts";
import { loadResidents } from "../../runtime/load.ts";
import { checkpointWeights, memoryWeights } from "../../runtime/weight-source.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { brainToFloat, halfToFloat } from "../../runtime/weights/half.ts";
import { matchWeights } from "../../runtime/weights/match.ts";
import { fakeBackend } from "./support/fake-backend.ts";
import { toyPlan } from "./support/toy-plan.ts";
import { floatFile, folderOf } from "./weights/sample-files.ts";

function weight(
  name: string,
  alternatives: PlanWeight["alternatives"],
  shape: number[],
): PlanWeight {
  return { name, alternatives, shape, stacked: (alternatives[0]?.length ?? 1) > 1 };
}

const table = weight("table", [["lost"], ["table"]], [2, 2, 4]);
const experts = weight("experts", [["experts.0", "experts.1"]], [2, 2, 3]);

test("one tensor, and a stack of tensors, come from a checkpoint in their order", async () => {
  const tensors = { table: [4, 4], "experts.0": [2, 3], "experts.1": [6] };
  const checkpoint = await openCheckpoint(folderOf({ "model.safetensors": floatFile(tensors) }));
  const plan = { ...toyPlan("gpu"), weights: [table, experts] };
  const backend = fakeBackend({});
  const match = matchWeights(plan.weights, checkpoint.tensors, checkpoint.name);
  const residents = await loadResidents(plan, backend, checkpointWeights(match), () => undefined);
  const values = async (name: string): Promise<readonly number[]> => {
    const buffer = residents.get(name);
    if (buffer === undefined) throw new Error(name);
    return [...new Float32Array(await backend.download(buffer, 0, buffer.bytes))];
  };
  expect(await values("weight table")).toEqual(Array.from({ length: 16 }, (_, index) => index));
  expect(await values("weight experts")).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]);
  expect((await values("constant offset")).slice(0, 2)).toEqual([10, 20]);
});

test("patterns of 16 bits go to the device in whole words, whatever lengths they come in", async () => {
  const tensors = { table: [3, 5], "experts.0": [3], "experts.1": [3], "experts.2": [3] };
  const checkpoint = await openCheckpoint(folderOf({ "model.safetensors": floatFile(tensors) }));
  const names = ["experts.0", "experts.1", "experts.2"];
  const stacked = { ...weight("experts", [names], [3, 3]), element: "bf16" } as const;
  const plain = { ...weight("table", [["table"]], [3, 5]), element: "f16" } as const;
  const plan = { ...toyPlan("gpu"), weights: [plain, stacked] };
  const backend = fakeBackend({});
  const offsets: number[] = [];
  const counting = {
    ...backend,
    upload: async (...[buffer, offset, data]: Parameters<typeof backend.upload>) => {
      offsets.push(offset, data.byteLength);
      return backend.upload(buffer, offset, data);
    },
  };
  const match = matchWeights(plan.weights, checkpoint.tensors, checkpoint.name);
  const residents = await loadResidents(plan, counting, checkpointWeights(match), () => undefined);
  const patterns = async (name: string, count: number): Promise<readonly number[]> => {
    const buffer = residents.get(name);
    if (buffer === undefined) throw new Error(name);
    return [...new Uint16Array(await backend.download(buffer, 0, buffer.bytes))].slice(0, count);
  };
  expect((await patterns("weight table", 15)).map(halfToFloat)).toEqual(
    Array.from({ length: 15 }, (_, index) => index),
  );
  const experts = await patterns("weight experts", 9);
  expect(experts.map(brainToFloat)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
  expect(offsets.filter((each) => each % 4 !== 0)).toEqual([]);
  expect(residents.get("weight table")?.bytes).toBe(32);
});

test("a weight that no binding of the device holds is refused before any is read", async () => {
  const plan = { ...toyPlan("gpu"), weights: [weight("lm_head", [["lm_head"]], [200, 100])] };
  const load = loadResidents(plan, fakeBackend({}), memoryWeights(new Map()), () => undefined);
  await expect(load).rejects.toMatchObject({
    code: "memory/weights",
    message: expect.stringContaining("`lm_head` takes 78.1 KiB, but a fake binds at most 64 KiB"),
  });
});
