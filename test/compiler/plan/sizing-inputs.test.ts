/** A phase is given what tells its sizes, even where it reads no number of it. */

import { expect, test } from "vitest";
import { checkModel, compileFor } from "../../../compiler/compile.ts";
import { encodeWasm } from "../../../compiler/codegen/index.ts";
import { targets } from "../../../compiler/kernel/target.ts";
import { createCpuBackend } from "../../../runtime/cpu/backend.ts";
import { platformMultiplyAdd } from "../../../runtime/cpu/multiply-add.ts";
import { Session } from "../../../runtime/session.ts";
import { floats, integers } from "../../../runtime/tensor.ts";
import { memoryWeights } from "../../../runtime/weight-source.ts";

/** Visual rows neither see nor are seen, yet the output has a row of zeros for each. */
const spec = `
mask words(q, k) = q in text and k in text

model Words(sees: mask = words) {
  input text: [T, E = 2]
  input visual: [V, E]
  sequence S = visual: V, text: T
  x = join S(visual = visual, text = text)
  output seen = attend(x, x[S as K], x[S as K] over K; mask = sees)
}
`;

function compiled(): ReturnType<typeof compileFor> {
  const source = { file: "words.braid", text: spec };
  const { value, diagnostics } = checkModel(source, { resolve: () => undefined });
  expect(diagnostics).toEqual([]);
  if (value === undefined) throw new RangeError("the model does not compile");
  return compileFor(value, targets.cpu);
}

test("an input that nothing reads tells a size", () => {
  const { plan } = compiled();
  const [phase] = plan.phases;
  expect(phase?.inputs).toEqual(["text", "position.text", "position.visual"]);
  expect(plan.symbols.map(({ name }) => name).sort()).toEqual(["T", "V"]);
});

test("hidden rows are counted", async () => {
  const { plan, kernels } = compiled();
  const session = await Session.open({
    model: { plan, wasm: encodeWasm(kernels, platformMultiplyAdd()) },
    backend: createCpuBackend(),
    weights: memoryWeights(new Map()),
  });
  const outputs = await session.forward({
    text: floats([1, 2], [1, 2]),
    "position.text": integers([3], [1]),
    "position.visual": integers([0, 1, 2], [3]),
  });
  const seen = await outputs.get("seen")?.read();
  session.close();
  expect([...(seen?.data ?? [])]).toEqual([0, 0, 0, 0, 0, 0, 1, 2]);
});
