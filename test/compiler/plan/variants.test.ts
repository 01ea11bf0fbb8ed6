/** A kernel for few rows is made where rows may be few, and for no model whose rows never are. */

import { expect, test } from "vitest";
import { checkModel, compileFor } from "../../../compiler/compile.ts";
import { type Target, targets } from "../../../compiler/kernel/target.ts";

/** The kernels of a model that multiplies what `body` names, and how often they say when they are called. */
function compiled(body: string, target: Target) {
  const text = `model Rows[Q = 32, W = 64, Out = 64] {\n${body}\n}\n`;
  const { value, diagnostics } = checkModel({ file: "rows.braid", text });
  if (value === undefined) throw new Error(JSON.stringify(diagnostics));
  const { plan, kernels } = compileFor(value, target);
  const steps = plan.phases.flatMap((phase) => phase.steps);
  const variants = steps.map((step) => (step.kind === "dispatch" ? step.variants.length : 0));
  return { kernels: kernels.length, variants };
}

const images = "input images: [Image, Q, W]\nweight a: [W, Out]\noutput seen = images @ a";
const prompt = "input prompt: [T, W]\nweight b: [W, Out]\noutput read = prompt @ b";

test.each([targets.cpu, targets.gpu])("rows that come by 32 are never few: $family", (target) => {
  expect(compiled(images, target)).toEqual({ kernels: 1, variants: [1] });
});

test.each([targets.cpu, targets.gpu])("rows of a prompt may be: $family", (target) => {
  const few = target.family === "cpu" ? 2 : 3;
  expect(compiled(prompt, target)).toEqual({ kernels: few, variants: [few] });
});

test("in one model each has what it needs", () => {
  const { kernels, variants } = compiled(`${images}\n${prompt}`, targets.cpu);
  expect(kernels).toBe(3);
  expect([...variants].sort()).toEqual([1, 2]);
});
