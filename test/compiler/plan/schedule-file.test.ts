/** The file of `braid tune`: what was written is read, and nothing else is believed. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkModel, compileFor, prepare } from "../../../compiler/compile.ts";
import { spaceVersion } from "../../../compiler/kernel/schedule/space.ts";
import { targets } from "../../../compiler/kernel/target.ts";
import { kernelTable } from "../../../compiler/plan/plan.ts";
import {
  readSchedules,
  type ScheduleFile,
  TunedSchedules,
  type TunedKernel,
  writeSchedules,
} from "../../../compiler/plan/schedule-file.ts";

const spec = new URL("../../../examples/emma/emma.braid", import.meta.url);
const model = checkModel(
  { file: "emma.braid", text: readFileSync(spec, "utf8") },
  { resolve: () => undefined },
).value;
if (model === undefined) throw new Error("the example has mistakes");
const prepared = prepare(model);

/** The shape of the first product that has many rows. */
function productShape(): string {
  if (model === undefined) return "";
  const table = kernelTable(model.graph, prepared, targets.cpu);
  for (const each of prepared) {
    for (const { region, signature } of each.regions) {
      if (region.kind === "contract") return table.entry(each, region, signature).shape;
    }
  }
  throw new Error("the example has no product");
}

const shape = productShape();

function entry(changes: Partial<TunedKernel> = {}): TunedKernel {
  return {
    ...{ kernel: "product", shape, variant: "", schedule: { rows: 2, panel: 16 } },
    ...{ sameBits: true, defaultMs: 2, bestMs: 1 },
    ...changes,
  };
}

function fileOf(...schedules: readonly TunedKernel[]): ScheduleFile {
  return { target: "wasm", device: "a test", schedules };
}

function compiled(file: ScheduleFile) {
  if (model === undefined) throw new Error("no model");
  const tuned = new TunedSchedules(file);
  return {
    tuned,
    kernels: compileFor(model, targets.cpu, prepared, { choose: tuned.choose }).kernels,
  };
}

test("what is written is read", () => {
  for (const file of [fileOf(), fileOf(entry(), entry({ variant: "_row", schedule: {} }))]) {
    const text = writeSchedules(file);
    expect(readSchedules(text)).toEqual({ kind: "schedules", file });
  }
});

test.each([
  ["no JSON", "schedules/format", "{"],
  ["another file", "schedules/format", "{}"],
  [
    "an older space",
    "schedules/stale",
    writeSchedules(fileOf()).replace(/"space": \d+/, '"space": 0'),
  ],
  [
    "a newer version",
    "schedules/stale",
    writeSchedules(fileOf()).replace('"version": 1', '"version": 2'),
  ],
  ["no list", "schedules/format", writeSchedules(fileOf()).replace("[]", "{}")],
  ["the same twice", "schedules/format", writeSchedules(fileOf(entry(), entry()))],
  [
    "no such choice",
    "schedules/format",
    writeSchedules(fileOf(entry())).replace('"panel"', '"pannel"'),
  ],
  ["no count", "schedules/format", writeSchedules(fileOf(entry({ schedule: { rows: 1.5 } })))],
  ["no shape", "schedules/format", writeSchedules(fileOf(entry({ shape: "q" })))],
])("%s is refused as %s", (_, code, text) => {
  const read = readSchedules(text);
  expect(read.kind === "mistake" ? read.code : read.kind).toBe(code);
});

test("a schedule changes the kernel that it names, and no other", () => {
  const [usual, changed] = [compiled(fileOf()), compiled(fileOf(entry()))];
  expect(changed.tuned.used).toBe(1);
  expect(changed.tuned.unused).toEqual([]);
  const differ = usual.kernels.filter(
    (each, index) => JSON.stringify(each) !== JSON.stringify(changed.kernels[index]),
  );
  expect(differ).toHaveLength(1);
});

test("what the model does not have is told", () => {
  const other = entry({ shape: "0123456789abcdef" });
  expect(compiled(fileOf(other)).tuned.unused).toEqual([other]);
});

test("what the space does not have is refused", () => {
  const { tuned } = compiled(fileOf(entry({ schedule: { rows: 3 } })));
  expect(tuned.mistake?.code).toBe("schedules/illegal");
  expect(tuned.mistake?.message).toContain("rows");
});

test("the space has a version", () => {
  expect(writeSchedules(fileOf())).toContain(`"space": ${spaceVersion}`);
});
