/** `braid tune` on the CPU: what it writes is what builds take, and answers stay the same. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { addReport } from "../../../compiler/cli/report.ts";
import { addRun } from "../../../compiler/cli/run.ts";
import { addTune } from "../../../compiler/cli/tune.ts";
import { resolveImport } from "../../../compiler/cli/sources.ts";
import { candidatesOf } from "../../../compiler/cli/tuning/candidates.ts";
import { kernelShapes } from "../../../compiler/cli/tuning/shapes.ts";
import { checkModel, prepare } from "../../../compiler/compile.ts";
import { targets } from "../../../compiler/kernel/target.ts";
import { kernelTable } from "../../../compiler/plan/plan.ts";
import { readSchedules, writeSchedules } from "../../../compiler/plan/schedule-file.ts";
import { readLengths } from "../../../compiler/report/lengths.ts";
import { runCommand } from "../../support/command.ts";

const spec = "examples/ee-mllm/ee-mllm.braid";
const folder = mkdtempSync(join(tmpdir(), "braid-tune-"));
afterAll(() => rmSync(folder, { recursive: true }));

const path = (name: string): string => join(folder, name);
const tune = (out: string, ...words: readonly string[]) =>
  runCommand(addTune, "tune", spec, "--out", path(out), ...words);

test("the table has each kernel, and the file is read again", async () => {
  const { out, talk } = await tune("lm_head.json", "--kernels", "lm_head", "--threads", "1");
  expect(out).toMatch(
    /lm_head_logits_contract +2 +3 +[\d.]+ +[\d.]+ .*(default|taskRows|rows|rowPanels)/,
  );
  expect(out).toContain("All calls of one question and one token");
  expect(talk).toMatch(/kernels? gets? another schedule, in .*lm_head\.json/);
  expect(readSchedules(readFileSync(path("lm_head.json"), "utf8")).kind).toBe("schedules");
});

test("nothing is overwritten unless that is asked for", async () => {
  writeFileSync(path("mine.json"), "mine");
  await expect(tune("mine.json", "--kernels", "lm_head")).rejects.toThrow("is there already");
  expect(readFileSync(path("mine.json"), "utf8")).toBe("mine");
  await tune("mine.json", "--kernels", "lm_head", "--force");
  expect(readSchedules(readFileSync(path("mine.json"), "utf8")).kind).toBe("schedules");
});

test("without time kernels keep their defaults, and that is said", async () => {
  const { out, talk } = await tune("late.json", "--kernels", "attend", "--budget", "0.000001");
  expect(out).toContain("no time");
  expect(talk).toMatch(/kernels had no time: `--budget /);
});

test("a word that no kernel has is answered with those that there are", async () => {
  await expect(tune("none.json", "--kernels", "nonesuch")).rejects.toThrow("lm_head");
  expect(existsSync(path("none.json"))).toBe(false);
});

/** A file that gives each product of the example the last schedule that it may have. */
function others(): string {
  const read = (file: string) => ({ file, text: readFileSync(file, "utf8") });
  const model = checkModel(read(spec), { resolve: resolveImport }).value;
  if (model === undefined) throw new Error("the example has mistakes");
  const prepared = prepare(model);
  const table = kernelTable(model.graph, prepared, targets.cpu);
  const lengths = readLengths(model.graph, "", 1);
  if (lengths.kind === "mistake") throw new Error(lengths.message);
  const schedules = kernelShapes(model, prepared, table, lengths.lengths).flatMap((each, index) => {
    const schedule = candidatesOf(each, table, index).at(-1)?.variation;
    if (schedule === undefined || each.region.kind !== "contract") return [];
    const { name: kernel, shape, suffix: variant } = each;
    return [{ kernel, shape, variant, schedule, sameBits: true, defaultMs: 2, bestMs: 1 }];
  });
  expect(schedules.length).toBeGreaterThan(20);
  writeFileSync(path("all.json"), writeSchedules({ target: "wasm", device: "a test", schedules }));
  return path("all.json");
}

test("other schedules of all products give the same answer", async () => {
  const question = [
    "--prompt",
    "how many objects are there?",
    "--backend",
    "cpu",
    "--threads",
    "1",
  ];
  const image = ["--image", "examples/ee-mllm/images/0.png"];
  const file = others();
  const usual = await runCommand(addRun, "run", spec, ...question, ...image);
  const tuned = await runCommand(addRun, "run", spec, ...question, ...image, "--schedules", file);
  expect(tuned.out).toBe(usual.out);
  const report = await runCommand(addReport, "report", spec, "--schedules", file);
  expect(report.out).toContain("ROOFLINE");
});

test("a file of another target is refused by name, and so is none", async () => {
  const other = readFileSync(others(), "utf8").replace('"wasm"', '"webgpu"');
  writeFileSync(path("other.json"), other);
  const report = (file: string) => runCommand(addReport, "report", spec, "--schedules", file);
  await expect(report(path("other.json"))).rejects.toMatchObject({ code: "schedules/target" });
  await expect(report(path("nowhere.json"))).rejects.toThrow("there is no file");
  writeFileSync(path("bad.json"), "{}");
  await expect(report(path("bad.json"))).rejects.toMatchObject({ code: "schedules/format" });
});
