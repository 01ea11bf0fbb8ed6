import { expect, test } from "vitest";
import type { CompiledModel } from "../../runtime/contract.ts";
import { type Outputs, Session } from "../../runtime/session.ts";
import { floats, integers } from "../../runtime/tensor.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import { type FakeBackend, fakeBackend } from "./support/fake-backend.ts";
import { toyKernels } from "./support/toy-kernels.ts";
import { toyImages, toyInputs, toyPlan, toyReference, toyWeights } from "./support/toy-plan.ts";

interface Opened {
  readonly session: Session;
  readonly backend: FakeBackend;
}

async function open(
  separates: boolean = true,
  model: Partial<CompiledModel> = {},
): Promise<Opened> {
  const backend = fakeBackend(toyKernels, separates);
  const session = await Session.open({
    model: { plan: toyPlan("gpu"), ...model },
    backend,
    weights: memoryWeights(toyWeights),
  });
  return { session, backend };
}

async function values(outputs: Outputs, name: string = "logits"): Promise<readonly number[]> {
  return [...((await outputs.get(name)?.read())?.data ?? [])];
}

function ran(session: Session): readonly string[] {
  const names = session.timings.map((each) => (each.ran ? each.phase : `(${each.phase})`));
  session.clearTimings();
  return names;
}

const cat = [3, 5] as const;
const dog = [-2, 4] as const;

for (const separates of [true, false]) {
  test(`forward computes what the toy means, separate reads: ${separates}`, async () => {
    const { session } = await open(separates);
    const prompt = [1, 4, 7, 2];
    const outputs = await session.forward(toyInputs([cat, dog], prompt));
    expect(await values(outputs)).toEqual(toyReference([cat, dog], [0, 1, 2, 3, 4, 5], prompt));
    expect(outputs.get("logits")?.shape).toEqual([4, 8]);
    expect(await values(outputs, "text")).toHaveLength(8);
    expect(session.past).toBe(4);
    expect(ran(session)).toEqual(["image", "place", "extend"]);
  });
}

test("extending step by step gives the rows that one call gives", async () => {
  const { session } = await open();
  const prompt = [1, 4, 7, 2, 0, 3, 5];
  const inputs = toyInputs([cat], prompt);
  const rows: number[] = [];
  for (const [row, token] of prompt.entries()) {
    const outputs = await session.run("extend", {
      ...inputs,
      prompt: integers([token]),
      "positions.text": integers([3 + row]),
    });
    rows.push(...(await values(outputs)));
  }
  expect(rows).toEqual(toyReference([cat], [0, 1, 2], prompt));
});

/** Appends one row, as steps of an answer do: nothing is given but what is new. */
async function step(session: Session, token: number, position: number): Promise<Outputs> {
  return session.run("extend", {
    prompt: integers([token]),
    "positions.text": integers([position]),
  });
}

test("steps of an answer give the rows that one call gives, whatever comes between", async () => {
  const { session, backend } = await open();
  const prompt = [1, 4, 7, 2, 0, 3, 5, 6, 6, 1];
  const wanted = toyReference([cat], [0, 1, 2], prompt);
  const row = (index: number): readonly number[] => wanted.slice(index * 8, index * 8 + 8);
  await session.prepare(toyInputs([cat], []));
  const outputs: Outputs[] = [];
  for (const [index, token] of prompt.entries()) {
    outputs.push(await step(session, token, 3 + index));
    expect(await values(outputs[index] ?? new Map())).toEqual(row(index));
    if (index === 0) continue;
    await expect(values(outputs[index - 1] ?? new Map())).rejects.toMatchObject({
      code: "session/overwritten",
    });
  }
  // A mistake changes nothing.
  await expect(step(session, 8, 13)).rejects.toMatchObject({ code: "input/token" });
  expect(session.past).toBe(10);
  // Rows that are cut off, two rows at once, the same row again.
  session.truncate(4);
  expect(await values(await step(session, 0, 7))).toEqual(row(4));
  expect(await values(await step(session, 3, 8))).toEqual(row(5));
  const two = { prompt: integers([5, 6]), "positions.text": integers([9, 10]) };
  expect(await values(await session.run("extend", two))).toEqual([...row(6), ...row(7)]);
  expect(await values(await step(session, 6, 11))).toEqual(row(8));
  session.truncate(8);
  expect(await values(await step(session, 6, 11))).toEqual(row(8));
  // Another image.
  await session.prepare(toyInputs([dog], []));
  await expect(step(session, 1, 12)).rejects.toMatchObject({ code: "session/stale" });
  session.reset();
  expect(await values(await step(session, 1, 3))).toEqual(toyReference([dog], [0, 1, 2], [1]));
  const copies = backend.log.filter((line) => line.startsWith("copy grow"));
  expect(copies.length).toBeGreaterThan(0);
});

test("no image is an image of no rows", async () => {
  const { session, backend } = await open();
  const outputs = await session.forward(toyInputs([], [6, 1]));
  expect(await values(outputs)).toEqual(toyReference([], [], [6, 1]));
  expect(backend.log.filter((line) => line.startsWith("spread"))).toEqual([]);
});

