/** Threads of the CPU: the same bits with any number of them, and errors that reach the caller. */

import { expect, test } from "vitest";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { availableThreads } from "../../runtime/cpu/threads.ts";
import { Session } from "../../runtime/session.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import { Draft } from "../support/draft.ts";
import { randomTensor, seeded } from "../support/random.ts";
import { planGraph } from "../support/run-graph.ts";
import { encodeWasm } from "../../compiler/codegen/index.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { floats } from "../../runtime/tensor.ts";
import { toyInputs, toyPlan, toyReference, toyWeights } from "./support/toy-plan.ts";
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
    model: { plan, wasm: encodeWasm(kernels) },
    backend: createCpuBackend({ threads }),
    weights: memoryWeights(new Map([["w", weights]])),
  });
}

function randomRows(): Float32Array {
  return Float32Array.from(randomTensor(seeded(2), [333, 300], 1).data);
}

async function product(threads: number): Promise<ArrayLike<number>> {
  const x = randomRows();
  const session = await openProduct(threads);
  try {
    // The first calls are measured one by one, later ones run together and may share less.
    for (let round = 0; round < 10; round++) {
      await session.forward({
        x: floats(
          x.map((each) => each + round),
          [333, 300],
        ),
      });
    }
    const outputs = await session.forward({ x: floats(x, [333, 300]) });
    return (await outputs.get("y")?.read())?.data ?? [];
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
    const rows = randomRows();
    const give = async (data: Float32Array): Promise<boolean | undefined> => {
      await session.forward({ x: floats(data, [data.length / 300, 300]) });
      return session.timings.at(-1)?.ran;
    };
    expect(await give(rows)).toBe(true);
    expect(await give(rows.slice())).toBe(false);
    // The caller's memory is the caller's: what was given before does not change with it.
    rows[rows.length - 1] = 7;
    expect(await give(rows)).toBe(true);
    expect(await give(rows.subarray(0, 300 * 200))).toBe(true);
    expect(await give(rows.slice(0, 300 * 200))).toBe(false);
    expect(await give(rows)).toBe(true);
  } finally {
    session.close();
  }
});

test("threads that went to sleep wake up again", async () => {
  const session = await Session.open({
    model: { plan: toyPlan("cpu"), wasm: toyWasm },
    backend: createCpuBackend({ threads: 3 }),
    weights: memoryWeights(toyWeights),
  });
  const images = [[3, 5] as const, [-2, 4] as const];
  const prompt = Array.from({ length: 40 }, (_, index) => (index * 3) % 8);
  const wanted = toyReference(images, [0, 1, 2, 3, 4, 5], prompt);
  for (const pause of [0, 50]) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    session.reset();
    const outputs = await session.forward(toyInputs(images, prompt));
    expect([...((await outputs.get("logits")?.read())?.data ?? [])]).toEqual(wanted);
  }
  session.close();
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
  const call = { ...gather, groups: 2 * words, scalars: [words] };
  const last = new Int32Array(words);
  last[words - 1] = 2 ** 28;
  // Wherever one traps, and where all do.
  for (const rows of [last, last.toReversed(), new Int32Array(words).fill(2 ** 28)]) {
    await backend.upload(chosen, 0, rows);
    await expect(backend.run([call])).rejects.toThrow(/kernel gather \(rows\) trapped: .*memory/);
    await backend.upload(chosen, 0, new Int32Array(words));
    await expect(backend.run([call])).resolves.toBeUndefined();
  }
  backend.close();
});
