import { expect, test } from "vitest";
import type { Command, Slice } from "../../runtime/backend.ts";
import type { Plan, PlanPhase, PlanStep, Size } from "../../runtime/contract.ts";
import { PhaseCommands, readWritePairs } from "../../runtime/execute.ts";
import { evaluateSize, showSize, symbolsOf } from "../../runtime/size.ts";
import type { DirectReference } from "../../runtime/steps.ts";
import { verifyPlan } from "../../runtime/verify.ts";
import { toyPlan } from "./support/toy-plan.ts";

const sizes: readonly (readonly [Size, number, string])[] = [
  [7, 7, "7"],
  ["T", 5, "T"],
  [["+", "past", "T"], 105, "past + T"],
  [["*", ["+", "past", 1], "T"], 505, "(past + 1) * T"],
  [["floor/", ["*", "T", 3], 2], 7, "floor(T * 3 / 2)"],
  [["ceil/", ["*", "T", 3], 2], 8, "ceil(T * 3 / 2)"],
  [["max", "T", 6], 6, "max(T, 6)"],
  [["min", "T", 6], 5, "min(T, 6)"],
];
const values = new Map([
  ["T", 5],
  ["past", 100],
]);

for (const [size, value, text] of sizes) {
  test(`the size ${text} is ${value}`, () => {
    expect(evaluateSize(size, values)).toBe(value);
    expect(showSize(size)).toBe(text);
  });
}

test("a size without the value of a symbol is our mistake and says which", () => {
  expect(() => evaluateSize(["+", "V", 1], values)).toThrow("size symbol V has no value");
  expect([...symbolsOf(["+", ["*", "V", 2], "T"])]).toEqual(["V", "T"]);
});

function commands(phase: string, given: Readonly<Record<string, number>>): readonly Command[] {
  const found = toyPlan("gpu").phases.find(({ name }) => name === phase);
  if (found === undefined) throw new Error(phase);
  return new PhaseCommands(found).at(new Map(Object.entries(given)), anywhere);
}

function anywhere(reference: DirectReference): Slice {
  const label = `${reference.kind} ${reference.name}`;
  return { buffer: { label, bytes: 1 << 20 }, offset: 0, bytes: 1 << 20 };
}

function shown(command: Command): string {
  const label = ({ buffer }: Slice): string => buffer.label;
  if (command.kind === "copy") {
    const { from, to, bytes, toOffset } = command;
    return `copy ${label(from)} → ${label(to)}: ${bytes} at ${toOffset}`;
  }
  const { kernel, groups, buffers, scalars } = command;
  return `${kernel}[${groups}](${[...buffers.map(label), ...scalars].join(", ")})`;
}

test("a phase becomes commands: repeats unrolled, tables looked up, sizes numbers", () => {
  expect(commands("extend", { T: 3, past: 4, Image: 1 }).map(shown)).toEqual([
    "gather[6](weight table, input prompt, buffer a, 6)",
    "scale[6](buffer a, buffer b, 6, 2)",
    "scale[6](buffer b, buffer a, 6, 2)",
    "copy buffer a → output text: 24 at 0",
    "append[6](buffer a, constant offset, state keys, 6, 4)",
    "score[24](state keys, state placed, output logits, 24, 4, 6)",
  ]);
});

test("steps over nothing are left out", () => {
  expect(commands("image", { Image: 0 })).toEqual([]);
  expect(commands("extend", { T: 0, past: 4, Image: 1 })).toEqual([]);
});

test("the first variant whose condition holds is chosen", () => {
  const [phase] = toyPlan("gpu").phases;
  if (phase === undefined) throw new Error("the toy has phases");
  const step: PlanStep = {
    kind: "dispatch",
    label: "x",
    variants: [
      { when: { size: "T", atMost: 1 }, kernel: "one", groups: 1 },
      { when: { size: "T", atMost: 8 }, kernel: "few", groups: 1 },
      { kernel: "many", groups: 1 },
    ],
    buffers: [],
    scalars: [],
    flops: 0,
  };
  const program = new PhaseCommands({ ...phase, steps: [step] });
  const chosen = [0, 1, 2, 8, 9].map((T) => program.at(new Map([["T", T]]), anywhere).map(shown));
  expect(chosen.flat()).toEqual(["one[1]()", "one[1]()", "few[1]()", "few[1]()", "many[1]()"]);
});

test("a command that comes out as in the call before is the same object", () => {
  const extend = toyPlan("gpu").phases.find(({ name }) => name === "extend");
  if (extend === undefined) throw new Error("extend");
  const program = new PhaseCommands(extend);
  const places = new Map<string, Slice>();
  const locate = (reference: DirectReference): Slice => {
    const key = `${reference.kind} ${reference.name}`;
    const found = places.get(key) ?? anywhere(reference);
    places.set(key, found);
    return { ...found };
  };
  const at = (past: number): readonly Command[] => [
    ...program.at(new Map(Object.entries({ T: 1, past, Image: 1 })), locate),
  ];
  const [first, second] = [at(4), at(5)];
  const same = first.map((command, index) => command === second[index]);
  // Appending and scoring depend on how many rows there are.
  expect(same).toEqual([true, true, true, true, false, false]);
  places.delete("buffer b");
  const third = at(5).map((command, index) => command === second[index]);
  expect(third).toEqual([true, false, false, true, true, true]);
});

