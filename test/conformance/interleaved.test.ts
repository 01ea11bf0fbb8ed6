/**
 * Text before, between and after several images: segments are stored apart and stand where their
 * positions say. On every backend the prompt at once, then token by token, against the whole.
 */

import { expect, test } from "vitest";
import type { Graph } from "../../compiler/graph/graph.ts";
import { optimize } from "../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../compiler/optimize/split-phases.ts";
import { makePlan } from "../../compiler/plan/plan.ts";
import { preparePhase } from "../../compiler/plan/prepare.ts";
import type { Predicate } from "../../compiler/op/predicate.ts";
import type { Session } from "../../runtime/session.ts";
import { integers } from "../../runtime/tensor.ts";
import { inputsOf, openPlanned } from "../oracle/run.ts";
import { type TestedBackend, testedBackends } from "../support/backends.ts";
import { both, composite, masks, sliding, toyMllm } from "../support/toy-mllm.ts";
import { toyEnvironment, weightsOf } from "../support/toy-prompt.ts";
import { graphTolerance } from "../support/tolerance.ts";

/** `i` is an image of three rows, `t` a token; the last tokens are generated. */
const layouts = ["tittiittttt", "ittittt"] as const;
const generated = 3;

/** Every third position, whatever stands there. */
const spaced: Predicate = {
  kind: "compare",
  comparison: "==",
  left: {
    kind: "binary",
    operator: "%",
    left: {
      kind: "binary",
      operator: "-",
      left: { kind: "position", side: "q" },
      right: { kind: "position", side: "k" },
    },
    right: { kind: "number", value: 3 },
  },
  right: { kind: "number", value: 0 },
};

const models: Readonly<Record<string, Graph>> = {
  causal: toyMllm({ layers: [{ mask: masks.causal }, { mask: masks.causal }] }),
  composite: toyMllm({ layers: [{ mask: composite }, { mask: composite }] }),
  "windows and steps": toyMllm({
    layers: [{ mask: sliding(6) }, { mask: both(masks.causal, spaced) }],
  }),
};

/** The logits of all text rows: those of the prompt, then a row for each further token. */
async function answer(session: Session, graph: Graph, layout: string): Promise<readonly number[]> {
  const environment = toyEnvironment(graph, { layout, seed: 4 });
  const tokens = Array.from(environment.inputs.get("prompt")?.data ?? []);
  const positions = Array.from(environment.inputs.get("position.text")?.data ?? []);
  const found: number[] = [];
  const run = async (phase: string, from: number, to: number): Promise<void> => {
    const outputs = await session.run(phase, {
      ...inputsOf(session, environment),
      prompt: integers(tokens.slice(from, to)),
      "position.text": integers(positions.slice(from, to)),
    });
    const logits = await outputs.get("logits")?.read();
    found.push(...(logits?.element === "f32" ? logits.data : []));
  };
  const prompt = tokens.length - generated;
  // Images that see the text before them take the prompt in one call of its own.
  const first = session.plan.phases.find(({ kind }) => kind === "prompt") ?? { name: "extend" };
  await run(first.name, 0, prompt);
  for (let row = prompt; row < tokens.length; row++) await run("extend", row, row + 1);
  return found;
}

async function compare(tested: TestedBackend, graph: Graph): Promise<void> {
  const split = splitPhases(optimize(graph));
  const planned = makePlan(graph, split, split.phases.map(preparePhase), tested.target);
  const session = await openPlanned(tested, graph, planned, weightsOf(graph));
  for (const layout of layouts) {
    session.reset();
    const actual = await answer(session, graph, layout);
    const environment = toyEnvironment(graph, { layout, seed: 4 });
    const expected = graphTolerance(graph, environment, tested.errors).get("logits");
    if (expected === undefined) throw new Error("no logits");
    const { value, tolerance } = expected;
    // A phase may give the logits of the last row only.
    const width = value.shape.at(-1) ?? 1;
    expect(actual.length).toBeGreaterThanOrEqual((1 + generated) * width);
    const start = value.data.length - actual.length;
    for (const [index, found] of actual.entries()) {
      const error = Math.abs(found - (value.data[start + index] ?? Number.NaN));
      expect(error, `${layout}, logit ${index}`).toBeLessThanOrEqual(tolerance[start + index] ?? 0);
    }
  }
  session.close();
}

for (const tested of await testedBackends()) {
  for (const [index, [name, graph]] of Object.entries(models).entries()) {
    if (!tested.takes(index)) continue;
    test.skipIf(tested.missing !== undefined)(`${tested.name}: ${name}, interleaved`, () =>
      compare(tested, graph),
    );
  }
}
