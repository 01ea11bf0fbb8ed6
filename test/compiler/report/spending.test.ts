/** What every example spends: `test/golden/spending/*.txt` has its counts and ratios. */

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { spendingReader } from "../../../compiler/cli/report.ts";
import { checkModel, compileFor, prepare } from "../../../compiler/compile.ts";
import { targets } from "../../../compiler/kernel/target.ts";
import { readLengths } from "../../../compiler/report/lengths.ts";
import { rooflineSvg } from "../../../compiler/report/roofline-svg.ts";
import { budgetOf, type Spending, spendingOf } from "../../../compiler/report/spending.ts";
import { excusesOf, ratio, spendingText } from "../../../compiler/report/spending-text.ts";

const examples = new URL("../../../examples/", import.meta.url);
const machine = { flops: 60e9, bytes: 20e9 };

function checked(name: string) {
  const read = (file: string) => {
    const folder = new URL(`${name.split("/")[0]}/`, examples);
    const path = new URL(`${file}.braid`, folder);
    return { file: `${file}.braid`, text: readFileSync(path, "utf8") };
  };
  const source = { file: name, text: readFileSync(new URL(name, examples), "utf8") };
  return checkModel(source, { resolve: read }).value;
}

const families = ["cpu", "gpu", "cuda"] as const;

function spend(name: string, family: (typeof families)[number]): Spending | undefined {
  const model = checked(name);
  if (model === undefined) return undefined;
  const read = readLengths(model.graph, "", model.graph.generation === undefined ? 0 : 1);
  if (read.kind === "mistake") throw new Error(read.message);
  const prepared = prepare(model);
  const { plan } = compileFor(model, targets[family], prepared);
  const software = family === "gpu" ? compileFor(model, targets.software, prepared).plan : plan;
  for (const kernel of [...plan.kernels, ...software.kernels])
    expect(kernel.buffers.length, kernel.name).toBeLessThanOrEqual(targets[family].bindings);
  return spendingOf({ model, prepared, plan, reader: spendingReader }, read.lengths);
}

function line({ phase, runs, dispatches, layer, ...costs }: Spending["phases"][number]) {
  const { flops, traffic, memory } = costs;
  const figures = [
    `${dispatches} calls`,
    ...(layer === undefined ? [] : [`at most ${layer.calls} a layer`]),
    `FLOPs ${ratio(flops.executed, flops.needed)}`,
    `bytes ${ratio(traffic.moved, traffic.least)}`,
    `arena ${ratio(memory.arena, memory.live)}`,
  ];
  return `  ${phase}, ${runs}: ${figures.join(", ")}`;
}

const folders = readdirSync(examples, { withFileTypes: true }).filter((each) => each.isDirectory());

test.each(folders.map(({ name }) => name))("what %s spends", async (folder) => {
  const files = readdirSync(new URL(`${folder}/`, examples)).filter((each) =>
    each.endsWith(".braid"),
  );
  const lines = files.flatMap((file) =>
    families.flatMap((family) => {
      const spending = spend(`${folder}/${file}`, family);
      if (spending === undefined) return [];
      for (const each of spending.phases) {
        expect(each.memory.arena).toBeLessThanOrEqual(1.1 * each.memory.live);
        const name = `${file} on ${family}: ${each.phase}, ${each.runs}`;
        const { layer, flops, traffic } = budgetOf(each);
        expect([layer.within, flops.within, traffic.within], name).toEqual([true, true, true]);
      }
      const lines = spending.phases.flatMap((each) => [
        line(each),
        ...excusesOf(each).map((why) => `    ${why}`),
      ]);
      return [`${file} on ${family}`, ...lines];
    }),
  );
  if (lines.length === 0) return;
  const golden = new URL(`../../golden/spending/${folder}.txt`, import.meta.url);
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(golden.pathname);
});

test("at full size little is computed or moved in vain", () => {
  for (const family of ["cpu", "gpu"] as const) {
    for (const { flops, traffic } of spend("ee-mllm/ee-mllm-7b.braid", family)?.phases ?? []) {
      expect(flops.executed).toBeLessThanOrEqual(1.05 * flops.needed);
      expect(traffic.moved).toBeLessThanOrEqual(1.15 * traffic.least);
    }
  }
});

test("a decoder layer of a step takes five kernel calls, of a prompt no more", () => {
  const spending = spend("ee-mllm/ee-mllm.braid", "gpu");
  const extend = spending?.phases.filter(({ phase }) => phase === "extend") ?? [];
  // Four layers, and what comes before and after them.
  expect(extend.map(({ dispatches }) => Math.ceil((dispatches - 12) / 4) <= 6)).toEqual([
    true,
    true,
  ]);
});

test("the roofline has a mark for each phase that computes, and says below which it is", () => {
  const spending = spend("ee-mllm/ee-mllm.braid", "cpu");
  if (spending === undefined) throw new Error("the example has mistakes");
  const svg = rooflineSvg("EE-MLLM", spending.phases, machine);
  expect(svg.match(/<circle /g)?.length).toBe(2 * 3);
  expect(svg.match(/at least [\d.]+ [mµ]?s</g)?.length).toBe(3);
  expect(spendingText(spending, machine)).toContain("memory bound");
});
