/** The example: its specs have no mistakes, fit the checkpoint, and answer as PyTorch does. */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readSource, resolveImport } from "../../compiler/cli/sources.ts";
import { type CheckedModel, checkModel, compileFor } from "../../compiler/compile.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { encodeWasm } from "../../compiler/codegen/index.ts";
import { format, render } from "../../grammar/index.ts";
import {
  Assistant,
  checkConfig,
  checkpointWeights,
  createCpuBackend,
  matchWeights,
  openCheckpoint,
  readSettings,
  Session,
} from "../../runtime/index.ts";
import { diskFolder, readBytes } from "../../runtime/node/index.ts";
import { evaluateSize } from "../../runtime/size.ts";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";

const example = fileURLToPath(new URL("../../examples/ee-mllm", import.meta.url));
const folder = diskFolder(`${example}/weights`);
const specs = readdirSync(example).filter((name) => name.endsWith(".braid"));

function checked(file: string, model?: string): CheckedModel {
  const source = readSource(`${example}/${file}`);
  const options = { resolve: resolveImport, ...(model === undefined ? {} : { model }) };
  const { value, diagnostics } = checkModel(source, options);
  expect(render(diagnostics, new Map([[source.file, source.text]]))).toBe("");
  if (value === undefined) throw new RangeError(`${file} has no model ${model ?? ""}`);
  return value;
}

test.each(specs)("%s is formatted", (name) => {
  const text = readFileSync(`${example}/${name}`, "utf8");
  expect(format(text)).toBe(text);
});

const small = [
  ["ee-mllm.braid", "EeMllm"],
  ["llava.braid", "Llava"],
  ["readings.braid", "ValueOutputMlp"],
  ["readings.braid", "ValueOutput"],
  ["readings.braid", "Mlp"],
  ["readings.braid", "Frozen"],
] as const;

test.each(small)("%s, %s: the checkpoint has its numbers and its tensors", async (file, model) => {
  const { plan } = compileFor(checked(file, model), targets.cpu);
  const config = (await readSettings(folder, "config.json")) ?? {};
  expect(checkConfig(plan.configChecks, config, "config.json")).toEqual([]);
  expect(plan.configChecks.length).toBeGreaterThan(10);
  const checkpoint = await openCheckpoint(folder);
  const { unread } = matchWeights(plan.weights, checkpoint.tensors, folder.name);
  await checkpoint.close();
  // LLaVA's towers have a last norm that nothing reads.
  const tower = "vision_tower.vision_model";
  expect(unread).toEqual([`${tower}.post_layernorm.bias`, `${tower}.post_layernorm.weight`]);
});

const phases: readonly (readonly [string, string, readonly string[]])[] = [
  ["ee-mllm.braid", "EeMllm", ["image", "place", "extend", "forward"]],
  ["readings.braid", "ValueOutput", ["image", "place", "extend", "forward"]],
  ["readings.braid", "Mlp", ["image", "place", "extend", "forward"]],
  ["readings.braid", "Frozen", ["image", "place", "extend", "forward"]],
  // What an image means depends on the words before it.
  ["llava.braid", "Llava", ["image", "prompt", "extend", "forward"]],
  ["ee-mllm-7b.braid", "EeMllm7b", ["image", "place", "extend", "forward"]],
];

test.each(phases)("%s, %s runs in its phases", (file, model, wanted) => {
  expect(checked(file, model).phases.phases.map(({ name }) => name)).toEqual(wanted);
});

test("at 7B an image has 576 rows, however many images there are", () => {
  const { plan } = compileFor(checked("ee-mllm-7b.braid"), targets.gpu);
  const visual = plan.segments.find(({ name }) => name === "visual");
  const rows = (images: number): number =>
    evaluateSize(visual?.size ?? 0, new Map([["Image", images]]));
  expect([0, 1, 4].map(rows)).toEqual([0, 576, 2304]);
});

interface Question {
  readonly image: string;
  readonly question: string;
  readonly reference: string;
}

function questions(): readonly Question[] {
  const text = readFileSync(`${example}/evaluation.json`, "utf8");
  const { questions }: { questions: readonly Question[] } = JSON.parse(text);
  return questions;
}

test("the first questions of the evaluation are answered as PyTorch answers them", async () => {
  const { plan, kernels } = compileFor(checked("ee-mllm.braid"), targets.cpu);
  const checkpoint = await openCheckpoint(folder);
  const session = await Session.open({
    model: { plan, wasm: encodeWasm(kernels, platformMultiplyAdd()) },
    backend: createCpuBackend(),
    weights: checkpointWeights(matchWeights(plan.weights, checkpoint.tensors, folder.name)),
  });
  const assistant = await Assistant.open(session, folder);
  for (const { image, question, reference } of questions().slice(0, 12)) {
    await assistant.show([{ name: image, bytes: await readBytes(`${example}/${image}`) }]);
    let answer = "";
    for await (const event of assistant.ask(question)) answer += event.text;
    expect(answer.trim(), `${image}: ${question}`).toBe(reference);
  }
  session.close();
  await checkpoint.close();
});