test("temporaries that one step reads and writes are found, through tables too", () => {
  const plan = toyPlan("gpu");
  const kernels = new Map(plan.kernels.map((kernel) => [kernel.name, kernel]));
  const [, , extend] = plan.phases;
  expect(extend === undefined ? [] : readWritePairs(extend, kernels)).toEqual([
    ["a", "b"],
    ["b", "a"],
  ]);
});

test("the toy plan is sound", () => {
  verifyPlan(toyPlan("cpu"));
});

/** The toy plan with another `extend`. */
function changed(change: (phase: PlanPhase) => PlanPhase): Plan {
  const plan = toyPlan("gpu");
  return {
    ...plan,
    phases: plan.phases.map((each) => (each.kind === "extend" ? change(each) : each)),
  };
}

function withStep(index: number, change: (step: PlanStep) => PlanStep): Plan {
  return changed((phase) => ({
    ...phase,
    steps: phase.steps.map((step, place) => (place === index ? change(step) : step)),
  }));
}

const faults: readonly (readonly [string, Plan])[] = [
  [
    "the column from has 2 entries for 3 rounds",
    withStep(1, (step) => (step.kind === "repeat" ? { ...step, count: 3 } : step)),
  ],
  [
    "gather takes 3 buffers and 1 scalars, but gets 3 and 0",
    withStep(0, (step) => (step.kind === "dispatch" ? { ...step, scalars: [] } : step)),
  ],
  [
    "no symbol is called Q",
    withStep(0, (step) => (step.kind === "dispatch" ? { ...step, scalars: ["Q"] } : step)),
  ],
  [
    "no kernel is called lost",
    withStep(0, (step) =>
      step.kind === "dispatch" ? { ...step, variants: [{ kernel: "lost", groups: 1 }] } : step,
    ),
  ],
  [
    "only the last variant is unconditional",
    withStep(0, (step) =>
      step.kind === "dispatch" ? { ...step, variants: [...step.variants, ...step.variants] } : step,
    ),
  ],
  [
    "uses an unknown weight lost",
    withStep(0, (step) =>
      step.kind === "dispatch"
        ? { ...step, buffers: [{ kind: "weight", name: "lost" }, ...step.buffers.slice(1)] }
        : step,
    ),
  ],
  [
    "writes input prompt",
    withStep(3, (step) =>
      step.kind === "dispatch"
        ? { ...step, buffers: [...step.buffers.slice(0, 2), { kind: "input", name: "prompt" }] }
        : step,
    ),
  ],
  [
    "gets buffer a twice",
    withStep(3, (step) =>
      step.kind === "dispatch"
        ? { ...step, buffers: Array.from({ length: 3 }, () => ({ kind: "buffer", name: "a" })) }
        : step,
    ),
  ],
  ["reads a, which nothing wrote", changed((phase) => ({ ...phase, steps: phase.steps.slice(1) }))],
  [
    "uses a outside its life [0, 2]",
    changed((phase) => ({
      ...phase,
      buffers: phase.buffers.map((each) => (each.name === "a" ? { ...each, last: 2 } : each)),
    })),
  ],
  [
    "no input is called lost",
    changed((phase) => ({ ...phase, inputs: [...phase.inputs, "lost"] })),
  ],
  [
    "a phase of kind static writes the cache keys",
    changed((phase) => ({ ...phase, kind: "static" })),
  ],
];

for (const [message, plan] of faults) {
  test(`an unsound plan is refused: ${message}`, () => {
    expect(() => verifyPlan(plan)).toThrow(message);
  });
}

test("a value that the next round needs must not share memory with what a round writes", () => {
  const step = (from: string, to: string): PlanStep => ({
    kind: "dispatch",
    label: to,
    variants: [{ kernel: "scale", groups: 1 }],
    buffers: [
      { kind: "buffer", name: from },
      { kind: "buffer", name: to },
    ],
    scalars: [1, 1],
    flops: 1,
  });
  const plan = (last: number): Plan =>
    changed((phase) => ({
      ...phase,
      buffers: [
        { name: "a", element: "f32", size: 2, first: 0, last },
        { name: "b", element: "f32", size: 2, first: 1, last: 2 },
        { name: "c", element: "f32", size: 2, first: 2, last: 2 },
      ],
      steps: [
        ...phase.steps.slice(0, 1),
        { kind: "repeat", count: 2, tables: {}, steps: [step("a", "b"), step("b", "c")] },
      ],
    }));
  verifyPlan(plan(2));
  // Read last at step 1, but in both rounds: `c` of the first would take its place.
  expect(() => verifyPlan(plan(1))).toThrow("reads a, which nothing wrote or something overwrote");
});
