/** CUDA from Node to the kernels without a device: `support/fake-cuda.ts` has the machine. */

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { printCuda } from "../../compiler/codegen/index.ts";
import { compileFor } from "../../compiler/compile.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { chooseBackend } from "../../runtime/choose.ts";
import { type CudaPlatform, findCudaDevice, openCudaBackend } from "../../runtime/cuda/backend.ts";
import { fittingCubin } from "../../runtime/cuda/fit.ts";
import type { CudaFunction } from "../../runtime/cuda/functions.ts";
import { Conversation } from "../../runtime/generate.ts";
import { canCompile, compileCuda } from "../../runtime/node/cuda-compiler.ts";
import { findNvrtc } from "../../runtime/node/nvrtc.ts";
import { nodeCuda } from "../../runtime/node/cuda.ts";
import { greedy } from "../../runtime/sample.ts";
import { readCase, readCheckpoint } from "../oracle/checkpoint.ts";
import { environmentOf, tinyModel } from "../oracle/model.ts";
import { onePrompts } from "../oracle/prompts.ts";
import { inputsOf, openPlanned } from "../oracle/run.ts";
import { hostCompilerMissing, hostNvrtc } from "../support/cuda-host/compile.ts";
import { fakeCuda, type FakeMachine, noKoffi } from "../support/fake-cuda.ts";
import { Missing, testWith } from "../support/require.ts";

const none = async (): Promise<undefined> => undefined;
const fakeNvrtc = (await hostCompilerMissing()) ?? hostNvrtc;

/** Calls of the driver's functions, counted. */
function counted(cuda: CudaPlatform): {
  readonly cuda: CudaPlatform;
  readonly count: (name: CudaFunction) => number;
} {
  const calls = new Map<CudaFunction, number>();
  const { library } = cuda;
  const call: typeof library.call = (name, ...args) => {
    calls.set(name, (calls.get(name) ?? 0) + 1);
    return library.call(name, ...args);
  };
  const own = { ...cuda, library: { ...library, call } };
  return { cuda: own, count: (name) => calls.get(name) ?? 0 };
}

testWith(
  "cuda-host",
  fakeCuda,
  "a model answers as its oracle, steps as graphs",
  async (machine) => {
    const [llava, oracle] = [await readCase("llava"), await readCase("ee-mllm")];
    const checkpoint = await readCheckpoint("llava");
    const { one } = onePrompts(llava);
    const model = tinyModel("ValueOutput");
    const { cuda, count } = counted(await machine("device"));
    const tested = {
      name: "cuda",
      target: targets.cuda,
      errors: {},
      takes: () => true,
      missing: undefined,
      open: async () => openCudaBackend(cuda, findCudaDevice(cuda)),
      code: (kernels) => ({ cuda: new Map(kernels.map((each) => [each.name, printCuda(each)])) }),
    } satisfies Parameters<typeof openPlanned>[0];
    const compiled = compileFor(model, targets.cuda);
    const session = await openPlanned(tested, model.graph, compiled, checkpoint);
    try {
      const wanted = Array.from(oracle("output.vo.generated").data);
      const environment = environmentOf(model.graph, checkpoint, one, llava("input.pixels"));
      const inputs = { ...inputsOf(session, environment) };
      for (const grown of ["prompt", "position.text"]) delete inputs[grown];
      const tokens: number[] = [];
      for await (const event of new Conversation(session).answer({
        inputs,
        tokens: one.tokens,
        positions: one.textAt,
        choose: (logits) => greedy(logits),
        endTokens: new Set(),
        maxTokens: wanted.length,
      })) {
        if (event.kind === "token") tokens.push(event.id);
      }
      expect(tokens).toEqual(wanted);
      // The first decode step is launched kernel by kernel, the second makes the graph.
      expect(count("cuGraphInstantiateWithFlags")).toBeGreaterThan(0);
      expect(count("cuGraphLaunch")).toBeGreaterThanOrEqual(wanted.length - 3);
      const updates = count("cuGraphExecKernelNodeSetParams");
      expect(updates).toBeLessThan(count("cuGraphAddKernelNode") * count("cuGraphLaunch"));
    } finally {
      session.close();
    }
    expect(count("cuMemAlloc_v2")).toBe(count("cuMemFree_v2"));
    expect(count("cuModuleLoadData")).toBe(count("cuModuleUnload"));
  },
);

