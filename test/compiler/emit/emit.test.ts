import { expect, test } from "vitest";
import { emitModel } from "../../../compiler/plan/emit/emit.ts";
import { composite } from "../../support/toy-mllm.ts";
import { evaluate, phased, samples } from "./support.ts";

for (const [name, make] of samples) {
  test(`${name}: what is emitted evaluates to the plan that was printed`, async () => {
    const plans = make();
    const { gpu, cpu } = await evaluate(plans);
    expect(gpu).toStrictEqual(plans.gpu);
    expect(cpu).toStrictEqual(plans.cpu);
  });
}

test("what a kernel asks of its group and of a device is emitted", async () => {
  const plans = phased(composite, 2);
  const asks = [
    { subgroups: { min: 8, max: 32 } },
    { sharedBytes: 65536 },
    { matrices: ["f16", "f32"] },
    { subgroups: { min: 16, max: 16 }, matrices: ["f32"] },
  ] as const;
  const kernels = plans.gpu.kernels.map((each, index) => ({
    ...each,
    ...asks[index % asks.length],
  }));
  const gpu = { ...plans.gpu, kernels };
  expect((await evaluate({ ...plans, gpu })).gpu).toStrictEqual(gpu);
});

test("more layers make no more lines", () => {
  const linesOf = (layers: number): ReadonlyMap<string, number> => {
    const files = [...emitModel(phased(composite, layers))].filter(([file]) =>
      file.endsWith(".ts"),
    );
    return new Map(files.map(([file, text]) => [file, text.split("\n").length]));
  };
  // Numbers of equal width, so that lines break at the same places.
  const few = linesOf(11);
  expect(linesOf(13)).toEqual(few);
  expect(few.get("model.ts")).toBeLessThan(400);
});
