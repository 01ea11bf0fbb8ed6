/**
 * Kernels of warps as text: products and attentions of a decoder layer, in files to read
 * (`test/golden/cuda/`, `vitest run -u` writes them anew), and what `codegen/README.md` counts in them.
 */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { printCuda } from "../../../compiler/codegen/index.ts";
import { readSource, resolveImport } from "../../../compiler/cli/sources.ts";
import { checkModel, compileFor } from "../../../compiler/compile.ts";
import { cudaTarget } from "../../../compiler/kernel/architectures.ts";
import type { Kernel } from "../../../compiler/kernel/kernel.ts";
import { cudaCompiler } from "../../support/nvcc.ts";
import { testWith } from "../../support/require.ts";

const folder = new URL("../../golden/cuda/", import.meta.url);
const text = readFileSync(new URL("decoder.braid", folder), "utf8");
const { value: model } = checkModel({ file: "decoder.braid", text });
if (model === undefined) throw new Error("decoder.braid has mistakes");
const [exact, half, brain] = (["f32", "f16", "bf16"] as const).map(
  (math) => compileFor(model, cudaTarget("sm_90", math)).kernels,
);

function kernel(name: string, kernels: readonly Kernel[] = []): Kernel {
  const found = kernels.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no kernel ${name} of ${kernels.map((k) => k.name)}`);
  return found;
}

const combine = half?.find(({ name }) => name.includes("_combine"));
if (combine === undefined) throw new Error("no kernel combines the shares of keys");

const golden = new Map<string, Kernel>([
  ["product", kernel("x_contract", half)],
  ["product_few_rows", kernel("x_contract_few_rows", half)],
  ["product_few_rows_exact", kernel("x_contract_few_rows", exact)],
  ["product_of_norm", kernel("mlp_hidden_contract", brain)],
  ["attention", kernel("self_attn_seen_attend", half)],
  // Decoding is these two, too.
  ["attention_few_rows", kernel("self_attn_seen_attend_few_rows", half)],
  ["attention_combine", combine],
  ["attention_few_rows_exact", kernel("self_attn_seen_attend_few_rows", exact)],
]);

for (const [file, each] of golden) {
  test(`${file}.cu is as reviewed`, async () => {
    const printed = printCuda(each);
    await expect(printed).toMatchFileSnapshot(`../../golden/cuda/${file}.cu`);
  });
}

test("a text defines the functions that it calls, and no others", () => {
  for (const [file, each] of golden) {
    const printed = printCuda(each);
    const defined = [...printed.matchAll(/^.*__device__ inline .*?(\w+)\(/gm)];
    if (each.tiles === "warp") expect(defined.length).toBeGreaterThan(3);
    for (const [, name] of defined) {
      const uses = printed.match(new RegExp(`\\b${name}[(<]`, "g")) ?? [];
      expect(uses.length, `${file}: ${name}`).toBeGreaterThan(1);
    }
  }
});

testWith(
  "cuda-compile",
  await cudaCompiler(),
  "exact attention over five segments of keys has all it needs in registers",
  async ({ inspect }) => {
    const file = new URL("../../../examples/uni-moe/uni-moe-7b.braid", import.meta.url).pathname;
    const { value } = checkModel(readSource(file), { resolve: resolveImport, model: "UniMoe7b" });
    if (value === undefined) throw new Error("uni-moe-7b.braid has mistakes");
    const printed = compileFor(value, cudaTarget("sm_80", "f32"))
      .kernels.filter(({ name }) => /_attend_few_rows(_\d+)?$/.test(name))
      .map((each) => printCuda(each));
    const walks = (each: string): number => (each.match(/ int loaded(_\d+)? = /g) ?? []).length;
    const five = printed.find((each) => walks(each) === 5) ?? "";
    const { resources } = await inspect(five, ["sm_90"]);
    for (const of of resources.values()) {
      expect([...of.values()].map(({ spillBytes }) => spillBytes)).toEqual([0]);
    }
  },
);

const readme = readFileSync(
  new URL("../../../compiler/codegen/README.md", import.meta.url),
  "utf8",
);

/** The column `here` of the README's table, by what its row starts with. */
function counted(kind: string): number {
  const row = readme.split("\n").find((line) => line.startsWith(`| ${kind}`));
  return Number(row?.split("|")[2]?.trim());
}

testWith("cuda-compile", await cudaCompiler(), "the main loop is counted", async ({ inspect }) => {
  const attention = kernel("self_attn_seen_attend", half);
  const { ptx, resources } = await inspect(printCuda(attention), ["sm_90"]);
  expect(resources.get("sm_90")?.get(attention.name)?.spillBytes).toBe(0);
  // The loop stands there for visual keys and for words.
  const inLoop = (pattern: RegExp): number => (ptx.match(pattern) ?? []).length / 2;
  expect(counted("`mma.sync.m16n8k16`")).toBe(inLoop(/\bmma\.sync\.aligned\.m16n8k16\./g));
  expect(counted("`ldmatrix.x4`")).toBe(inLoop(/\bldmatrix\.sync\.aligned\.m8n8\.x4\./g));
  expect(counted("`ex2`")).toBe(inLoop(/\bex2\.approx\./g));
  expect(counted("`shfl`")).toBe(inLoop(/\bshfl\.sync\./g));
  // What is done only where a tile was not asked for ahead: a barrier, and its keys.
  expect(counted("barriers") + 1).toBe(inLoop(/\bbar\.sync\b/g));
  expect(counted("`cp.async` of 16 bytes") + 8).toBe(inLoop(/\bcp\.async\.cg\./g));
});