testWith("cuda-host", fakeCuda, "the device says how long commands took", async (machine) => {
  const cuda = await machine("device");
  const backend = openCudaBackend(cuda, findCudaDevice(cuda));
  const buffer = await backend.allocate(1024, "numbers");
  const slice = { buffer, offset: 0, bytes: 512 };
  await backend.upload(buffer, 0, new Float32Array(128).fill(3));
  const copy = { kind: "copy", label: "copy", from: slice, to: slice, bytes: 512 } as const;
  expect(await backend.measure([{ ...copy, toOffset: 512 }])).toBeGreaterThanOrEqual(0);
  expect(new Float32Array(await backend.download(buffer, 1020, 4))).toEqual(Float32Array.of(3));
  backend.close();
});

testWith("cuda-host", fakeCuda, "what a machine lacks is one line", async (machine) => {
  const open = async (kind: FakeMachine): Promise<unknown> =>
    chooseBackend("cuda", none, { threads: 1 }, () => machine(kind)).catch(
      (error) => error.message,
    );
  expect(await open("no-device")).toMatch(/^the CUDA driver finds no device\n {2}= hint: see what/);
  expect(await open("too-old")).toMatch(/^Host Shim \(sm_75\) is too old: kernels need sm_80/);
  expect(await open("broken")).toMatch(
    /^the CUDA driver does not start: an error of the fake driver/,
  );
  const chosen = await chooseBackend("auto", none, { threads: 1 }, () => machine("device"));
  expect(chosen.reason).toBe("using CUDA on Host Shim (sm_90), the best device here");
  const fallen = await chooseBackend("auto", none, { threads: 1 }, () => machine("no-device"));
  expect(fallen.reason).toBe(
    "the CUDA driver finds no device; no WebGPU adapter: using the CPU, one thread",
  );
  const backend = await (
    await chooseBackend("cuda", none, { threads: 1 }, () => machine("full"))
  ).open();
  await expect(backend.allocate(2 ** 21, "weights")).rejects.toThrow(
    /^Host Shim has no 2 MiB left for weights\n/,
  );
  backend.close();
});

testWith("cuda-host", fakeCuda, "a kernel that fails says where", async (machine) => {
  const cuda = await machine("device");
  const backend = openCudaBackend(cuda, findCudaDevice(cuda));
  const text = 'extern "C" __global__ void beyond(float* y) { y[threadIdx.x] = 0; }';
  const kernel = {
    name: "beyond",
    buffers: [{ name: "y", element: "f32", access: "write" }],
    scalars: [],
    workgroupSize: 32,
  } as const;
  const { plan } = compileFor(tinyModel("Llava"), targets.cuda);
  const model = { plan: { ...plan, kernels: [kernel] }, cuda: new Map([["beyond", text]]) };
  await backend.load(model, new Set(["beyond"]));
  const buffer = await backend.allocate(64, "y");
  const slice = { buffer, offset: 0, bytes: 64 };
  const call = { kind: "dispatch", label: "y", kernel: "beyond", groups: 1, scalars: [] } as const;
  await expect(backend.run([{ ...call, buffers: [slice] }])).rejects.toThrow(
    /^the GPU failed: kernel beyond, block 0, thread 16: writes 4 bytes of global `memory` at byte 64 of 64, out of range/,
  );
  backend.close();
});

