import { expect, test } from "vitest";
import { evaluate, samples } from "./support.ts";

for (const [name, make] of samples) {
  test(`${name}: what is emitted evaluates to the plan that was printed`, async () => {
    const plans = make();
    const { gpu, cpu } = await evaluate(plans);
    expect(gpu).toStrictEqual(plans.gpu);
    expect(cpu).toStrictEqual(plans.cpu);
  });
}
