import { expect, test } from "vitest";
import { loadKernels } from "../../runtime/kernel-files.ts";
import { toyPlan } from "./support/toy-plan.ts";

const base = new URL("https://models.example/toy/model.js");

test("a GPU's kernels are one file each, beside the model", async () => {
  const asked: string[] = [];
  const { wgsl, wasm } = await loadKernels(toyPlan("gpu"), base, async (address) => {
    asked.push(address.href);
    return new TextEncoder().encode(`// ${address.pathname}`);
  });
  expect(asked).toContain("https://models.example/toy/kernels/scale.wgsl");
  expect([...(wgsl?.keys() ?? [])]).toEqual(toyPlan("gpu").kernels.map(({ name }) => name));
  expect(wgsl?.get("scale")).toBe("// /toy/kernels/scale.wgsl");
  expect(wasm).toBeUndefined();
});

test("the CPU's kernels are one module", async () => {
  const bytes = new Uint8Array([0, 97, 115, 109]);
  const { wgsl, wasm } = await loadKernels(toyPlan("cpu"), base, async (address) => {
    expect(address.href).toBe("https://models.example/toy/kernels.wasm");
    return bytes;
  });
  expect(wasm).toBe(bytes);
  expect(wgsl).toBeUndefined();
});

test("in Node, files are read by what `braid/runtime/node` brings, and the error says so", async () => {
  const loading = loadKernels(toyPlan("cpu"), new URL("file:///nowhere/model.js"));
  await expect(loading).rejects.toMatchObject({ code: "kernels/file" });
  await expect(loading).rejects.toThrow(/onDisk/);
});
