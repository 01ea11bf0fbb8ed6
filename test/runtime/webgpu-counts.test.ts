/** What the WebGPU backend asks of a device, counted: nothing twice, and nothing that is not needed. */

import { expect, vi } from "vitest";
import { checkModel, compileFor } from "../../compiler/compile.ts";
import { printWgsl } from "../../compiler/codegen/index.ts";
import { targets } from "../../compiler/kernel/target.ts";
import type { Plan } from "../../runtime/contract.ts";
import { Conversation, type Turn } from "../../runtime/generate.ts";
import { type LoadProgress, loadResidents } from "../../runtime/load.ts";
import { greedy } from "../../runtime/sample.ts";
import { Session } from "../../runtime/session.ts";
import { elementCount } from "../../runtime/tensor.ts";
import { checkpointWeights, memoryWeights } from "../../runtime/weight-source.ts";
import { openWebGpuBackend } from "../../runtime/webgpu/backend.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { memoryFolder } from "../../runtime/weights/folder.ts";
import { matchWeights } from "../../runtime/weights/match.ts";
import { pieceBytes } from "../../runtime/weights/read.ts";
import { safetensorsBytes } from "./weights/sample-files.ts";
import { Missing, testWith } from "../support/require.ts";
import { nullGpu } from "../support/web-gpu.ts";
import { type CountingAdapter, countingAdapter } from "./support/counting-gpu.ts";

const gpu = await nullGpu();

function counted(name: string, body: (adapter: CountingAdapter) => Promise<void>): void {
  testWith("webgpu", gpu, `counted: ${name}`, async (gpu) => body(await countingAdapter(gpu)));
}

const decoder = `
import { embedding, linear } from "std/layers"
import { decoder } from "std/decoder"

model Decoder[D = 32, H = 4, G = 2, E = 8, F = 48, L = 2, Vocab = 300] {
  input prompt: token[T]
  x: [T, D] = embedding[Vocab](prompt) at model.embed_tokens
  x = decoder[H, G, E, F, L](x) at model
  logits: [T, Vocab] = linear(x) at model.embed_tokens
  output logits
  generate prompt from logits
}
`;

interface Compiled {
  readonly plan: Plan;
  readonly wgsl: ReadonlyMap<string, string>;
}

const known = new Map<number, Compiled>();

function compiled(layers: number): Compiled {
  const found = known.get(layers) ?? compile(layers);
  known.set(layers, found);
  return found;
}

function compile(layers: number): Compiled {
  const source = { file: "decoder.braid", text: decoder };
  const { value, diagnostics } = checkModel(source, { dims: new Map([["L", layers]]) });
  if (value === undefined) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  const { plan, kernels } = compileFor(value, targets.gpu);
  return { plan, wgsl: new Map(kernels.map((each) => [each.name, printWgsl(each)])) };
}

async function open(
  { found }: CountingAdapter,
  layers: number,
  progress: (event: LoadProgress) => void = () => undefined,
): Promise<Session> {
  const model = compiled(layers);
  const values = model.plan.weights.map(
    ({ name, shape }) => [name, new Float32Array(elementCount(shape))] as const,
  );
  const backend = await openWebGpuBackend(found);
  return Session.open({ model, backend, weights: memoryWeights(new Map(values)), progress });
}