test("a second question about an image does not look at the image again", async () => {
  const { session } = await open();
  await session.run("extend", toyInputs([cat], [1, 2]));
  expect(ran(session)).toEqual(["image", "place", "extend"]);
  session.reset();
  const second = await session.run("extend", toyInputs([cat], [5]));
  expect(ran(session)).toEqual(["extend"]);
  expect(await values(second)).toEqual(toyReference([cat], [0, 1, 2], [5]));
  await session.prepare(toyInputs([cat], [5]));
  expect(ran(session)).toEqual(["(image)", "(place)"]);
});

test("other positions run the place phase only, another image both", async () => {
  const { session } = await open();
  await session.run("extend", toyInputs([cat], [1]));
  ran(session);
  session.reset();
  const moved = { ...toyInputs([cat], [1]), "positions.visual": integers([4, 5, 6]) };
  expect(await values(await session.run("extend", moved))).toEqual(
    toyReference([cat], [4, 5, 6], [1]),
  );
  expect(ran(session)).toEqual(["place", "extend"]);
  session.reset();
  expect(await values(await session.run("extend", toyInputs([dog], [1])))).toEqual(
    toyReference([dog], [0, 1, 2], [1]),
  );
  expect(ran(session)).toEqual(["image", "place", "extend"]);
});

test("a change of one bit is a change", async () => {
  const { session } = await open();
  await session.run("extend", toyInputs([[0, 1]], [1]));
  ran(session);
  session.reset();
  await session.run("extend", toyInputs([[-0, 1]], [1]));
  expect(ran(session)).toEqual(["image", "place", "extend"]);
});

test("an input that changes from some element on is taken as a whole one is", async () => {
  const [before, after] = [
    [1, 4, 7, 2, 5, 3, 6],
    [1, 4, 7, 2, 5, 6, 6],
  ];
  const { session } = await open();
  for (const prompt of [before, after, before]) {
    const found = await values(await session.forward(toyInputs([cat, dog], prompt)));
    expect(found).toEqual(
      toyReference([cat, dog], [0, 1, ...prompt.map((_, row) => row + 2)], prompt),
    );
  }
  // Another order of images differs in the first element, and one more in the shape.
  for (const images of [
    [cat, dog],
    [cat, cat],
    [cat, cat, dog],
  ]) {
    const positions = [...images, ...before].map((_, row) => row);
    const found = await values(await session.forward(toyInputs(images, before)));
    expect(found).toEqual(toyReference(images, positions, before));
  }
});

test("cached rows of another image are refused until reset", async () => {
  const { session } = await open();
  await session.run("extend", toyInputs([cat], [1]));
  expect(session.cachesCurrent).toBe(true);
  await session.prepare({ image: toyImages(dog) });
  expect(session.cachesCurrent).toBe(false);
  await expect(session.run("extend", { prompt: integers([2]) })).rejects.toThrow("reset()");
  session.reset();
  await session.run("extend", { prompt: integers([2]) });
});

test("caches grow by doubling and keep their rows", async () => {
  const { session, backend } = await open();
  const prompt = Array.from({ length: 40 }, (_, index) => (index * 3) % 8);
  const inputs = toyInputs([cat], prompt);
  const rows: number[] = [];
  for (const [row, token] of prompt.entries()) {
    const step = { prompt: integers([token]), "positions.text": integers([3 + row]) };
    rows.push(...(await values(await session.run("extend", { ...inputs, ...step }))));
  }
  expect(rows).toEqual(toyReference([cat], [0, 1, 2], prompt));
  const grown = backend.log.filter((line) => line.startsWith("copy grow keys"));
  // Sixteen bytes are the least that is allocated: two rows; then 4, 8, 16, 32, 64.
  expect(grown).toEqual([16, 32, 64, 128, 256].map((bytes) => `copy grow keys ${bytes}`));
});

test("reserved rows are not grown into", async () => {
  const { session, backend } = await open();
  session.reserve(64);
  const inputs = toyInputs([cat], [1]);
  for (let row = 0; row < 64; row++) {
    await session.run("extend", { ...inputs, "positions.text": integers([3 + row]) });
  }
  expect(backend.log.filter((line) => line.startsWith("copy grow"))).toEqual([]);
});

test("cut caches go on from what is left", async () => {
  const { session } = await open();
  await session.run("extend", toyInputs([cat], [1, 2, 3, 4]));
  session.truncate(2);
  const branch = await session.run("extend", {
    prompt: integers([7]),
    "positions.text": integers([5]),
  });
  expect(await values(branch)).toEqual(toyReference([cat], [0, 1, 2], [1, 2, 7]).slice(-8));
  expect(() => session.truncate(9)).toThrow("they hold 3");
});

