import { expect, test } from "vitest";
import type { CompiledModel, PlanPhase } from "../../runtime/contract.ts";
import { Conversation, type GenerationEvent, type Turn } from "../../runtime/generate.ts";
import { greedy } from "../../runtime/sample.ts";
import { Session } from "../../runtime/session.ts";
import { stopStrings } from "../../runtime/stop-strings.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import { fakeBackend } from "./support/fake-backend.ts";
import { toyKernels } from "./support/toy-kernels.ts";
import { toyInputs, toyPlan, toyReference, toyWeights } from "./support/toy-plan.ts";

type Images = readonly (readonly [number, number])[];

async function open(plan: CompiledModel["plan"] = toyPlan("gpu")): Promise<Session> {
  return Session.open({
    model: { plan },
    backend: fakeBackend(toyKernels),
    weights: memoryWeights(toyWeights),
  });
}

function turn(images: Images, tokens: readonly number[], change: Partial<Turn> = {}): Turn {
  const { image, "positions.visual": visual } = toyInputs(images, []);
  return {
    inputs: image && visual ? { image, "positions.visual": visual } : {},
    tokens,
    positions: tokens.map((_, row) => images.length * 3 + row),
    choose: greedy,
    endTokens: new Set(),
    maxTokens: 6,
    ...change,
  };
}

async function collect(events: AsyncIterable<GenerationEvent>): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const event of events) {
    lines.push(
      event.kind === "token" ? `${event.id}${event.text}` : `${event.reason}${event.text}`,
    );
  }
  return lines;
}

/**
 * The greedy continuation by evaluating everything anew for each token, as the language defines it.
 */
function continued(images: Images, prompt: readonly number[], count: number): readonly string[] {
  const tokens = [...prompt];
  const positions = Array.from({ length: images.length * 3 }, (_, row) => row);
  for (let i = 0; i < count; i++) {
    tokens.push(greedy(toyReference(images, positions, tokens).slice(-8)));
  }
  return tokens.slice(prompt.length).map(String);
}

function phases(session: Session): string {
  const letters = session.timings.map(({ phase, ran }) => (ran ? phase[0] : `(${phase[0]})`));
  session.clearTimings();
  return letters.join("");
}

const cat: Images = [[3, 5]];

test("tokens come one by one, each as if all had been evaluated anew", async () => {
  const session = await open();
  const events = await collect(new Conversation(session).answer(turn(cat, [1, 4, 2])));
  expect(events).toEqual([...continued(cat, [1, 4, 2], 6), "length"]);
  // The sixth token is chosen from the logits of the fifth: no row of its own is computed.
  expect(session.past).toBe(3 + 5);
  expect(phases(session)).toBe("ipeeeeee");
});

test("the next turn extends the same caches by its own tokens", async () => {
  const session = await open();
  const conversation = new Conversation(session);
  const answer = await collect(conversation.answer(turn(cat, [1, 4, 2])));
  phases(session);
  const history = [1, 4, 2, ...answer.slice(0, -1).map(Number), 5, 3];
  expect(await collect(conversation.answer(turn(cat, history, { maxTokens: 2 })))).toEqual([
    ...continued(cat, history, 2),
    "length",
  ]);
  expect(phases(session)).toBe("(i)(p)ee");
  expect(session.past).toBe(history.length + 1);
});

test("a changed history is cut where it changes; the same question is asked again", async () => {
  const session = await open();
  const conversation = new Conversation(session);
  for (const prompt of [[1, 4, 2], [1, 4, 7, 7], [1, 4, 7, 7], [3]]) {
    const events = await collect(conversation.answer(turn(cat, prompt, { maxTokens: 3 })));
    expect(events).toEqual([...continued(cat, prompt, 3), "length"]);
  }
});

test("another image begins anew by itself, and so does a session that was reset", async () => {
  const session = await open();
  const conversation = new Conversation(session);
  await collect(conversation.answer(turn(cat, [1, 4, 2])));
  phases(session);
  const dog: Images = [[-2, 4]];
  expect(await collect(conversation.answer(turn(dog, [1, 4, 2])))).toEqual([
    ...continued(dog, [1, 4, 2], 6),
    "length",
  ]);
  expect(phases(session)).toBe("ipeeeeee");
  session.reset();
  expect(await collect(conversation.answer(turn(dog, [1, 4, 2])))).toEqual([
    ...continued(dog, [1, 4, 2], 6),
    "length",
  ]);
});

/**
 * The toy as a causal model would be: what visual rows leave depends on the text, so the given rows
 * come in one call of a phase of their own, which leaves the visual rows' values for `extend`.
 */
