/**
 * Answers of systems whose layers have caches of different lengths, token by token: what the prompt
 * leaves is what the oracle leaves, and the logits after four greedy tokens agree.
 */

import type { ErrorOptions } from "../../compiler/graph/estimate-error.ts";
import { expect, test } from "vitest";
import { compileFor } from "../../compiler/compile.ts";
import type { Environment } from "../../compiler/graph/evaluate.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Tensor } from "../../compiler/graph/tensor.ts";
import { Conversation } from "../../runtime/generate.ts";
import { greedy } from "../../runtime/sample.ts";
import { testedBackends } from "../support/backends.ts";
import { hostTensor } from "../support/run-graph.ts";
import { graphTolerance, unitRoundoff, worstOf } from "../support/tolerance.ts";
import { readCase, readExample, weightsOf } from "./checkpoint.ts";
import { specModel } from "./model.ts";
import { openPlanned } from "./run.ts";

const oracle = await readCase("fastv-dyvte-aim");
const checkpoint = await readExample("fastv");
const visualAt = Array.from({ length: 16 }, (_, i) => 5 + i);
const textAt = [0, 1, 2, 3, 4, 21, 22, 23, 24, 25, 26];

/** A spec, its model, the case's text, and how the case names its answer. */
const cases = [
  ["fastv/fastv", "FastV", "input.tokens", "fastv"],
  ["dyvte/dyvte", "Dyvte", "input.tokens", "dyvte.exit1"],
  ["dyvte/dyvte", "Dyvte", "input.dyvte.exit0.tokens", "dyvte.exit0"],
  ["dyvte/dyvte", "Dyvte", "input.dyvte.never.tokens", "dyvte.never"],
] as const;

const vector = (data: readonly number[]): Tensor => ({
  element: "int",
  shape: [data.length],
  data,
});

function tolerance(graph: Graph, tokens: readonly number[], errors: ErrorOptions): Float64Array {
  const places = [...textAt, ...tokens.slice(textAt.length).map((_, i) => 27 + i)];
  const environment: Environment = {
    sizes: new Map([
      ["T", tokens.length],
      ["T.given", textAt.length],
    ]),
    given: textAt.length,
    inputs: new Map([
      ["image", oracle("input.pixels")],
      ["prompt", vector(tokens)],
      ["position.visual", vector(visualAt)],
      ["position.text", vector(places)],
    ]),
    weights: weightsOf(graph, checkpoint),
  };
  const outputs = graph.outputs.filter(({ name }) => name === "logits");
  const found = graphTolerance({ ...graph, outputs }, environment, errors).get("logits")?.tolerance;
  if (found === undefined) throw new RangeError("the model gives no logits");
  return found.slice(-found.length / tokens.length);
}

const pixels = oracle("input.pixels");
const models = new Map(
  [...new Set(cases.map(([spec]) => spec))].map((spec) => {
    const model = cases.find((each) => each[0] === spec)?.[1] ?? "";
    return [spec, specModel(`../../examples/${spec}.braid`, model)] as const;
  }),
);
const bounds = new Map<string, Float64Array>();

for (const backend of await testedBackends()) {
  for (const [index, [spec, model]] of [...models].entries()) {
    if (!backend.takes(index)) continue;
    test.skipIf(backend.missing !== undefined)(`${backend.name}: ${spec}, answers`, async () => {
      const target = compileFor(model, backend.target);
      const session = await openPlanned(backend, model.graph, target, checkpoint);
      try {
        for (const [, , text, name] of cases.filter((each) => each[0] === spec)) {
          const tokens = Array.from(oracle(text).data);
          const wanted = Array.from(oracle(`output.${name}.generated`).data);
          const steps: Float32Array[] = [];
          const found: number[] = [];
          session.reset();
          for await (const event of new Conversation(session).answer({
            inputs: {
              image: hostTensor(pixels),
              "position.visual": hostTensor(vector(visualAt)),
            },
            tokens,
            positions: textAt,
            choose: (logits) => {
              steps.push(Float32Array.from(logits));
              return greedy(logits);
            },
            endTokens: new Set(),
            maxTokens: wanted.length + 1,
          })) {
            if (event.kind === "token") found.push(event.id);
          }
          expect(found.slice(0, -1), name).toEqual(wanted);
          const after = oracle(`output.${name}.after`).data;
          // Backends that round alike share their bounds.
          const key = `${name} ${JSON.stringify(backend.errors)}`;
          const allowed =
            bounds.get(key) ?? tolerance(model.graph, [...tokens, ...wanted], backend.errors);
          bounds.set(key, allowed);
          const widened = allowed.map(
            (each, i) => each + unitRoundoff.f32 * Math.abs(after[i] ?? 0),
          );
          expect(worstOf(steps.at(-1) ?? [], after, widened), name).toBeUndefined();
        }
      } finally {
        session.close();
      }
    });
  }
}