test("single steps are placed once, not once a step", async () => {
  const { session, backend } = await open();
  session.reserve(100);
  const inputs = toyInputs([cat], [1]);
  await session.run("extend", inputs);
  backend.clearLog();
  const before = backend.live();
  for (let row = 1; row < 50; row++) {
    await session.run("extend", { "positions.text": integers([3 + row]) });
  }
  expect(backend.live()).toEqual(before);
  expect(backend.log.filter((line) => line.startsWith("free"))).toEqual([]);
});

const mistakes: readonly {
  readonly name: string;
  readonly inputs: Parameters<Session["run"]>[1];
  readonly code: string;
  readonly message: string;
}[] = [
  {
    name: "a token beyond the vocabulary",
    inputs: { prompt: integers([1, 8]) },
    code: "input/token",
    message: "token 8 at row 1 of `prompt` is not in 0 … 7",
  },
  {
    name: "positions that fall",
    inputs: { "positions.text": integers([5, 5]) },
    code: "input/position",
    message: "position 5 at row 1 of `positions.text` does not follow 5",
  },
  {
    name: "another number of positions",
    inputs: { "positions.text": integers([3, 4, 5]) },
    code: "input/shape",
    message: "`positions.text` has 3 along T, but needs 2 (T, where T = 2)",
  },
  {
    name: "positions of another number of images",
    inputs: { "positions.visual": integers([0, 1]) },
    code: "input/shape",
    message: "`positions.visual` has 2 along V, but needs 3 (Image * 3, where Image = 1)",
  },
  {
    name: "a fixed size that differs",
    inputs: { image: floats([1, 2, 3], [1, 3]) },
    code: "input/shape",
    message: "`image` has 3 along D, but needs 2",
  },
  {
    name: "another number of axes",
    inputs: { image: floats([1, 2]) },
    code: "input/shape",
    message: "`image` has 1 axes [2], not 2",
  },
  {
    name: "floats for tokens",
    inputs: { prompt: floats([1, 2]) },
    code: "input/type",
    message: "`prompt` holds f32, not i32",
  },
  {
    name: "an input that the model does not have",
    inputs: { picture: floats([1, 2]) },
    code: "input/unknown",
    message: "the model has no input `picture`",
  },
];

for (const { name, inputs, code, message } of mistakes) {
  test(`${name}: ${code}`, async () => {
    const { session } = await open();
    const call = session.run("extend", { ...toyInputs([cat], [1, 2]), ...inputs });
    await expect(call).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
}

test("an input that was never given is named", async () => {
  const { session } = await open();
  await expect(session.run("image")).rejects.toMatchObject({ code: "input/missing" });
  await expect(session.run("picture")).rejects.toMatchObject({ code: "session/phase" });
});

test("a failed run leaves no half-made state behind", async () => {
  const { session, backend } = await open();
  await session.prepare(toyInputs([cat], [1]));
  backend.failNext(new Error("the device is gone"));
  await expect(session.prepare(toyInputs([dog], [1]))).rejects.toThrow("the device is gone");
  ran(session);
  const outputs = await session.run("extend", toyInputs([dog], [1]));
  expect(ran(session)).toEqual(["image", "place", "extend"]);
  expect(await values(outputs)).toEqual(toyReference([dog], [0, 1, 2], [1]));
});

test("two calls at once are refused", async () => {
  const { session } = await open();
  const first = session.forward(toyInputs([cat], [1]));
  await expect(session.forward(toyInputs([cat], [1]))).rejects.toMatchObject({
    code: "session/busy",
  });
  await first;
});

test("an output that was overwritten says so", async () => {
  const { session } = await open();
  const first = await session.run("extend", toyInputs([cat], [1]));
  await session.run("extend", { "positions.text": integers([4]) });
  await expect(first.get("logits")?.read()).rejects.toMatchObject({ code: "session/overwritten" });
});

test("a model for another device is refused and the backend closed", async () => {
  await expect(open(true, { plan: toyPlan("cpu") })).rejects.toMatchObject({
    code: "session/target",
  });
});

test("missing and short weights are named", async () => {
  const weights = (map: ReadonlyMap<string, Float32Array>): Promise<Session> =>
    Session.open({
      model: { plan: toyPlan("gpu") },
      backend: fakeBackend(toyKernels),
      weights: memoryWeights(map),
    });
  await expect(weights(new Map())).rejects.toMatchObject({ code: "weights/missing" });
  const short = new Map([["table", new Float32Array(15)]]);
  await expect(weights(short)).rejects.toThrow("`table` has 15 values, but [8, 2] takes 16");
});

test("loading reports its progress and memory", async () => {
  const events: string[] = [];
  const session = await Session.open({
    model: { plan: toyPlan("gpu") },
    backend: fakeBackend(toyKernels),
    weights: memoryWeights(toyWeights),
    progress: ({ stage, done, total }) => events.push(`${stage} ${done}/${total}`),
  });
  expect(events).toEqual(["kernels 1/1", "weights 0/64", "weights 64/64"]);
  expect(session.memory).toEqual({ weightsAndConstants: 80, states: 0, temporaries: 0 });
});
