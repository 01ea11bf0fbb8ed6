import { expect, test } from "vitest";
import { chooseBackend, type GpuSource } from "../../runtime/choose.ts";

/** A WebGPU with an adapter of this description, as far as choosing looks at it. */
function gpu(description: string, isFallbackAdapter: boolean = false): GpuSource {
  const info = { vendor: "v", architecture: "", device: "", description, isFallbackAdapter };
  return fakeGpu(info);
}

/** One whose subgroups have from `min` to `max` invocations; the language may number them. */
function withSubgroups(min: number, max: number, numbered: boolean = true): GpuSource {
  const info = { vendor: "v", architecture: "", device: "", description: "Fast" };
  const range = { subgroupMinSize: min, subgroupMaxSize: max };
  return fakeGpu({ ...info, ...range }, ["subgroups"], numbered ? ["subgroup_id"] : []);
}

function fakeGpu(
  info: object,
  features: readonly string[] = [],
  language: readonly string[] = [],
  device: object = fakeDevice(true),
): GpuSource {
  const requestDevice = async (): Promise<object> => device;
  const adapter = { info, limits: {}, features: new Set(features), requestDevice };
  const fake: object = {
    requestAdapter: async () => adapter,
    wgslLanguageFeatures: new Set(language),
  };
  return async () => (isGpu(fake) ? fake : undefined);
}

/** A device, as far as trials use it: it numbers invocations, and knows no matrices. */
function fakeDevice(isFull: boolean): object {
  const nothing = (): void => undefined;
  let invocations = 0;
  const pass = { setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing };
  const encoder = { beginComputePass: () => ({ ...pass, end: nothing }) };
  return {
    ...{ features: new Set(), queue: { submit: nothing }, destroy: nothing },
    ...{ pushErrorScope: nothing, popErrorScope: async () => null },
    createShaderModule: ({ code }: { readonly code: string }): object => {
      if (code.includes("matrix")) throw new Error("no such extension\nat line 2");
      invocations = Number(/workgroup_size\((\d+)\)/.exec(code)?.[1]);
      return {};
    },
    createComputePipelineAsync: async () => ({ getBindGroupLayout: nothing }),
    createBuffer: ({ size }: { readonly size: number }): object => ({
      ...{ destroy: nothing, mapAsync: async () => undefined },
      getMappedRange: () => {
        const number = (index: number): number => index % invocations;
        const some = (index: number): number => number(index) + (number(index) > 40 ? 24 : 0);
        return Uint32Array.from({ length: size / 4 }, (_, i) => (isFull ? number(i) : some(i)))
          .buffer;
      },
    }),
    createBindGroup: nothing,
    createCommandEncoder: () => ({ ...encoder, copyBufferToBuffer: nothing, finish: nothing }),
  };
}

function isGpu(value: object): value is GPU {
  return "requestAdapter" in value;
}

const none: GpuSource = async () => undefined;
const broken: GpuSource = async () => {
  throw new Error("libvulkan is missing\nand more");
};

const choices: readonly (readonly [string, GpuSource, string, string])[] = [
  ["cpu", gpu("Fast"), "cpu", "using the CPU, as asked, one thread"],
  ["webgpu", gpu("Fast"), "webgpu", "using WebGPU on Fast without subgroups, as asked"],
  [
    "webgpu",
    gpu("SwiftShader Device"),
    "webgpu",
    "using WebGPU on SwiftShader Device, a software adapter, as asked",
  ],
  ["auto", gpu("Fast"), "webgpu", "using WebGPU on Fast without subgroups, the best device here"],
  [
    "auto",
    gpu("SwiftShader Device"),
    "cpu",
    "the WebGPU adapter SwiftShader Device is software: using the CPU, one thread",
  ],
  [
    "auto",
    gpu("Slow", true),
    "cpu",
    "the WebGPU adapter Slow is software: using the CPU, one thread",
  ],
  ["auto", none, "cpu", "no WebGPU adapter: using the CPU, one thread"],
  [
    "auto",
    broken,
    "cpu",
    "WebGPU does not start (libvulkan is missing): using the CPU, one thread",
  ],
];

for (const [wanted, source, kind, reason] of choices) {
  test(`${wanted}: ${reason}`, async () => {
    const chosen = await chooseBackend(wanted, source, { threads: 1 });
    expect(chosen).toMatchObject({ kind, reason, target: kind === "cpu" ? "cpu" : "gpu" });
  });
}

test.each([
  ["with subgroups of 32", withSubgroups(32, 32), { min: 32, max: 32 }],
  ["with subgroups of 8 to 32", withSubgroups(8, 32), { min: 8, max: 32 }],
  ["without subgroups", withSubgroups(32, 32, false), undefined],
  ["without subgroups", withSubgroups(0, 0), undefined],
])("an adapter %s says so", async (words, source, subgroups) => {
  const chosen = await chooseBackend("webgpu", source);
  expect(chosen.subgroups).toEqual(subgroups);
  expect(chosen.reason).toBe(`using WebGPU on Fast ${words}, as asked`);
});

test("matrices that an adapter lists and does not multiply are not used, and that is said", async () => {
  const info = { vendor: "v", architecture: "", device: "", description: "Fast" };
  const config = { componentType: "f32", resultComponentType: "f32", M: 8, N: 8, K: 8 };
  const range = { subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrixConfigs: [config] };
  const features = ["subgroups", "chromium-experimental-subgroup-matrix"];
  const source = fakeGpu({ ...info, ...range }, features, ["subgroup_id"]);
  const chosen = await chooseBackend("webgpu", source);
  expect(chosen.matrices).toBeUndefined();
  expect(chosen.reason).toBe(
    "using WebGPU on Fast with subgroups of 32, as asked; " +
      "its matrices f32-8x8x8 are not used: no such extension",
  );
});

test("subgroups that are not full are not used, and that is said", async () => {
  const info = { vendor: "v", architecture: "", device: "", description: "Fast" };
  const range = { subgroupMinSize: 32, subgroupMaxSize: 32 };
  const device = fakeDevice(false);
  const source = fakeGpu({ ...info, ...range }, ["subgroups"], ["subgroup_id"], device);
  const chosen = await chooseBackend("webgpu", source);
  expect(chosen.subgroups).toBeUndefined();
  expect(chosen.reason).toBe(
    "using WebGPU on Fast without subgroups, as asked; " +
      "its subgroups are not used: they are not full",
  );
});

test("what was asked for by name and is not there is an error", async () => {
  await expect(chooseBackend("webgpu", none)).rejects.toMatchObject({ code: "webgpu/adapter" });
  await expect(chooseBackend("metal", none)).rejects.toMatchObject({ code: "backend/name" });
});

test("the CPU takes as many threads as it is given, and says so", async () => {
  const chosen = await chooseBackend("cpu", none, { threads: 3 });
  expect(chosen.reason).toBe("using the CPU, as asked, 3 threads");
  const backend = await chosen.open();
  const fused = chosen.multiplyAdd === "fused" ? ", fused multiply-add" : "";
  expect(backend.description).toBe(`the CPU (WebAssembly${fused}, 3 threads)`);
  backend.close();
});

test("the CPU is always there", async () => {
  const backend = await (await chooseBackend("auto", none)).open();
  expect(backend.target).toBe("cpu");
  backend.close();
});
