/**
 * Products whose blocks are in matrices of subgroups: by their definition against the graph's evaluator,
 * as modules that a WGSL front end accepts, and on a device that emulates the multiplication.
 */

import { expect, test } from "vitest";
import { printWgsl, throughMatrices } from "../../compiler/codegen/index.ts";
import type { Environment } from "../../compiler/graph/evaluate.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Kernel } from "../../compiler/kernel/kernel.ts";
import { groupBytes } from "../../compiler/kernel/memory.ts";
import { matrixElements } from "../../compiler/kernel/passes/blocks.ts";
import { type Target, targets } from "../../compiler/kernel/target.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import type { PlanKernel } from "../../runtime/contract.ts";
import { fittingMatrices, type MatrixShape, matrixShapes } from "../../runtime/contract.ts";
import { onMatrices, testedBackends, type TestedBackend } from "../support/backends.ts";
import { Draft } from "../support/draft.ts";
import { emulatedMatrices } from "../support/emulated-matrices.ts";
import { randomTensor, seeded } from "../support/random.ts";
import { testWith } from "../support/require.ts";
import { planGraph, runPlanned } from "../support/run-graph.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";
import { moduleErrors, validatingDevice } from "../support/web-gpu.ts";

const extents: Readonly<Record<string, number>> = { R: 35, D: 64, F: 80 };

/** Gate and up of normed rows, and what goes down from them to the rows again. */
function gated(): Graph {
  const draft = new Draft();
  draft.axis("R", 35);
  draft.axis("D", 64);
  draft.axis("F", 80);
  const x = draft.input("x", ["R", "D"]);
  const squares = draft.reduce("mean", draft.map("multiply", x, x), "D");
  const scale = draft.map("rsqrt", draft.map("add", squares, draft.constant(1e-5)));
  const wide = (name: string) =>
    draft.map("multiply", draft.contract(x, draft.weight(name, ["F", "D"]), "D"), scale);
  const gate = draft.map("sigmoid", wide("gate"));
  const hidden = draft.map("multiply", gate, wide("up"));
  const down = draft.contract(hidden, draft.weight("down", ["D", "F"]), "F");
  draft.output("y", draft.map("add", x, down));
  return draft.finish();
}

const graph = gated();

const environment = ((): Environment => {
  const random = seeded(7);
  const tensor = (axes: readonly string[]) =>
    randomTensor(
      random,
      axes.map((axis) => extents[axis] ?? 1),
      1,
    );
  const weights = new Map([...graph.weights].map(([name, { axes }]) => [name, tensor(axes)]));
  return {
    sizes: new Map(),
    inputs: new Map([["x", tensor(["R", "D"])]]),
    weights: (name) => {
      const weight = weights.get(name);
      if (weight === undefined) throw new RangeError(`no weight ${name}`);
      return weight;
    },
  };
})();

function targetOf({ element }: MatrixShape): Target {
  return element === "f16" ? { ...targets.gpu, storage: element } : targets.gpu;
}

const hasForm = (kernel: Kernel, shape: MatrixShape): boolean =>
  fittingMatrices(matrixElements(kernel), [shape]) !== undefined;

async function compare(tested: TestedBackend): Promise<readonly PlanKernel[]> {
  const planned = planGraph(graph, tested.target);
  const backend = await tested.open(planned.kernels);
  const code = tested.code(planned.kernels);
  const actual = await runPlanned(graph, planned, backend, code, environment);
  for (const [name, expected] of graphTolerance(graph, environment, tested.errors)) {
    const found = actual.get(name);
    expect(found, name).toBeDefined();
    if (found !== undefined) expectWithin(found, expected, name);
  }
  return planned.plan.kernels;
}

const validating = await validatingDevice();

for (const shape of matrixShapes) {
  const { element, rows, columns, inner } = shape;
  const title = `${element} ${rows} × ${columns} × ${inner}`;
  const all = planGraph(graph, targetOf(shape)).kernels;
  const kernels = all.filter((each) => hasForm(each, shape));

  test(`${title} by definition`, async () => {
    // Rows of norms are f32: their products have no form in f16.
    expect(kernels).toHaveLength(element === "f16" ? 1 : 2);
    for (const kernel of kernels.map((each) => throughMatrices(each, shape))) {
      verifyKernel(kernel);
      expect(groupBytes(kernel.arrays)).toBeLessThanOrEqual(targets.gpu.groupMemory);
    }
    const called = await compare(onMatrices(shape));
    expect(called.map(({ matrices = [] }) => matrices)).toEqual(all.map(matrixElements));
  });

  testWith("webgpu", validating, `${title} is valid WGSL`, async (device) => {
    if (!device.features.has("chromium-experimental-subgroup-matrix")) return;
    for (const kernel of kernels) {
      const text = printWgsl(kernel, { matrices: [shape] });
      expect(await moduleErrors(device, text), kernel.name).toEqual([]);
    }
  });
}

for (const tested of await testedBackends()) {
  if (tested.target.family !== "gpu" || tested.name.startsWith("evaluate")) continue;
  const { storage } = tested.target;
  const shape = matrixShapes.find(({ element }) => element === (storage ?? "f32"));
  test.skipIf(tested.missing !== undefined || shape === undefined)(
    `${tested.name}: a device that emulates matrices`,
    async () => {
      if (shape === undefined) return;
      const text = (kernel: Kernel): string =>
        hasForm(kernel, shape)
          ? emulatedMatrices(printWgsl(kernel, { matrices: [shape] }), shape)
          : printWgsl(kernel);
      const code: TestedBackend["code"] = (kernels) => ({
        wgsl: new Map(kernels.map((each) => [each.name, text(each)])),
      });
      await compare({ ...tested, target: targetOf(shape), code });
    },
  );
}