testWith("cuda-host", fakeCuda, "a device with less shared memory is named", async (machine) => {
  const cuda = await machine("device");
  const backend = openCudaBackend(cuda, findCudaDevice(cuda));
  const kernel = {
    name: "large",
    buffers: [],
    scalars: [],
    workgroupSize: 32,
    sharedBytes: 2 ** 20,
  };
  const { plan } = compileFor(tinyModel("Llava"), targets.cuda);
  const model = { plan: { ...plan, kernels: [kernel] }, cuda: new Map([["large", ""]]) };
  await expect(backend.load(model, new Set(["large"]))).rejects.toThrow(
    /^the kernel large needs 1 MiB of shared memory, but Host Shim gives a block 227 KiB\n.*--architecture sm_90`$/,
  );
  backend.close();
});

test("a device runs cubins of its generation that are no newer than it", () => {
  const cubins = ["sm_80", "sm_86", "sm_89", "sm_90", "sm_100"];
  const taken = ["sm_80", "sm_87", "sm_89", "sm_90", "sm_103", "sm_120"];
  expect(taken.map((each) => fittingCubin(cubins, each))).toEqual([
    "sm_80",
    "sm_86",
    "sm_89",
    "sm_90",
    "sm_100",
    undefined,
  ]);
});

testWith(
  "cuda-host",
  noKoffi ?? fakeNvrtc,
  "a library that is no driver is named",
  async (other) => {
    process.env["BRAID_CUDA_DRIVER"] = await other();
    await expect(chooseBackend("cuda", none, { threads: 1 }, nodeCuda)).rejects.toMatchObject({
      code: "cuda/driver",
      message: expect.stringMatching(/^the CUDA driver has no function cuInit/),
    });
  },
);

test("a machine without the driver says so", async () => {
  process.env["BRAID_CUDA_DRIVER"] = "/nowhere/libcuda.so.1";
  await expect(chooseBackend("cuda", none, { threads: 1 }, nodeCuda)).rejects.toMatchObject({
    code: "cuda/driver",
    message: expect.stringMatching(/^there is no CUDA driver on this machine/),
  });
  await expect(chooseBackend("cuda", none)).rejects.toMatchObject({ code: "cuda/driver" });
});

testWith(
  "cuda-host",
  noKoffi ?? fakeNvrtc,
  "NVRTC is called as its header says",
  async (library) => {
    process.env["BRAID_NVRTC"] = await library();
    try {
      const nvrtc = await findNvrtc();
      expect(nvrtc?.version).toBe("13.1");
      const cubin = new TextDecoder().decode(await nvrtc?.compile("the text", "sm_90"));
      expect(cubin).toMatch(
        /^--gpu-architecture=sm_90\n--std=c\+\+17\n(--include-path=.+\n)?the text$/,
      );
      await expect(nvrtc?.compile("#error", "sm_90")).rejects.toThrow(
        "NVRTC refuses the kernels (6): kernels.cu(1): error: #error",
      );
    } finally {
      delete process.env["BRAID_NVRTC"];
    }
  },
);

const compiler = (await canCompile()) ? compileCuda : new Missing("no NVRTC and no nvcc");

testWith("cuda-compile", compiler, "text becomes cubins of the device", async (compile) => {
  process.env["XDG_CACHE_HOME"] = await mkdtemp(join(tmpdir(), "braid-cache-"));
  const text = 'extern "C" __global__ void nothing(float* y) { y[threadIdx.x] = 0; }\n';
  const heard: number[] = [];
  const images = await compile(new Map([["nothing", text]]), "sm_90", (done) => heard.push(done));
  // An ELF file for CUDA, machine 190.
  expect([...(images[0]?.subarray(0, 4) ?? [])]).toEqual([0x7f, 0x45, 0x4c, 0x46]);
  expect(images[0]?.[18]).toBe(190);
  expect(heard).toEqual([0, 1]);
  const wrong = compile(
    new Map([["wrong", "void wrong() { nothing; }"]]),
    "sm_90",
    () => undefined,
  );
  await expect(wrong).rejects.toMatchObject({ code: "cuda/compile" });
});
