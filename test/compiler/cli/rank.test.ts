/** `braid rank`: layers in the order of what they contribute, against logits of another model. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { addRank } from "../../../compiler/cli/rank.ts";
import { UsageError } from "../../../compiler/cli/usage-error.ts";
import { checkModel } from "../../../compiler/compile.ts";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import { readSource, resolveImport } from "../../../compiler/cli/sources.ts";
import { readCase, readExample } from "../../oracle/checkpoint.ts";
import { environmentOf } from "../../oracle/model.ts";
import { onePrompts } from "../../oracle/prompts.ts";
import { safetensorsBytes } from "../../runtime/weights/sample-files.ts";
import { runCommand } from "../../support/command.ts";

const spec = "examples/ee-mllm/ee-mllm-f.braid";
const folder = mkdtempSync(join(tmpdir(), "braid-rank-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the verb writes to standard output. */
const rank = async (...words: readonly string[]): Promise<string> =>
  (await runCommand(addRank, "rank", spec, "--backend", "cpu", ...words)).out;

const oracle = await readCase("llava");
const { one } = onePrompts(oracle);

/** A file of the oracle's prompt, under the names of the model's inputs. */
function calibrationFile(): string {
  const tensors = [
    [
      "image",
      "F32",
      [1, 3, 16, 16],
      Float32Array.from(oracle("input.pixels").data).subarray(0, 768),
    ],
    ["prompt", "I32", [one.tokens.length], Int32Array.from(one.tokens)],
    ["position.text", "I32", [one.textAt.length], Int32Array.from(one.textAt)],
    ["position.visual", "I32", [one.visualAt.length], Int32Array.from(one.visualAt)],
  ] as const;
  const header: Record<string, unknown> = {};
  const bytes: number[] = [];
  for (const [name, dtype, shape, data] of tensors) {
    const piece = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    header[name] = { dtype, shape, data_offsets: [bytes.length, bytes.length + piece.length] };
    bytes.push(...piece);
  }
  const path = join(folder, "calibration.safetensors");
  writeFileSync(path, safetensorsBytes(header, Uint8Array.from(bytes)));
  return path;
}

const tiny = { Size: 16, Patch: 4, TowerWidth: 32, TowerHeads: 4, TowerMlp: 32, TowerLayers: 1 };
const text = { D: 32, H: 4, G: 2, F: 48, L: 3, Vocab: 64 };

/** Logits of LLaVA with composite attention in these layers, from the model that answers. */
async function logitsWith(cheap: readonly number[]): Promise<readonly (readonly number[])[]> {
  const { value } = checkModel(readSource(spec), {
    resolve: resolveImport,
    model: "EeMllmF7b",
    dims: new Map(Object.entries({ ...tiny, ...text })),
    parameters: new Map([["cheap", `[${cheap.join(", ")}]`]]),
  });
  if (value === undefined) throw new RangeError("the spec has mistakes");
  const { graph } = value;
  const pixels = oracle("input.pixels");
  const environment = environmentOf(graph, await readExample("fastv"), one, pixels);
  const logits = evaluateGraph(graph, environment).outputs.get("logits");
  return rowsOf(Array.from(logits?.data ?? []));
}

function rowsOf(data: readonly number[]): readonly (readonly number[])[] {
  return one.tokens.map((_, row) => data.slice(row * 64, (row + 1) * 64));
}

/** Kullback-Leibler divergence of two rows of logits. */
function divergence(p: readonly number[], q: readonly number[]): number {
  const logSum = (row: readonly number[]): number =>
    Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
  const [a, b] = [logSum(p), logSum(q)];
  return p.reduce((sum, x, i) => sum + Math.exp(x - a) * (x - a - ((q[i] ?? 0) - b)), 0);
}

test("what a layer contributes is the divergence of the oracle's logits from those without it", async () => {
  const all = Array.from(oracle("output.logits").data);
  const dense = one.textAt.map((row) => all.slice(row * 64, (row + 1) * 64));
  const wanted: { layer: number; score: number }[] = [];
  for (const layer of [0, 1, 2]) {
    const changed = await logitsWith([layer]);
    const rows = dense.map((row, i) => divergence(row, changed[i] ?? []));
    wanted.push({ layer, score: rows.reduce((sum, x) => sum + x, 0) / rows.length });
  }
  wanted.sort((a, b) => a.score - b.score);
  const args = ["--model", "Contribution", "--weights", "examples/fastv/weights"] as const;
  const found = JSON.parse(await rank(...args, "--inputs", calibrationFile(), "--json"));
  expect(found).toMatchObject({ score: "contribution", samples: 1, chosen: [wanted[0]?.layer] });
  expect(found.layers.map((each: { layer: number }) => each.layer)).toEqual(
    wanted.map(({ layer }) => layer),
  );
  // A divergence is a sum of 64 products of probabilities and differences of logarithms in float32.
  for (const [index, { score }] of wanted.entries())
    expect(Math.abs(found.layers[index].score - score)).toBeLessThan(64 * 8 * 2 ** -24);
});

test("questions about an image calibrate, too, and the picture shows the order", async () => {
  const shown = await rank(
    ...["--model", "ContributionSmall", "--weights", "examples/ee-mllm/weights"],
    ...["--image", "examples/ee-mllm/images/0.png", "--prompt", "how many objects are there?"],
    ...["--prompt", "is there a red square?", "--choose", "3"],
  );
  expect(shown).toMatch(/^contribution of 4 layers, lowest first \(mean of 2 samples\)$/m);
  expect(shown).toMatch(/^ +4 +0 +0\.\d+ +█{40}$/m);
  expect(shown).toMatch(/^ {2}layers: numbers = \[3, 2, 1\]$/m);
});

test.each([
  [[], "there is nothing to calibrate on"],
  [["--model", "EeMllmF7b", "--prompt", "x"], "EeMllmF7b has no output by layer"],
  [["--model", "Contribution", "--prompt", "x", "--output", "loss"], "no output `loss` by layer"],
  [
    ["--model", "Contribution", "--inputs", "none.safetensors"],
    "there is no file none.safetensors",
  ],
])("%j is refused", async (args, message) => {
  const weights = ["--weights", "examples/fastv/weights"];
  const model = args.includes("--model") ? [] : ["--model", "Contribution"];
  const failure = rank(...model, ...weights, ...args);
  await expect(failure).rejects.toThrow(message);
  await expect(failure).rejects.toThrow(UsageError);
});

test("a file without an input is refused by the input's name", async () => {
  const path = join(folder, "empty.safetensors");
  writeFileSync(path, safetensorsBytes({}));
  expect(readFileSync(path).length).toBeGreaterThan(0);
  const args = ["--model", "Contribution", "--weights", "examples/fastv/weights"];
  await expect(rank(...args, "--inputs", path)).rejects.toThrow("has no tensor `image`");
});
