/** What `--target cuda` emits runs: from a cubin that suits the device, or from text. */

import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { printCuda } from "../../../compiler/codegen/index.ts";
import { checkModel, compileFor } from "../../../compiler/compile.ts";
import { cudaTarget } from "../../../compiler/kernel/architectures.ts";
import type { CudaSource } from "../../../runtime/cuda/backend.ts";
import { nodeCuda } from "../../../runtime/node/cuda.ts";
import type { LoadOptions } from "../../../runtime/open-model.ts";
import type { OutputTensor } from "../../../runtime/outputs.ts";
import { floats } from "../../../runtime/tensor.ts";
import { memoryWeights } from "../../../runtime/weight-source.ts";
import { kernelLibrary } from "../../support/cuda-host/compile.ts";
import { hostMachineMissing, plugIn } from "../../support/cuda-host/machine.ts";
import { testWith } from "../../support/require.ts";
import { withModules } from "./support.ts";

const text = `model Small[D = 8] {
  input x: [T, D]
  Out = 4
  weight w: [Out, D]
  output y = x @ w
}
`;

const { value: model } = checkModel({ file: "small.braid", text });
if (model === undefined) throw new Error("the model has mistakes");
const compiled = compileFor(model, cudaTarget("sm_90", "f32"));
const texts = new Map(compiled.kernels.map((kernel) => [kernel.name, printCuda(kernel)]));

/** A file that the host shim's driver takes for a cubin with these kernels. */
const cubin = (): Promise<string> =>
  kernelLibrary([...texts].map(([name, each]) => ({ name, text: each })));

/** What the tests use of the class that is emitted. */
interface Small {
  forward(inputs: { readonly x: ReturnType<typeof floats> }): Promise<{ readonly y: OutputTensor }>;
  close(): void;
}

interface SmallClass {
  load(options: LoadOptions): Promise<Small>;
}

function isSmallClass(value: unknown): value is SmallClass {
  return typeof value === "function" && "load" in value;
}

/** Two rows, weights of which the first row picks the first number, the second the second, …. */
const x = Array.from({ length: 16 }, (_, i) => i);
const w = Float32Array.from({ length: 32 }, (_, i) => (i % 8 === Math.floor(i / 8) ? 1 : 0));

/** Loads the emitted class, with cubins for these architectures; what it computes and asked for. */
async function run(
  cubins: readonly string[],
  options: Partial<LoadOptions> & { readonly cuda: CudaSource },
): Promise<{ readonly y: readonly number[]; readonly asked: readonly string[] }> {
  return withModules({ gpu: compiled.plan, cubins }, async (load) => {
    const { Small } = await load("model.js");
    if (!isSmallClass(Small)) throw new TypeError("model.js exports no class Small");
    const asked: string[] = [];
    const small = await Small.load({
      weights: memoryWeights(new Map([["w", w]])),
      read: async ({ pathname }) => {
        const [, name = "", ending] = /kernels\/(\w+)\.(\w+)$/.exec(pathname) ?? [];
        asked.push(`${name}.${ending}`);
        if (ending === "cubin") return new Uint8Array(await readFile(await cubin()));
        return new TextEncoder().encode(texts.get(name) ?? "");
      },
      ...options,
    });
    try {
      const { y } = await small.forward({ x: floats(x, [2, 8]) });
      return { y: [...(await y.read()).data], asked };
    } finally {
      small.close();
    }
  });
}

const wanted = [0, 1, 2, 3, 8, 9, 10, 11];

testWith(
  "cuda-host",
  hostMachineMissing ?? plugIn,
  "the cubin that suits the device is loaded",
  async (machine) => {
    await machine();
    expect(await run(["sm_80", "sm_90"], { cuda: nodeCuda })).toEqual({
      y: wanted,
      asked: ["sm_90.cubin"],
    });
  },
);

testWith(
  "cuda-host",
  hostMachineMissing ?? plugIn,
  "without one that does, text is compiled",
  async (machine) => {
    await machine();
    const { y, asked } = await run(["sm_80", "sm_89"], { cuda: nodeCuda, backend: "cuda" });
    expect(y).toEqual(wanted);
    expect(asked).toEqual([...texts.keys()].map((name) => `${name}.cu`));
  },
);

testWith(
  "cuda-host",
  hostMachineMissing ?? plugIn,
  "a machine that cannot run it says why",
  async (machine) => {
    await machine({ devices: ["sm_75"] });
    await expect(run([], { cuda: nodeCuda })).rejects.toThrow(
      /^Host Shim \(sm_75\) is too old: kernels need sm_80/,
    );
    await machine({ devices: [] });
    await expect(run([], { cuda: nodeCuda })).rejects.toThrow(/^the CUDA driver finds no device\n/);
  },
);

test("other devices are refused, and a missing driver is named", async () => {
  await expect(run([], { cuda: nodeCuda, backend: "cpu" })).rejects.toThrow(
    'Small was built without kernels for cpu\n  = hint: build it with `--target all`, or load it with `backend: "cuda"`',
  );
  process.env["BRAID_CUDA_DRIVER"] = "/nowhere/libcuda.so.1";
  await expect(run([], { cuda: nodeCuda })).rejects.toThrow(
    /^there is no CUDA driver on this machine/,
  );
});
