import { expect, test } from "vitest";
import {
  type MatrixElement,
  type MatrixShape,
  matrixShapes,
  type SubgroupRange,
} from "../../runtime/contract.ts";
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
  for (const { name } of toyPlan("gpu").kernels) {
    expect(wgsl?.get(name)).toBe(`// /toy/kernels/${name}.wgsl`);
  }
  expect(wasm).toBeUndefined();
});

test("a device gets the texts that use its subgroups", async () => {
  const plan = toyPlan("gpu");
  const kernels = plan.kernels.map((each) => ({ ...each, subgroups: { min: 8, max: 64 } }));
  const filesFor = async (subgroups: SubgroupRange): Promise<string | undefined> => {
    const read = async ({ pathname }: URL): Promise<Uint8Array> =>
      new TextEncoder().encode(pathname);
    const { wgsl } = await loadKernels({ ...plan, kernels }, base, read, { subgroups });
    return wgsl?.get("scale");
  };
  const plain = "/toy/kernels/scale.wgsl";
  const special = "/toy/kernels/scale.subgroups.wgsl";
  expect(await filesFor({ min: 8, max: 64 })).toBe(special);
  expect(await filesFor({ min: 32, max: 32 })).toBe(special);
  expect(await filesFor({ min: 4, max: 32 })).toBe(plain);
  expect(await filesFor({ min: 64, max: 128 })).toBe(plain);
});

test("a device gets the texts with the best of its matrices that a kernel has a form for", async () => {
  const plan = toyPlan("gpu");
  const filesFor = async (
    elements: readonly MatrixElement[],
    matrices: readonly MatrixShape[],
  ): Promise<string | undefined> => {
    const kernels = plan.kernels.map((each) => ({ ...each, matrices: elements }));
    const read = async ({ pathname }: URL): Promise<Uint8Array> =>
      new TextEncoder().encode(pathname);
    const { wgsl } = await loadKernels({ ...plan, kernels }, base, read, { matrices });
    return wgsl?.get("scale");
  };
  const [wide, , narrow] = matrixShapes;
  if (wide === undefined || narrow === undefined) throw new RangeError("shapes");
  const file = (variant: string): string => `/toy/kernels/scale.${variant}wgsl`;
  expect(await filesFor(["f16", "f32"], [wide, narrow])).toBe(file("matrices-f16-16x16x16."));
  expect(await filesFor(["f32"], [wide, narrow])).toBe(file("matrices-f32-8x8x8."));
  expect(await filesFor(["f32"], [wide])).toBe(file(""));
  expect(await filesFor(["f32"], [])).toBe(file(""));
});

test.each([
  ["kernels.wasm", {}],
  ["kernels.wasm", { multiplyAdd: "separate" }],
  ["kernels.fused.wasm", { multiplyAdd: "fused" }],
] as const)("the CPU's kernels are one module: %s for %o", async (file, device) => {
  const bytes = new Uint8Array([0, 97, 115, 109]);
  const read = async (address: URL): Promise<Uint8Array> => {
    expect(address.href).toBe(`https://models.example/toy/${file}`);
    return bytes;
  };
  const { wgsl, wasm } = await loadKernels(toyPlan("cpu"), base, read, device);
  expect(wasm).toBe(bytes);
  expect(wgsl).toBeUndefined();
});

test("in Node, files are read by what `braid/runtime/node` brings, and the error says so", async () => {
  const loading = loadKernels(toyPlan("cpu"), new URL("file:///nowhere/model.js"));
  await expect(loading).rejects.toMatchObject({ code: "kernels/file" });
  await expect(loading).rejects.toThrow(/onDisk/);
});
