/** Caches that forget, and caches in pages, give what whole caches give: on every backend, bit for bit. */

import { expect, test } from "vitest";
import type { Graph } from "../../compiler/graph/graph.ts";
import { optimize } from "../../compiler/optimize/optimize.ts";
import { type CacheOptions, splitPhases } from "../../compiler/optimize/split-phases.ts";
import { makePlan, type Planned } from "../../compiler/plan/plan.ts";
import { preparePhase } from "../../compiler/plan/prepare.ts";
import type { Predicate } from "../../compiler/op/predicate.ts";
import type { Session } from "../../runtime/session.ts";
import { integers } from "../../runtime/tensor.ts";
import { inputsOf, openPlanned } from "../oracle/run.ts";
import { splittingKeys, type TestedBackend, testedBackends } from "../support/backends.ts";
import { both, composite, masks, sliding, toyMllm } from "../support/toy-mllm.ts";
import { toyEnvironment, weightsOf } from "../support/toy-prompt.ts";
import { graphTolerance } from "../support/tolerance.ts";

/** New rows that a ring has room for beside its window. */
const block = 3;
const layout = "tittttttttttt";

function planned(
  graph: Graph,
  target: TestedBackend["target"],
  caches: CacheOptions = {},
): Planned {
  const split = splitPhases(optimize(graph), caches);
  return makePlan(graph, split, split.phases.map(preparePhase), target);
}

function graphOf(...layers: readonly Predicate[]): Graph {
  // Images see no text, so that a prompt need not come in one call.
  return toyMllm({ layers: layers.map((mask) => ({ mask: both(masks.textQuery, mask) })) });
}

/**
 * The logits after the prompt, which comes in calls of `most` rows, and after each further token. How
 * many rows a call has may change how numbers are rounded.
 */
async function answer(
  session: Session,
  graph: Graph,
  prompt: number,
  most: number,
): Promise<Float32Array[]> {
  const environment = toyEnvironment(graph, { layout, seed: 4 });
  const tokens = Array.from(environment.inputs.get("prompt")?.data ?? []);
  const positions = Array.from(environment.inputs.get("position.text")?.data ?? []);
  const found: Float32Array[] = [];
  const extend = async (from: number, to: number): Promise<void> => {
    const outputs = await session.run("extend", {
      ...inputsOf(session, environment),
      prompt: integers(tokens.slice(from, to)),
      "position.text": integers(positions.slice(from, to)),
    });
    const logits = await outputs.get("logits")?.read();
    if (logits?.element === "f32") found.push(logits.data);
  };
  for (let row = 0; row < prompt; row += most) {
    found.length = 0;
    await extend(row, Math.min(row + most, prompt));
  }
  for (let row = prompt; row < tokens.length; row++) await extend(row, row + 1);
  // The last two rows once more, as after a draft that was refused.
  session.truncate(tokens.length - 2);
  await extend(tokens.length - 2, tokens.length);
  return found;
}

const cases: Readonly<Record<string, Graph>> = {
  "a window in one layer of two": graphOf(sliding(4), masks.causal),
};

/** All backends, and those of such names as they split keys where there are few. */
async function withSplitKeys(...names: readonly string[]): Promise<readonly TestedBackend[]> {
  return (await testedBackends()).flatMap((each) => {
    const isNamed = names.some((name) => each.name.startsWith(name));
    const splitting = isNamed ? splittingKeys(each, 4) : undefined;
    return splitting === undefined ? [each] : [each, splitting];
  });
}

for (const tested of await withSplitKeys("evaluate")) {
  for (const [index, [name, graph]] of Object.entries(cases).entries()) {
    if (!tested.takes(index)) continue;
    test.skipIf(tested.missing !== undefined)(`${tested.name}: ${name}, past its end`, async () => {
      const weights = weightsOf(graph);
      const ringed = planned(graph, tested.target, { block });
      const rings = ringed.plan.states.filter(({ ring }) => ring !== undefined);
      expect(rings.length).toBeGreaterThan(0);
      expect(rings.every(({ kind, element }) => kind === "cache" && element !== "i32")).toBe(true);
      const [small, whole] = await Promise.all(
        [ringed, planned(graph, tested.target)].map((each) =>
          openPlanned(tested, graph, each, weights),
        ),
      );
      if (small === undefined || whole === undefined) throw new Error("no session");
      const [actual, wanted] = [
        await answer(small, graph, 7, 7),
        await answer(whole, graph, 7, block),
      ];
      expect(actual).toEqual(wanted);
      expect(small.memory.states).toBeLessThan(whole.memory.states);
      const environment = toyEnvironment(graph, { layout, seed: 4 });
      const expected = graphTolerance(graph, environment, tested.errors).get("logits");
      const last = actual.at(-1);
      if (expected === undefined || last === undefined) throw new Error("no logits");
      const start = expected.value.data.length - last.length;
      for (const [index, value] of last.entries()) {
        const error = Math.abs(value - (expected.value.data[start + index] ?? Number.NaN));
        expect(error).toBeLessThanOrEqual(expected.tolerance[start + index] ?? 0);
      }
      small.close();
      whole.close();
    });
  }
}

