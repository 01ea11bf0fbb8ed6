/** One compiled attention serves every length: kernels are compiled once, and planning is small. */

import { expect, test, vi } from "vitest";
import { encodeWasm } from "../../compiler/codegen/index.ts";
import { checkModel } from "../../compiler/compile.ts";
import type { Environment, Tensor } from "../../compiler/graph/evaluate.ts";
import { targets } from "../../compiler/kernel/target.ts";
import type { Backend } from "../../runtime/backend.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";
import { Session } from "../../runtime/session.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import { randomTensor, seeded } from "../support/random.ts";
import { hostTensor, planModel } from "../support/run-graph.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";

const text = `import { composite } from "std/attention"

model Lengths[H = 2, E = 8] {
  input visual_rows: [V, H, E]
  input text_rows: [T, H, E]
  sequence S = visual: V, text: T
  x = join S(visual = visual_rows, text = text_rows)
  output seen = attend(x, x[S as K], x[S as K] over K; mask = composite)
}
`;
const { value: model } = checkModel({ file: "lengths.braid", text });
if (model === undefined) throw new Error("lengths.braid has mistakes");
const { graph } = model;
const planned = planModel(graph, targets.cpu);
const [heads, width] = [2, 8];

function environmentOf(visual: number, words: number): Environment {
  const numbers = seeded(visual + words);
  const count = (from: number, rows: number): Tensor => ({
    element: "int",
    shape: [rows],
    data: Array.from({ length: rows }, (_, row) => from + row),
  });
  return {
    sizes: new Map([
      ["V", visual],
      ["T", words],
    ]),
    inputs: new Map([
      ["visual_rows", randomTensor(numbers, [visual, heads, width], 1)],
      ["text_rows", randomTensor(numbers, [words, heads, width], 1)],
      ["position.visual", count(0, visual)],
      ["position.text", count(visual, words)],
    ]),
    weights: (name) => {
      throw new RangeError(`there is no weight ${name}`);
    },
  };
}

async function open(backend: Backend): Promise<Session> {
  const wasm = encodeWasm(planned.kernels, platformMultiplyAdd());
  return Session.open({
    model: { plan: planned.plan, wasm },
    backend,
    weights: memoryWeights(new Map()),
  });
}

function given({ inputs }: Environment): Parameters<Session["forward"]>[0] {
  const known = new Set(planned.plan.inputs.map(({ name }) => name));
  return Object.fromEntries(
    [...inputs].flatMap(([name, tensor]) => (known.has(name) ? [[name, hostTensor(tensor)]] : [])),
  );
}

test("composite attention of any length runs kernels that were compiled once", async () => {
  const session = await open(createCpuBackend());
  const compile = vi.spyOn(WebAssembly, "compile");
  for (const [visual, words] of [
    [0, 1],
    [1, 0],
    [576, 64],
    [4900, 256],
  ] as const) {
    const environment = environmentOf(visual, words);
    const seen = await (await session.forward(given(environment))).get("seen")?.read();
    if (seen === undefined) throw new Error("no output");
    if (visual > 576) {
      expectLastRow(seen.data, environment, visual + words - 1);
      continue;
    }
    const expected = graphTolerance(graph, environment).get("seen");
    if (expected === undefined) throw new Error("no reference");
    const found = { axes: expected.value.axes, shape: seen.shape, data: seen.data };
    expectWithin(found, expected, `visual=${visual}, text=${words}`);
  }
  session.close();
  expect(compile).not.toHaveBeenCalled();
  compile.mockRestore();
});

/** The last row sees every row: softmax of its products, in float64. */
function expectLastRow(seen: ArrayLike<number>, { inputs }: Environment, last: number): void {
  const all = [inputs.get("visual_rows"), inputs.get("text_rows")].flatMap((each) => [
    ...(each?.data ?? []),
  ]);
  const at = (row: number, head: number): readonly number[] =>
    all.slice((row * heads + head) * width, (row * heads + head + 1) * width);
  for (let head = 0; head < heads; head++) {
    const query = at(last, head);
    const weights = Array.from({ length: last + 1 }, (_, row) =>
      Math.exp(
        at(row, head).reduce((sum, x, i) => sum + x * (query[i] ?? 0), 0) / Math.sqrt(width),
      ),
    );
    const total = weights.reduce((a, b) => a + b, 0);
    for (let i = 0; i < width; i++) {
      const wanted =
        weights.reduce((sum, weight, row) => sum + weight * (at(row, head)[i] ?? 0), 0) / total;
      // As many roundings as there are keys, none larger than that of the largest value.
      const tolerance = 8 * Math.sqrt(last + 1) * 2 ** -24 * 4;
      expect(Math.abs((seen[(last * heads + head) * width + i] ?? 0) - wanted)).toBeLessThan(
        tolerance,
      );
    }
  }
}

test("planning 96,000 rows takes under 10 ms and a megabyte", async () => {
  const spent: { ms: number; bytes: number }[] = [];
  let begun = { ms: 0, bytes: 0 };
  const now = (): typeof begun => ({
    ms: performance.now(),
    bytes: process.memoryUsage().heapUsed,
  });
  const real = createCpuBackend();
  // Plans for the device, and runs nothing there.
  const backend: Backend = {
    ...nothing,
    load: (...args) => real.load(...args),
    allocate: async (bytes, label) => {
      begun = now();
      return { bytes, label };
    },
    upload: async () => {
      begun = now();
    },
    run: async () => {
      const { ms, bytes } = now();
      spent.push({ ms: ms - begun.ms, bytes: bytes - begun.bytes });
    },
  };
  const session = await open(backend);
  const lengths = [
    [90_000, 6_000],
    [4_900, 256],
    [90_001, 6_001],
    [90_000, 6_000],
    [89_999, 5_999],
  ] as const;
  for (const [visual, words] of lengths) await session.forward(given(environmentOf(visual, words)));
  session.close();
  expect(spent).toHaveLength(lengths.length);
  // Other programs may hold the machine up: the quickest of several.
  expect(Math.min(...spent.map(({ ms }) => ms))).toBeLessThan(10);
  // Where the collector ran in between, less is in use than before.
  const bytes = spent.map((each) => each.bytes).filter((each) => each > 0);
  expect(Math.min(...bytes)).toBeLessThan(2 ** 20);
});

const nothing: Pick<
  Backend,
  | "kind"
  | "description"
  | "target"
  | "separatesReadsFromWrites"
  | "halves"
  | "capacity"
  | "largestTensor"
> &
  Pick<Backend, "free" | "finish" | "close" | "download"> = {
  kind: "cpu",
  description: "a device that runs nothing",
  target: "cpu",
  separatesReadsFromWrites: false,
  halves: [],
  capacity: undefined,
  largestTensor: undefined,
  free: () => undefined,
  finish: async () => undefined,
  close: () => undefined,
  download: async (_buffer, _offset, bytes) => new ArrayBuffer(bytes),
};
