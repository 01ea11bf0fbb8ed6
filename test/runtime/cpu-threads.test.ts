/** Threads of the CPU: the same bits with any number of them, and errors that reach the caller. */

import { expect, test } from "vitest";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";
import { availableThreads } from "../../runtime/cpu/threads.ts";
import { Session } from "../../runtime/session.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import { Draft } from "../support/draft.ts";
import { randomTensor, seeded } from "../support/random.ts";
import { planGraph } from "../support/run-graph.ts";
import { encodeWasm } from "../../compiler/codegen/index.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { type FloatTensor, floats } from "../../runtime/tensor.ts";
import { toyPlan } from "./support/toy-plan.ts";
import { toyWasm } from "./support/toy-wasm.ts";

test("this platform has threads that share memory", () => {
  expect(availableThreads().why).toBeUndefined();
});

/** A product of 333 rows, which are more than 64 KiB, with a weight. */
async function openProduct(threads: number): Promise<Session> {
  const draft = new Draft();
  draft.axis("R", "R");
  draft.axis("N", 50);
  draft.axis("K", 300);
  const y = draft.contract(draft.input("x", ["R", "K"]), draft.weight("w", ["N", "K"]), "K");
  draft.output("y", draft.map("gelu", y));
  const { plan, kernels } = planGraph(draft.finish(), targets.cpu);
  const weights = Float32Array.from(randomTensor(seeded(1), [50, 300], 1).data);
  return Session.open({
    model: { plan, wasm: encodeWasm(kernels, platformMultiplyAdd()) },
    backend: createCpuBackend({ threads }),
    weights: memoryWeights(new Map([["w", weights]])),
  });
}

/** So many rows, others in every round. */
function rows(count: number, round: number = 0): FloatTensor {
  const { data } = randomTensor(seeded(2), [count, 300], 1);
  return floats(
    Float32Array.from(data, (each) => each + round),
    [count, 300],
  );
}

async function resultOf(session: Session, x: FloatTensor): Promise<ArrayLike<number>> {
  const outputs = await session.forward({ x });
  return (await outputs.get("y")?.read())?.data ?? [];
}

async function product(threads: number): Promise<ArrayLike<number>> {
  const session = await openProduct(threads);
  try {
    // A list of commands has its own records from its second run on.
    for (const round of [1, 2, 3]) await session.forward({ x: rows(333, round) });
    return await resultOf(session, rows(333));
  } finally {
    session.close();
  }
}

test("two and five threads give the bits of one", async () => {
  const one = await product(1);
  expect(one.length).toBe(333 * 50);
  expect(await product(2)).toEqual(one);
  expect(await product(5)).toEqual(one);
});

test("large inputs that have not changed are computed once, in whatever memory they come", async () => {
  const session = await openProduct(1);
  try {
    const { data: given } = rows(333);
    const give = async (data: Float32Array): Promise<boolean | undefined> => {
      await session.forward({ x: floats(data, [data.length / 300, 300]) });
      return session.timings.at(-1)?.ran;
    };
    expect(await give(given)).toBe(true);
    expect(await give(given.slice())).toBe(false);
    // The caller's memory is the caller's: what was given before does not change with it.
    given[given.length - 1] = 7;
    expect(await give(given)).toBe(true);
    expect(await give(given.subarray(0, 300 * 200))).toBe(true);
    expect(await give(given.slice(0, 300 * 200))).toBe(false);
    expect(await give(given)).toBe(true);
  } finally {
    session.close();
  }
});

test("threads that went to sleep wake up again", async () => {
  const [one, three] = [await openProduct(1), await openProduct(3)];
  for (const [round, pause] of [0, 50, 50].entries()) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    const wanted = await resultOf(one, rows(333, round));
    expect(await resultOf(three, rows(333, round))).toEqual(wanted);
  }
  one.close();
  three.close();
});

test("a large result stays as it was read, read at every call or not", async () => {
  const [one, two] = [await openProduct(1), await openProduct(2)];
  const read: { wanted: ArrayLike<number>; found: ArrayLike<number> }[] = [];
  for (const round of [0, 1, 2, 3, 4, 5, 6, 7]) {
    // Other sizes, and results that nobody reads.
    const x = rows(round === 5 ? 1800 : 1500, round);
    if (round === 2 || round === 3) await two.forward({ x });
    else read.push({ wanted: await resultOf(one, x), found: await resultOf(two, x) });
  }
  // Compared by hand: there are many.
  const equal = (a: ArrayLike<number>, b: ArrayLike<number>): boolean =>
    a.length === b.length && Array.from(a).every((each, index) => each === b[index]);
  for (const { wanted, found } of read) expect(equal(found, wanted)).toBe(true);
  const again = await resultOf(two, rows(1500, 7));
  expect(equal(again, read.at(-1)?.found ?? [])).toBe(true);
  expect(again).not.toBe(read.at(-1)?.found);
  one.close();
  two.close();
});

test("a trap on any thread is an error that names the kernel, and others can still run", async () => {
  const backend = createCpuBackend({ threads: 4 });
  await backend.load({ plan: toyPlan("cpu"), wasm: toyWasm }, new Set());
  const words = 64;
  const [table, chosen, out] = await Promise.all(
    ["table", "chosen", "out"].map((label) => backend.allocate(2 * words * 4, label)),
  );
  if (table === undefined || chosen === undefined || out === undefined) throw new Error("memory");
  const buffers = [table, chosen, out].map((buffer) => ({ buffer, offset: 0, bytes: 4 * words }));
  // A group takes one element of the row of two that `chosen` names.
  const gather = { kind: "dispatch", label: "rows", kernel: "gather", buffers } as const;
  // So many operations are worth sharing.
  const call = { ...gather, groups: 2 * words, scalars: [words], flops: 2 ** 20 };
  const last = new Int32Array(words);
  last[words - 1] = 2 ** 28;
  // Wherever one traps, and where all do.
  for (const rows of [last, last.toReversed(), new Int32Array(words).fill(2 ** 28)]) {
    await backend.upload(chosen, 0, rows);
    await expect(backend.run([call])).rejects.toThrow(/kernel gather \(rows\) trapped: .*memory/);
    await backend.upload(chosen, 0, new Int32Array(words));
    await backend.run([call]);
  }
  backend.close();
});