/** Logits after rows of `tokens` were appended, one call for each number of `counts`. */
async function append(
  session: Session,
  graph: Graph,
  tokens: readonly number[],
  counts: readonly number[],
): Promise<Float32Array[]> {
  const environment = toyEnvironment(graph, { layout, seed: 4 });
  const positions = Array.from(environment.inputs.get("position.text")?.data ?? []);
  const found: Float32Array[] = [];
  let from = 0;
  for (const count of counts) {
    const start = session.past;
    const outputs = await session.run("extend", {
      ...inputsOf(session, environment),
      prompt: integers(tokens.slice(from, from + count)),
      "position.text": integers(positions.slice(start, start + count)),
    });
    const logits = await outputs.get("logits")?.read();
    if (logits?.element === "f32") found.push(logits.data);
    from += count;
  }
  return found;
}

for (const tested of await withSplitKeys("evaluate", "cuda-host")) {
  if (!tested.takes(1)) continue;
  test.skipIf(tested.missing !== undefined)(
    `${tested.name}: conversations share pages`,
    async () => {
      const graph = graphOf(masks.causal);
      const [shared, whole] = [{ pages: 4 }, {}].map((caches) =>
        planned(graph, tested.target, caches),
      );
      if (shared === undefined || whole === undefined) throw new Error("no plans");
      const [session, alone] = await Promise.all(
        [shared, whole].map((each) => openPlanned(tested, graph, each, weightsOf(graph))),
      );
      if (session === undefined || alone === undefined) throw new Error("no sessions");
      const wanted = async (tokens: readonly number[], counts: readonly number[]) => {
        alone.reset();
        return append(alone, graph, tokens, counts);
      };
      const prompt = [1, 2, 3, 4, 5, 6];
      const first = await append(session, graph, prompt, [6]);
      // The page of rows 4 and 5 is full in neither conversation.
      const other = session.conversations.fork();
      const ours = [...first, ...(await append(session, graph, [7, 8, 9], [1, 2]))];
      const bytes = session.memory.states;
      session.conversations.use(other);
      expect(session.past).toBe(6);
      const theirs = await append(session, graph, [10, 0, 1], [3]);
      session.truncate(7);
      theirs.push(...(await append(session, graph, [3], [1])));
      session.conversations.use(0);
      expect(session.past).toBe(9);
      ours.push(...(await append(session, graph, [2], [1])));
      expect(ours).toEqual(await wanted([...prompt, 7, 8, 9, 2], [6, 1, 2, 1]));
      expect(theirs[0]).toEqual((await wanted([...prompt, 10, 0, 1], [6, 3]))[1]);
      expect(theirs[1]).toEqual((await wanted([...prompt, 10, 3], [6, 1, 1]))[2]);
      // Five pages hold what two conversations of three would have six for.
      expect(session.memory.states).toBeLessThan(2 * bytes);
      session.conversations.drop(other);
      expect(() => session.conversations.use(other)).toThrow("there is no conversation 1");
      expect(() => alone.conversations.fork()).toThrow("the caches of ToyMllm are not in pages");
      session.close();
      alone.close();
    },
  );
}

test("only what no later row sees is forgotten", () => {
  const rings = (...layers: readonly Predicate[]): readonly (string | undefined)[] =>
    splitPhases(optimize(graphOf(...layers)), { block }).states.flatMap(({ name, ring }) =>
      ring === undefined ? [] : [`${name}: ${ring.window} in ${ring.slots}`],
    );
  expect(rings(masks.causal)).toEqual([]);
  expect(rings(composite)).toEqual([]);
  expect(rings(sliding(4))).toEqual(["layers.0.k: 4 in 6", "layers.0.v: 4 in 6"]);
  const sinks: Predicate = {
    kind: "or",
    operands: [
      sliding(4),
      {
        kind: "compare",
        comparison: "<",
        left: { kind: "position", side: "k" },
        right: { kind: "number", value: 2 },
      },
    ],
  };
  expect(rings(sinks)).toEqual([]);
});

test("a ring is not cut back beyond what it holds", async () => {
  const [tested] = await testedBackends();
  if (tested === undefined) throw new Error("no backend");
  const graph = graphOf(sliding(4));
  const ringed = planned(graph, tested.target, { block });
  const session = await openPlanned(tested, graph, ringed, weightsOf(graph));
  await answer(session, graph, 7, 7);
  expect(session.canTruncate(session.past - 3)).toBe(true);
  expect(session.canTruncate(session.past - 4)).toBe(false);
  expect(() => session.truncate(5)).toThrow("they hold the last ones only");
  session.truncate(0);
  expect(session.canTruncate(0)).toBe(true);
  session.close();
});
