/** The kernels of `runtime/webgpu/matrix-trial.ts`, as they are compiled. */

import { printWgsl, throughMatrices } from "../../compiler/codegen/index.ts";
import type { Kernel, Statement } from "../../compiler/kernel/kernel.ts";
import { targets } from "../../compiler/kernel/target.ts";
import {
  type MatrixElement,
  matrixName,
  type MatrixShape,
  matrixShapes,
} from "../../runtime/contract.ts";
import { trial } from "../../runtime/webgpu/matrix-trial.ts";
import { Draft } from "./draft.ts";
import { planGraph } from "./run-graph.ts";

/** The product of the trial, whose factors lie in memory as `element`. */
export function trialKernel(element: MatrixElement): Kernel {
  const draft = new Draft("Trial");
  draft.axis("R", trial.rows);
  draft.axis("N", trial.columns);
  draft.axis("K", trial.inner);
  const [left, right] = [draft.input("left", ["R", "K"]), draft.input("right", ["N", "K"])];
  draft.output("product", draft.contract(left, right, "K"));
  const [kernel] = planGraph(draft.finish(), targets.gpu).kernels;
  if (kernel === undefined) throw new RangeError("the trial has no kernel");
  const buffers = kernel.buffers.map((each) =>
    each.access === "read" ? { ...each, element } : each,
  );
  const halves = element === "f16";
  const body = kernel.body.map(
    (each): Statement => (each.kind === "block_product" ? { ...each, halves } : each),
  );
  return { ...kernel, name: "trial", comment: [], buffers, body };
}

/** It with the matrices of `shape`. */
export function matrixTrial(shape: MatrixShape): Kernel {
  return throughMatrices(trialKernel(shape.element), shape);
}

/** The file of its texts. */
export function trialTextsFile(): string {
  const texts = matrixShapes.map((shape) => {
    const text = printWgsl(trialKernel(shape.element), { matrices: [shape] });
    return `  "${matrixName(shape)}": \`\n${text}\`,\n`;
  });
  return [
    "/**\n * The kernels of `matrix-trial.ts`, as the compiler prints them: written by\n",
    " * `npx vitest run test/runtime/matrices.test.ts --update`.\n */\n\n",
    "/** The WGSL for each shape, by its name. */\n",
    "export const trialTexts: Readonly<Record<string, string>> = {\n",
    ...texts,
    "};\n",
  ].join("");
}
