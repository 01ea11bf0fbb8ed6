/** `braid import`: specs that load the checkpoints they are made for and mean what hand-written ones do. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makeSpec } from "../../../compiler/cli/import/make-spec.ts";
import { type CheckedModel, checkModel } from "../../../compiler/compile.ts";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import { render } from "../../../grammar/index.ts";
import { diskFolder } from "../../../runtime/node/index.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { requireSettings } from "../../../runtime/weights/folder.ts";
import { readCase, readCheckpoint } from "../../oracle/checkpoint.ts";
import { environmentOf, specModel, tinyModel } from "../../oracle/model.ts";
import { onePrompts, rowsAt } from "../../oracle/prompts.ts";
import { expectWithin, graphTolerance, unitRoundoff } from "../../support/tolerance.ts";

const root = resolve(import.meta.dirname, "../../..");

async function imported(path: string, change: object = {}): Promise<CheckedModel> {
  const folder = diskFolder(path);
  const config = await requireSettings(folder, "config.json", "");
  const checkpoint = await openCheckpoint(folder);
  const { text } = makeSpec({ ...config, ...change }, checkpoint.tensors, path);
  await checkpoint.close();
  const { value, diagnostics } = checkModel({ file: "imported.braid", text });
  if (value === undefined)
    throw new Error(render(diagnostics, new Map([["imported.braid", text]])));
  return value;
}

/** What a graph computes: its operations and types in order, without names and places. */
function meaning({ graph }: CheckedModel): unknown {
  return graph.nodes.map(({ op, args, type }) => ({ op, args, type }));
}

test.each([
  ["qwen2-vl", "qwen2-vl/qwen2-vl", "Qwen2Vl"],
  ["llama-3.2-vision", "llama-3.2-vision/llama-3.2-vision", "Llama32Vision"],
  ["blip2", "blip2/blip2", "QFormer"],
])("%s is the example that agrees with the oracle", async (weights, spec, model) => {
  const found = await imported(join(root, "examples", weights, "weights"));
  expect(meaning(found)).toEqual(meaning(specModel(`../../examples/${spec}.braid`, model)));
});

test("llava gives the oracle's logits", async () => {
  const llava = await readCase("llava");
  const { one } = onePrompts(llava);
  const { graph } = await imported(join(root, "test/oracle/data/llava"));
  const checkpoint = await readCheckpoint("llava");
  const environment = environmentOf(graph, checkpoint, one, llava("input.pixels"));
  const found = evaluateGraph(graph, environment).outputs.get("logits");
  const bounds = graphTolerance(graph, environment, { unit: unitRoundoff.f64 }).get("logits");
  if (found === undefined || bounds === undefined) throw new Error("no logits");
  const wanted = Float64Array.from(rowsAt(llava("output.logits"), one.textAt).data);
  const tolerance = bounds.tolerance.map(
    (each, i) => each + unitRoundoff.f32 * Math.abs(wanted[i] ?? 0),
  );
  expectWithin(found, { value: { ...bounds.value, data: wanted }, tolerance }, "logits");
});

test("a checkpoint with composite attention gives what EE-MLLM gives", async () => {
  const llava = await readCase("llava");
  const { one } = onePrompts(llava);
  const checkpoint = await readCheckpoint("llava");
  const change = { braid_attention: "composite" };
  const logits = [
    (await imported(join(root, "test/oracle/data/llava"), change)).graph,
    tinyModel("ValueOutputMlp").graph,
  ].map((graph) =>
    evaluateGraph(graph, environmentOf(graph, checkpoint, one, llava("input.pixels"))).outputs.get(
      "logits",
    ),
  );
  expect(logits[0]?.data).toEqual(logits[1]?.data);
});

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true });
});

function folderWith(config: object): string {
  const folder = mkdtempSync(join(tmpdir(), "braid-import-"));
  made.push(folder);
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const weights = readFileSync(join(root, "examples/blip2/weights/model.safetensors"));
  writeFileSync(join(folder, "model.safetensors"), weights);
  return folder;
}

function braid(...words: readonly string[]): { code: number | null; stderr: string } {
  const command = [join(root, "dist/bundle/braid.js"), ...words];
  const { status, stderr } = spawnSync(process.execPath, command, {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { code: status, stderr };
}

test("what cannot be imported is refused by name", () => {
  const unknown = braid("import", folderWith({ model_type: "gpt2" }), "--out", "-");
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toMatch(/family gpt2, which cannot be imported\n.*blip_2_qformer, clip,/);
  const scaled = braid(
    "import",
    folderWith({ model_type: "llama", rope_parameters: { rope_type: "llama3" } }),
  );
  expect(scaled.code).toBe(2);
  expect(scaled.stderr).toContain('rope_type is "llama3", and only default can be imported');
  const other = braid("import", folderWith({ model_type: "llama" }), "--out", "-");
  expect(other.code).toBe(3);
  expect(other.stderr).toContain("model.embed_tokens.weight");
});

test("no file is overwritten unasked", () => {
  const folder = folderWith({ model_type: "llama" });
  const out = join(folder, "mine.braid");
  writeFileSync(out, "mine");
  const { code, stderr } = braid("import", folder, "--out", out);
  expect(code).toBe(2);
  expect(stderr).toContain("is there already");
  expect(readFileSync(out, "utf8")).toBe("mine");
});