/** A promise that resolves when it is told to. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

const turn: Turn = {
  inputs: {},
  tokens: [1, 2, 3],
  positions: [0, 1, 2],
  choose: greedy,
  endTokens: new Set(),
  maxTokens: 12,
};

counted("a step of an answer makes nothing and maps its token alone", async (adapter) => {
  const session = await open(adapter, 3);
  const events = new Conversation(session).answer(turn);
  // The prompt, a step that binds anew, and one that is as all that follow.
  for (let step = 0; step < 3; step++) await events.next();
  for (let step = 0; step < 4; step++) {
    adapter.begin();
    await events.next();
    const { writes, ...counts } = adapter.counts;
    expect(counts).toEqual({
      ...{ modules: 0, pipelines: 0, bindGroups: 0, buffers: [] },
      ...{ encoders: 1, submits: 1, waits: 0, maps: [4] },
    });
    // What the rows are, and how many there are: the scalars that say so.
    expect(writes.map(([label]) => label)).toEqual(["input prompt", "scalars"]);
    expect(writes[0]?.[2]).toBe(4);
  }
  session.close();
});

counted(
  "a step asks for its token before it knows of errors, and waits for both",
  async (adapter) => {
    const session = await open(adapter, 3);
    const events = new Conversation(session).answer(turn);
    for (let step = 0; step < 3; step++) await events.next();
    const told = gate();
    adapter.errorsWait = told.opened;
    adapter.begin();
    let known = false;
    const next = events.next().finally(() => {
      known = true;
    });
    await vi.waitFor(() => expect(adapter.counts.maps).toEqual([4]));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(known).toBe(false);
    told.open();
    await next;
    adapter.error = new GPUValidationError("not today");
    await expect(events.next()).rejects.toMatchObject({
      code: "webgpu/validation",
      message: expect.stringContaining("not today"),
    });
    session.close();
  },
);

counted("an answer by other rules maps its logits alone", async (adapter) => {
  const session = await open(adapter, 3);
  const choose = (logits: Float32Array): number => greedy(logits);
  const events = new Conversation(session).answer({ ...turn, choose });
  for (let step = 0; step < 3; step++) await events.next();
  adapter.begin();
  await events.next();
  expect(adapter.counts).toMatchObject({ encoders: 1, buffers: [], maps: [300 * 4] });
  session.close();
});

counted("what is large is read by itself, and nothing is kept of it", async (adapter) => {
  const backend = await openWebGpuBackend(adapter.found);
  const bytes = 8 * 2 ** 20;
  const buffer = await backend.allocate(bytes, "x");
  for (let time = 0; time < 2; time++) {
    adapter.begin();
    await backend.download(buffer, 0, bytes);
    expect(adapter.counts).toMatchObject({ encoders: 1, buffers: [["read back", bytes]] });
  }
  for (const made of [1, 0]) {
    adapter.begin();
    await backend.download(buffer, 0, 4);
    expect(adapter.counts).toMatchObject({ encoders: made, maps: [4] });
  }
  backend.close();
});

counted("layers share pipelines, and each is compiled once", async (adapter) => {
  // The first layer and the last are not as those between them.
  const pipelines: number[] = [];
  const deeper = gpu instanceof Missing ? adapter : await countingAdapter(gpu);
  for (const [each, layers] of [
    [adapter, 3],
    [deeper, 6],
  ] as const) {
    const session = await open(each, layers);
    expect(each.counts.modules).toBe(each.counts.pipelines);
    pipelines.push(each.counts.pipelines);
    each.begin();
    const events = new Conversation(session).answer(turn);
    for (let step = 0; step < 3; step++) await events.next();
    expect(each.counts).toMatchObject({ modules: 0, pipelines: 0 });
    session.close();
  }
  expect(pipelines[0]).toBeGreaterThan(0);
  expect(pipelines[1]).toBe(pipelines[0]);
});

counted("weights go to the device while pipelines are compiled", async (adapter) => {
  const written = gate();
  adapter.pipelinesWait = written.opened;
  // Were one to wait for the other, this would not end.
  const session = await open(adapter, 3, ({ stage, done, total }) => {
    if (stage === "weights" && done === total) written.open();
  });
  session.close();
});

counted("memory for all weights is asked for at once", async (adapter) => {
  const told = gate();
  adapter.errorsWait = told.opened;
  const session = open(adapter, 3);
  const { weights } = compiled(3).plan;
  const buffers = new Set(weights.map(({ name, pack }) => pack?.buffer ?? name));
  const asked = (): number =>
    adapter.counts.buffers.filter(([label]) => label.startsWith("weight ")).length;
  await vi.waitFor(() => expect(asked()).toBe(buffers.size));
  told.open();
  (await session).close();
});

counted("a weight is written once, in pieces, to where it stays", async (adapter) => {
  const elements = (5 / 8) * pieceBytes;
  const shape = [elements / 1024, 1024];
  const weight = { name: "w", alternatives: [["w"]], shape, stacked: false };
  const header = { w: { dtype: "BF16", shape, data_offsets: [0, elements * 2] } };
  const bytes = safetensorsBytes(header, new Uint8Array(elements * 2));
  const folder = memoryFolder("memory", new Map([["model.safetensors", bytes]]));
  const checkpoint = await openCheckpoint(folder);
  const backend = await openWebGpuBackend(adapter.found);
  const { plan } = compiled(3);
  const weights = checkpointWeights(matchWeights([weight], checkpoint.tensors, folder.name));
  adapter.begin();
  await loadResidents(
    { ...plan, weights: [weight], constants: [] },
    backend,
    weights,
    () => undefined,
  );
  const { buffers, writes, maps, encoders } = adapter.counts;
  expect({ buffers, maps, encoders }).toEqual({
    ...{ buffers: [["weight w", elements * 4]], maps: [], encoders: 0 },
  });
  let next = 0;
  for (const [label, offset, size] of writes) {
    expect({ label, offset }).toEqual({ label: "weight w", offset: next });
    // A piece of the file, as floats.
    expect(size).toBeLessThanOrEqual(2 * pieceBytes);
    next += size;
  }
  expect(next).toBe(elements * 4);
  backend.close();
});

counted("uploads wait for the device before too many are under way", async (adapter) => {
  const backend = await openWebGpuBackend(adapter.found);
  const piece = new Float32Array(2 ** 22);
  const buffer = await backend.allocate(piece.byteLength, "x");
  adapter.begin();
  for (let index = 0; index < 17; index++) await backend.upload(buffer, 0, piece);
  expect(adapter.counts.waits).toBe(1);
  backend.close();
});
