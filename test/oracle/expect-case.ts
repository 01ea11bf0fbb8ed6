/** One suite for models whose inputs and outputs are those of a case: definition, then every backend. */

import { expect, test } from "vitest";
import { type Environment, evaluateGraph } from "../../compiler/graph/evaluate.ts";
import { axisAt, type Graph } from "../../compiler/graph/graph.ts";
import type { NamedTensor, Tensor } from "../../compiler/graph/tensor.ts";
import { testedBackends } from "../support/backends.ts";
import { planGraph } from "../support/run-graph.ts";
import {
  type Expected,
  graphTolerance,
  undecidedOutputs,
  unitRoundoff,
  worstOf,
} from "../support/tolerance.ts";
import type { Lookup } from "./checkpoint.ts";
import { forward, openPlanned } from "./run.ts";

/** A model without run-time sizes, with the tensors of a case by the model's own names. */
export interface OracleCase {
  readonly name: string;
  readonly graph: Graph;
  readonly environment: Environment;
  readonly checkpoint: Lookup;
  /** What the oracle has for an output. */
  readonly wanted: (output: string) => Tensor;
}

const none: ReadonlySet<string> = new Set();

/** Declares the tests of `cases`. */
export async function testCases(cases: readonly OracleCase[]): Promise<void> {
  const single = cases.map(({ graph, environment }) => graphTolerance(graph, environment));
  for (const [index, each] of cases.entries()) {
    const { graph, environment, name } = each;
    test(`definition in float64: ${name}`, () => {
      const exact = graphTolerance(graph, environment, { unit: unitRoundoff.f64 });
      compare(each, evaluateGraph(graph, environment).outputs, exact);
    });
    test(`definition in float32: ${name}`, () => {
      const { outputs } = evaluateGraph(graph, environment, { precision: "float32" });
      compare(each, outputs, single[index]);
    });
  }
  for (const backend of await testedBackends()) {
    for (const [index, each] of cases.entries()) {
      if (!backend.takes(index)) continue;
      const { graph, environment, name, checkpoint } = each;
      const { factorUnit } = backend.errors;
      const bounds = (): ReadonlyMap<string, Expected> | undefined =>
        factorUnit === undefined
          ? single[index]
          : graphTolerance(graph, environment, backend.errors);
      test.skipIf(backend.missing !== undefined)(`${backend.name}: ${name}`, async () => {
        const planned = planGraph(graph, backend.target);
        const session = await openPlanned(backend, graph, planned, checkpoint);
        try {
          const undecided =
            factorUnit === undefined ? none : undecidedOutputs(graph, environment, backend.errors);
          const found = await forward(session, graph, environment);
          const excused = compare(each, found, bounds(), undecided);
          expect(excused.length).toBeLessThan(graph.outputs.length);
          if (excused.length > 0)
            console.warn(
              `${backend.name}: ${name}: a tie was decided otherwise: ${excused.join()}`,
            );
        } finally {
          session.close();
        }
      });
    }
  }
}

/**
 * Expects each output to be the oracle's tensor, whose numbers are rounded to float32. Gives those of
 * `undecided` that are not: they follow from a choice that is closer than the errors.
 */
function compare(
  { graph, wanted, name: model }: OracleCase,
  outputs: ReadonlyMap<string, NamedTensor>,
  tolerances: ReadonlyMap<string, Expected> | undefined,
  undecided: ReadonlySet<string> = none,
): readonly string[] {
  expect(graph.outputs.length).toBeGreaterThan(0);
  const excused: string[] = [];
  for (const { name } of graph.outputs) {
    const found = outputs.get(name);
    const tolerance = tolerances?.get(name)?.tolerance;
    if (found === undefined || tolerance === undefined) throw new RangeError(`no output ${name}`);
    const { shape, data } = wanted(name);
    const labels = found.axes.map((axis) => axisAt(graph, axis).label);
    expect(found.shape, `${model}: ${name} over ${labels.join(", ")}`).toEqual(shape);
    const bounds = tolerance.map((t, i) => t + unitRoundoff.f32 * Math.abs(data[i] ?? 0));
    const worst = worstOf(found.data, data, bounds);
    if (worst !== undefined && undecided.has(name)) excused.push(name);
    else expect(worst, `${model}: ${name}`).toBeUndefined();
  }
  return excused;
}
