import fc from "fast-check";
import { expect, test } from "vitest";
import type { Backend } from "../../runtime/backend.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";
import { encodeWasm } from "../../compiler/codegen/index.ts";
import { Heap } from "../../runtime/cpu/heap.ts";
import { Session } from "../../runtime/session.ts";
import { integers } from "../../runtime/tensor.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import { toyInputs, toyPlan, toyReference, toyWeights } from "./support/toy-plan.ts";
import { toyWasm } from "./support/toy-wasm.ts";

async function open(): Promise<Session> {
  return Session.open({
    model: { plan: toyPlan("cpu"), wasm: toyWasm },
    backend: createCpuBackend(),
    weights: memoryWeights(toyWeights),
  });
}

test("the toy runs on the CPU: forward, and step by step while caches grow", async () => {
  const session = await open();
  const images = [[3, 5] as const, [-2, 4] as const];
  const prompt = Array.from({ length: 40 }, (_, index) => (index * 3) % 8);
  const wanted = toyReference(images, [0, 1, 2, 3, 4, 5], prompt);
  const inputs = toyInputs(images, prompt);
  const outputs = await session.forward(inputs);
  expect([...((await outputs.get("logits")?.read())?.data ?? [])]).toEqual(wanted);
  session.reset();
  const rows: number[] = [];
  for (const [row, token] of prompt.entries()) {
    const step = { prompt: integers([token]), "positions.text": integers([6 + row]) };
    const result = await session.run("extend", step);
    rows.push(...((await result.get("logits")?.readLast(8))?.data ?? []));
  }
  expect(rows).toEqual(wanted);
});

async function loaded(): Promise<Backend> {
  const backend = createCpuBackend();
  await backend.load({ plan: toyPlan("cpu"), wasm: toyWasm }, new Set());
  return backend;
}

test("memory that grows keeps what it holds, and pointers beyond 2 GiB are sound", async () => {
  const backend = await loaded();
  const low = await backend.allocate(16, "low");
  await backend.upload(low, 0, Float32Array.of(1, 2, 3, 4));
  // Untouched pages cost nothing.
  await backend.allocate(2 ** 31, "room");
  const high = await backend.allocate(16, "high");
  const slice = (buffer: typeof low): { buffer: typeof low; offset: number; bytes: number } => ({
    buffer,
    offset: 0,
    bytes: 16,
  });
  const buffers = [slice(low), slice(high)];
  const scale = { kind: "dispatch", label: "x", kernel: "scale", groups: 4, buffers } as const;
  await backend.run([{ ...scale, scalars: [4, 3] }]);
  expect([...new Float32Array(await backend.download(high, 0, 16))]).toEqual([3, 6, 9, 12]);
  const from = slice(high);
  const to = slice(low);
  await backend.run([{ kind: "copy", label: "back", from, to, bytes: 8, toOffset: 8 }]);
  expect([...new Float32Array(await backend.download(low, 0, 16))]).toEqual([1, 2, 3, 6]);
  backend.close();
});

test("more than WebAssembly addresses is a named error that says what and how much", async () => {
  const backend = await loaded();
  await expect(backend.allocate(2 ** 32, "cache k")).rejects.toMatchObject({
    code: "memory/full",
    message: expect.stringMatching(/^cache k takes 4 GiB, but \S+ KiB of the 4 GiB/),
  });
  // What fits still does.
  await backend.allocate(1024, "cache v");
});

test("what is freed is not used, nor freed again", async () => {
  const backend = await loaded();
  const buffer = await backend.allocate(16, "x");
  backend.free(buffer);
  expect(() => backend.free(buffer)).toThrow("x is used after it was freed");
  expect(() => backend.download(buffer, 0, 16)).toThrow("x is used after it was freed");
  backend.close();
  await expect(backend.allocate(16, "y")).rejects.toThrow("after `close`");
});

test("bytes that are no module are a named error", async () => {
  const load = createCpuBackend().load(
    { plan: toyPlan("cpu"), wasm: Uint8Array.of(1, 2, 3) },
    new Set(),
  );
  await expect(load).rejects.toMatchObject({ code: "cpu/module" });
});

test("kernels of either form run where they can, and the backend says which it runs", async () => {
  const own = platformMultiplyAdd();
  const backend = createCpuBackend();
  expect(backend.multiplyAdd).toBe(own);
  const plan = toyPlan("cpu");
  await backend.load({ plan, wasm: toyWasm }, new Set());
  expect([backend.multiplyAdd, backend.description]).toEqual(["separate", "the CPU (WebAssembly)"]);
  backend.close();
  if (own === "separate") {
    expect(() => createCpuBackend({ multiplyAdd: "fused" })).toThrow("in one instruction");
    return;
  }
  const separate = createCpuBackend({ multiplyAdd: "separate" });
  const wasm = encodeWasm([], "fused");
  const load = separate.load({ plan: { ...plan, kernels: [] }, wasm }, new Set());
  await expect(load).rejects.toMatchObject({ code: "cpu/fused" });
  separate.close();
});

test("weights beyond the memory are refused before any is read", async () => {
  const plan = toyPlan("cpu");
  const [table] = plan.weights;
  if (table === undefined) throw new Error("the toy has a weight");
  const call = Session.open({
    model: { plan: { ...plan, weights: [{ ...table, shape: [32000, 65536] }] }, wasm: toyWasm },
    backend: createCpuBackend({ multiplyAdd: "separate" }),
    weights: memoryWeights(new Map()),
  });
  await expect(call).rejects.toMatchObject({
    code: "memory/weights",
    message: expect.stringContaining("7.8 GiB, but the CPU (WebAssembly) holds 4 GiB"),
  });
});

test("blocks of the heap never overlap, are aligned, and merge when freed", () => {
  const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 200_000 }), fc.nat(20)), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(sizes, (steps) => {
      const heap = new Heap();
      const live: { start: number; bytes: number }[] = [];
      for (const [bytes, choice] of steps) {
        const victim = choice > 12 ? live.splice(choice % (live.length || 1), 1)[0] : undefined;
        if (victim !== undefined) heap.free(victim.start, victim.bytes);
        const start = heap.allocate(bytes, "x");
        expect(start % 256).toBe(0);
        expect(start).toBeGreaterThan(0);
        expect(start + bytes).toBeLessThanOrEqual(heap.memory.buffer.byteLength);
        for (const other of live) {
          expect(start + bytes <= other.start || other.start + other.bytes <= start).toBe(true);
        }
        live.push({ start, bytes });
      }
      for (const { start, bytes } of live) heap.free(start, bytes);
      const before = heap.memory.buffer.byteLength;
      // All is one block again.
      heap.allocate(before - 256, "all");
      expect(heap.memory.buffer.byteLength).toBe(before);
    }),
    { seed: 1, numRuns: 100 },
  );
});

test("memory that is freed twice is our mistake", () => {
  const heap = new Heap();
  const start = heap.allocate(16, "x");
  heap.free(start, 16);
  expect(() => heap.free(start, 16)).toThrow("freed twice");
});