function causalPlan(): CompiledModel["plan"] {
  const plan = toyPlan("gpu");
  const extend = plan.phases.find(({ kind }) => kind === "extend");
  const place = plan.phases.find(({ name }) => name === "place");
  if (extend === undefined || place === undefined) throw new Error("the toy has both");
  const later = place.steps.length;
  const prompt: PlanPhase = {
    ...extend,
    name: "prompt",
    kind: "prompt",
    inputs: [...place.inputs, ...extend.inputs],
    reads: place.reads,
    writes: ["placed", "keys"],
    buffers: extend.buffers.map((each) => ({
      ...each,
      first: each.first + later,
      last: each.last + later,
    })),
    steps: [...place.steps, ...extend.steps],
  };
  return {
    ...plan,
    states: plan.states.map((each) =>
      each.name === "placed" ? { ...each, phase: "prompt" } : each,
    ),
    phases: [...plan.phases.filter(({ name }) => name === "image"), prompt, extend],
  };
}

test("given rows come in one call of a prompt phase and are kept whole or not at all", async () => {
  const session = await open(causalPlan());
  const conversation = new Conversation(session);
  const turns: readonly (readonly [Images, readonly number[], string])[] = [
    [cat, [1, 4, 2], "ipeee"],
    // More text than the answer before: only what is new.
    [cat, [1, 4, 2, 7, 7], "(i)eeee"],
    // Other words among the given rows: the prompt anew.
    [cat, [1, 5], "(i)peee"],
    [
      [
        [-2, 4],
        [1, 1],
      ],
      [1, 5],
      "ipeee",
    ],
    [[], [1, 5], "ipeee"],
  ];
  for (const [images, prompt, wanted] of turns) {
    const events = await collect(conversation.answer(turn(images, prompt, { maxTokens: 4 })));
    expect(events).toEqual([...continued(images, prompt, 4), "length"]);
    expect(phases(session)).toBe(wanted);
  }
});

test("the prompt phase begins a text, and extend comes after it", async () => {
  const session = await open(causalPlan());
  const inputs = toyInputs(cat, [1, 2]);
  await expect(session.run("extend", inputs)).rejects.toMatchObject({ code: "session/order" });
  await session.run("prompt", inputs);
  await session.run("extend", inputs);
  await expect(session.run("prompt", inputs)).rejects.toMatchObject({ code: "session/prompt" });
  const outputs = await session.forward(inputs);
  const logits = await outputs.get("logits")?.read();
  expect([...(logits?.data ?? [])]).toEqual(toyReference(cat, [0, 1, 2], [1, 2]));
});

test("an end token ends the answer and is no part of it", async () => {
  const [first, second] = continued(cat, [1, 4, 2], 2);
  const endTokens = new Set([Number(second)]);
  expect(first).not.toBe(second);
  const events = new Conversation(await open()).answer(turn(cat, [1, 4, 2], { endTokens }));
  expect(await collect(events)).toEqual([first, "end-token"]);
});

test("stop strings end the text, though tokens cut them", async () => {
  const ids = continued(cat, [1, 4, 2], 6).map(Number);
  const words = ["Yes", "\nU", "ser: no"].values();
  const text = { push: () => words.next().value ?? "", end: () => "" };
  const stops = { text, stopStrings: ["\nUser:"] };
  const events = new Conversation(await open()).answer(turn(cat, [1, 4, 2], stops));
  expect(await collect(events)).toEqual([`${ids[0]}Yes`, `${ids[1]}`, `${ids[2]}`, "stop-string"]);
});

test("text that was held back comes with the end", async () => {
  const text = { push: () => "a", end: () => "z" };
  const stops = { text, stopStrings: ["ab"], maxTokens: 2 };
  const events = await collect(new Conversation(await open()).answer(turn(cat, [1], stops)));
  expect(events.at(-1)).toBe("lengthaz");
});

test("a signal ends the answer between two tokens", async () => {
  const controller = new AbortController();
  const lines: string[] = [];
  const { signal } = controller;
  for await (const event of new Conversation(await open()).answer(turn(cat, [1], { signal }))) {
    lines.push(event.kind === "end" ? event.reason : event.kind);
    controller.abort();
  }
  expect(lines).toEqual(["token", "aborted"]);
});

test("no tokens at all are asked for: nothing but the end", async () => {
  const events = new Conversation(await open()).answer(turn(cat, [1], { maxTokens: 0 }));
  expect(await collect(events)).toEqual(["length"]);
});

/** The toy with a step of `extend` that chooses the token by `pick`, and the bytes that are read back. */
async function choosing(
  pick: (logits: Float32Array) => number,
): Promise<{ readonly session: Session; readonly read: readonly number[] }> {
  const plan = toyPlan("gpu");
  const [logits, token] = ["logits", "token"].map((name) => ({ kind: "output", name }) as const);
  if (logits === undefined || token === undefined) throw new Error("there are two");
  const variants = [{ kernel: "pick", groups: 1 }];
  const buffers = [logits, token];
  const call = { label: "token", variants, buffers, scalars: ["T"], flops: 0 };
  const phases = plan.phases.map((phase): PlanPhase => {
    if (phase.kind !== "extend") return phase;
    const output = { name: "token", element: "i32", axes: [{ label: "one", size: 1 }] } as const;
    const steps = [...phase.steps, { kind: "dispatch", ...call } as const];
    return { ...phase, outputs: [...phase.outputs, output], steps };
  });
  const kernel = {
    name: "pick",
    buffers: [
      { name: "logits", element: "f32", access: "read" },
      { name: "token", element: "i32", access: "write" },
    ],
    scalars: ["n"],
    workgroupSize: 1,
  } as const;
  const { generation } = plan;
  if (generation === undefined) throw new Error("the toy generates");
  const read: number[] = [];
  const backend = fakeBackend({
    ...toyKernels,
    pick: (_, [from, to], [rows = 0]) => {
      if (from === undefined || to === undefined) throw new Error("the kernel binds two buffers");
      to.i32[0] = pick(from.f32.subarray((rows - 1) * 8, rows * 8));
    },
  });
  const session = await Session.open({
    model: {
      plan: {
        ...plan,
        phases,
        kernels: [...plan.kernels, kernel],
        generation: { ...generation, token: "token" },
      },
    },
    backend: {
      ...backend,
      download: (buffer, offset, bytes) => {
        read.push(bytes);
        return backend.download(buffer, offset, bytes);
      },
    },
    weights: memoryWeights(toyWeights),
  });
  return { session, read };
}

test("of a greedy answer tokens are read back, of others the last row of the logits", async () => {
  const { session, read } = await choosing(greedy);
  const wanted = [...continued(cat, [1, 4, 2], 6), "length"];
  expect(await collect(new Conversation(session).answer(turn(cat, [1, 4, 2])))).toEqual(wanted);
  expect(read).toEqual([4, 4, 4, 4, 4, 4]);
  session.reset();
  const choose = (logits: Float32Array): number => greedy(logits);
  const again = new Conversation(session).answer(turn(cat, [1, 4, 2], { choose }));
  expect(await collect(again)).toEqual(wanted);
  expect(read.slice(6)).toEqual([32, 32, 32, 32, 32, 32]);
});

test("where the device can choose none, the logits say why", async () => {
  const { session, read } = await choosing((logits) => {
    logits[3] = Number.NaN;
    return -1;
  });
  const events = new Conversation(session).answer(turn(cat, [1, 4, 2]));
  await expect(collect(events)).rejects.toMatchObject({ code: "sample/not-a-number" });
  expect(read).toEqual([4, 32]);
});

test("an empty prompt, and positions that do not match it, are named errors", async () => {
  const conversation = new Conversation(await open());
  await expect(collect(conversation.answer(turn(cat, [])))).rejects.toMatchObject({
    code: "generate/empty",
  });
  const short = turn(cat, [1, 2], { positions: [3] });
  await expect(collect(conversation.answer(short))).rejects.toMatchObject({
    code: "generate/positions",
  });
});

test("a model that does not generate says so", async () => {
  const { generation: _, ...plan } = toyPlan("gpu");
  const conversation = new Conversation(await open(plan));
  await expect(collect(conversation.answer(turn(cat, [1])))).rejects.toMatchObject({
    code: "generate/none",
  });
});

const stops: readonly (readonly [readonly string[], readonly string[], readonly string[]])[] = [
  [["stop"], ["a st", "op b"], ["a ", "", "", "stop"]],
  [["stop"], ["st", "st", "op"], ["", "st", "", "", "stop"]],
  [["ab", "abc"], ["xabc"], ["x", "", "abc"]],
  [["b", "ab"], ["xab"], ["x", "", "ab"]],
  [["aab"], ["aaab"], ["a", "", "aab"]],
  [[""], ["text"], ["text", "", "none"]],
  [["zzz"], ["z", "z"], ["", "", "zz", "none"]],
];

for (const [strings, pieces, wanted] of stops) {
  test(`stop at ${JSON.stringify(strings)} in ${JSON.stringify(pieces)}`, () => {
    const stop = stopStrings(strings);
    const given = pieces.map((piece) => stop.push(piece));
    expect([...given, stop.end(), stop.found ?? "none"]).toEqual(wanted);
  });
}
