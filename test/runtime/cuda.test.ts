/** CUDA from Node to the kernels without a device: `support/cuda-host/machine.ts` has the machine. */

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { printCuda } from "../../compiler/codegen/index.ts";
import { compileFor } from "../../compiler/compile.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { chooseBackend } from "../../runtime/choose.ts";
import type { Command } from "../../runtime/backend.ts";
import {
  type CudaBackend,
  type CudaPlatform,
  findCudaDevice,
  openCudaBackend,
} from "../../runtime/cuda/backend.ts";
import { findCudaDevices } from "../../runtime/cuda/driver.ts";
import { fittingCubin } from "../../runtime/cuda/fit.ts";
import { type CudaFunction, cudaResult } from "../../runtime/cuda/functions.ts";
import { reasonOf } from "../../runtime/errors.ts";
import { Conversation } from "../../runtime/generate.ts";
import { canCompile, compileCuda, compileWithNvcc } from "../../runtime/node/cuda-compiler.ts";
import { findNvrtc } from "../../runtime/node/nvrtc.ts";
import { nodeCuda } from "../../runtime/node/cuda.ts";
import { greedy } from "../../runtime/sample.ts";
import { readCase, readCheckpoint } from "../oracle/checkpoint.ts";
import { environmentOf, tinyModel } from "../oracle/model.ts";
import { onePrompts } from "../oracle/prompts.ts";
import { inputsOf, openPlanned } from "../oracle/run.ts";
import { hostNvcc } from "../support/cuda-host/compile.ts";
import { type HostMachine, hostMachineMissing, plugIn } from "../support/cuda-host/machine.ts";
import { Missing, testWith } from "../support/require.ts";

const none = async (): Promise<undefined> => undefined;

/** CUDA as Node finds it on a machine with such a driver, or why there can be none. */
const hostCuda = hostMachineMissing ?? openHost;

async function openHost(machine?: HostMachine): Promise<CudaPlatform> {
  await plugIn(machine);
  return nodeCuda();
}

const before = { ...process.env };
afterEach(() => {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, before);
});

/** What the driver may say: that a module has no such kernel, too, which is how one is looked for. */
const answers: ReadonlySet<number> = new Set([
  cudaResult.success,
  cudaResult.notReady,
  cudaResult.notFound,
]);

/** Calls of the driver's functions, counted; one that fails throws. */
function counted(cuda: CudaPlatform): {
  readonly cuda: CudaPlatform;
  readonly count: (name: CudaFunction) => number;
} {
  const calls = new Map<CudaFunction, number>();
  const { library } = cuda;
  const call: typeof library.call = (name, ...args) => {
    calls.set(name, (calls.get(name) ?? 0) + 1);
    const result = library.call(name, ...args);
    if (!answers.has(result)) throw new Error(`${name} gives ${result}`);
    return result;
  };
  const own = { ...cuda, library: { ...library, call } };
  return { cuda: own, count: (name) => calls.get(name) ?? 0 };
}

testWith(
  "cuda-host",
  hostCuda,
  "a model answers as its oracle, steps as graphs",
  async (machine) => {
    const [llava, oracle] = [await readCase("llava"), await readCase("ee-mllm")];
    const checkpoint = await readCheckpoint("llava");
    const { one } = onePrompts(llava);
    const model = tinyModel("ValueOutput");
    const { cuda, count } = counted(await machine());
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

testWith("cuda-host", hostCuda, "the device says how long commands took", async (machine) => {
  const cuda = await machine();
  const backend = openCudaBackend(cuda, findCudaDevice(cuda));
  const buffer = await backend.allocate(1024, "numbers");
  const slice = { buffer, offset: 0, bytes: 512 };
  await backend.upload(buffer, 0, new Float32Array(128).fill(3));
  const copy = { kind: "copy", label: "copy", from: slice, to: slice, bytes: 512 } as const;
  expect(await backend.measure([{ ...copy, toOffset: 512 }])).toBeGreaterThanOrEqual(0);
  expect(new Float32Array(await backend.download(buffer, 1020, 4))).toEqual(Float32Array.of(3));
  backend.close();
});

testWith(
  "cuda-host",
  hostCuda,
  "an upload has what it was given, whenever it is copied",
  async (machine) => {
    const cuda = await machine();
    const backend = openCudaBackend(cuda, findCudaDevice(cuda));
    // One that is copied, and one that is waited for.
    for (const count of [32, 65536]) {
      const buffer = await backend.allocate(4 * count, "numbers");
      const numbers = new Float32Array(count).fill(3);
      await backend.upload(buffer, 0, numbers);
      numbers.fill(4);
      const found = new Float32Array(await backend.download(buffer, 0, 4 * count));
      expect(found.every((each) => each === 3)).toBe(true);
    }
    backend.close();
  },
);

testWith("cuda-host", hostCuda, "what a machine lacks is one line", async (machine) => {
  const open = async (kind: HostMachine): Promise<unknown> =>
    chooseBackend("cuda", none, { threads: 1 }, () => machine(kind)).catch(
      (error) => error.message,
    );
  expect(await open({ devices: [] })).toMatch(
    /^the CUDA driver finds no device\n {2}= hint: see what/,
  );
  expect(await open({ devices: ["sm_75"] })).toMatch(
    /^Host Shim \(sm_75\) is too old: kernels need sm_80/,
  );
  expect(await open({ init: 999 })).toMatch(/^the CUDA driver does not start: unknown error/);
  const chosen = await chooseBackend("auto", none, { threads: 1 }, () => machine());
  expect(chosen.reason).toBe("using CUDA on Host Shim (sm_90), the best device here");
  const fallen = await chooseBackend("auto", none, { threads: 1 }, () => machine({ devices: [] }));
  expect(fallen.reason).toBe(
    "the CUDA driver finds no device; no WebGPU adapter: using the CPU, one thread",
  );
  const full = await chooseBackend("cuda", none, { threads: 1 }, () => machine({ memory: 1 }));
  const backend = await full.open();
  await expect(backend.allocate(2 ** 21, "weights")).rejects.toThrow(
    /^Host Shim has no 2 MiB left for weights\n/,
  );
  backend.close();
});

const { plan } = compileFor(tinyModel("Llava"), targets.cuda);

/** A backend with one kernel, which writes floats, and a call of it in one group of 32. */
async function withKernel(
  cuda: CudaPlatform,
  text: string,
  sharedBytes = 0,
): Promise<{ readonly backend: CudaBackend; readonly call: (bytes: number) => Promise<Command> }> {
  const backend = openCudaBackend(cuda, findCudaDevice(cuda));
  const [, name = ""] = /(\w+)\(/.exec(text.slice(text.indexOf("__global__ void"))) ?? [];
  const buffers = [{ name: "y", element: "f32", access: "write" }] as const;
  const kernel = { name, buffers, scalars: [], workgroupSize: 32, sharedBytes };
  const model = { plan: { ...plan, kernels: [kernel] }, cuda: new Map([[name, text]]) };
  await backend.load(model, new Set([name])).catch((error) => {
    backend.close();
    throw error;
  });
  const call = async (bytes: number): Promise<Command> => {
    const buffer = await backend.allocate(bytes, "y");
    const slices = [{ buffer, offset: 0, bytes }];
    return { kind: "dispatch", label: "y", kernel: name, groups: 1, scalars: [], buffers: slices };
  };
  return { backend, call };
}

const numbers = 'extern "C" __global__ void numbers(float* y) { y[threadIdx.x] = threadIdx.x; }';

testWith(
  "cuda-host",
  hostCuda,
  "a kernel that fails says where, once and for all",
  async (machine) => {
    const { backend, call } = await withKernel(await machine(), numbers);
    await backend.run([await call(64)]);
    const report =
      /^the GPU failed: kernel numbers, block 0, thread 16: writes 4 bytes of global `argument 0` at byte 64 of 64, out of range \(719, from cuStreamQuery\)\n/;
    await expect(backend.finish()).rejects.toThrow(report);
    await expect(backend.allocate(4, "more")).rejects.toMatchObject({ code: "cuda/failed" });
    backend.close();
    // Opened again, the device is as new.
    const again = await withKernel(await machine(), numbers);
    const sound = await again.call(128);
    await again.backend.run([sound]);
    await again.backend.finish();
    again.backend.close();
  },
);

testWith(
  "cuda-host",
  hostCuda,
  "a device that is lost is said, and closing it is safe",
  async (machine) => {
    const { backend, call } = await withKernel(await machine({ lost: 2 }), numbers);
    const commands = [await call(128), await call(128)];
    await backend.run(commands.slice(0, 1));
    await backend.finish();
    await backend.run(commands);
    await expect(backend.finish()).rejects.toMatchObject({
      code: "cuda/failed",
      message: expect.stringMatching(
        /^the GPU failed: unknown error \(999, from cuStreamQuery\)\n {2}= hint: open the model again/,
      ),
    });
    backend.close();
  },
);

testWith("cuda-host", hostCuda, "the first device that is new enough is used", async (machine) => {
  const cuda = await machine({ devices: ["sm_75", "sm_86", "sm_90"] });
  const devices = findCudaDevices(cuda.library);
  expect(devices.map(({ architecture }) => architecture)).toEqual(["sm_75", "sm_86", "sm_90"]);
  const last = openCudaBackend(cuda, devices.slice(-1)[0] ?? findCudaDevice(cuda));
  const { backend, call } = await withKernel(cuda, numbers);
  expect(backend.description).toBe("CUDA (Host Shim, sm_86)");
  // Each keeps to its own context, whichever was used last.
  const elsewhere = await last.allocate(128, "elsewhere");
  const command = await call(128);
  await last.upload(elsewhere, 0, new Float32Array(32).fill(1));
  await backend.run([command]);
  await last.finish();
  await backend.finish();
  expect(new Float32Array(await last.download(elsewhere, 0, 128))).toEqual(
    new Float32Array(32).fill(1),
  );
  backend.close();
  last.free(elsewhere);
  last.close();
});

testWith("cuda-host", hostCuda, "a device with less shared memory is named", async (machine) => {
  const cuda = await machine({ devices: ["sm_86"] });
  await expect(withKernel(cuda, numbers, 2 ** 20)).rejects.toThrow(
    /^the kernel numbers needs 1 MiB of shared memory, but Host Shim gives a block 99 KiB\n.*--architecture sm_86`$/,
  );
});

testWith("cuda-host", hostCuda, "cubins that do not suit are refused by name", async (machine) => {
  const cuda = await machine();
  const load = async (cubin: Uint8Array): Promise<unknown> => {
    const backend = openCudaBackend(cuda, findCudaDevice(cuda));
    try {
      await backend.load({ plan, cubin }, new Set([plan.kernels[0]?.name ?? ""]));
      return undefined;
    } catch (error) {
      return reasonOf(error).split("\n")[0];
    } finally {
      backend.close();
    }
  };
  const compiled = async (architecture: string): Promise<Uint8Array> => {
    const [image] = await cuda.compile(new Map([["", numbers]]), architecture, () => undefined);
    return image ?? new Uint8Array();
  };
  expect(await load(await compiled("sm_100"))).toBe(
    "the kernels were built for another device than Host Shim (sm_90)",
  );
  expect(await load(new Uint8Array(64))).toBe(
    "the CUDA driver does not understand the compiled kernels",
  );
  expect(await load(await compiled("sm_90"))).toMatch(
    /^the compiled kernels of Llava have no \w+: they are another build's$/,
  );
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

testWith("cuda-host", hostCuda, "a library that is no driver is named", async (machine) => {
  await machine();
  process.env["BRAID_CUDA_DRIVER"] = process.env["BRAID_NVRTC"];
  await expect(chooseBackend("cuda", none, { threads: 1 }, nodeCuda)).rejects.toMatchObject({
    code: "cuda/driver",
    message: expect.stringMatching(/^the CUDA driver has no function cuInit/),
  });
});

test("a machine without the driver says so", async () => {
  process.env["BRAID_CUDA_DRIVER"] = "/nowhere/libcuda.so.1";
  await expect(chooseBackend("cuda", none, { threads: 1 }, nodeCuda)).rejects.toMatchObject({
    code: "cuda/driver",
    message: expect.stringMatching(/^there is no CUDA driver on this machine/),
  });
  await expect(chooseBackend("cuda", none)).rejects.toMatchObject({ code: "cuda/driver" });
});

testWith("cuda-host", hostCuda, "what compilers refuse comes with what to do", async (machine) => {
  await machine();
  const nvrtc = await findNvrtc();
  expect(nvrtc?.version).toBe("13.0");
  const wrong = "void wrong() { nothing; }";
  for (const compile of [
    (text: string, architecture: string) => nvrtc?.compile(text, architecture),
    (text: string, architecture: string) => compileWithNvcc(hostNvcc, text, architecture),
  ]) {
    await expect(compile(wrong, "sm_90")).rejects.toThrow(
      /^(NVRTC|nvcc) refuses the kernels: [\s\S]*kernels\.cu:1:\d+: error: .*nothing.*[\s\S]*report this/,
    );
    await expect(compile(numbers, "sm_999")).rejects.toThrow(
      /^(NVRTC|nvcc) refuses the kernels: [\s\S]*architecture[\s\S]*\n {2}= hint: install a newer CUDA toolkit, which knows sm_999$/,
    );
    await expect(compile(numbers, "sm_80")).resolves.toBeInstanceOf(Uint8Array);
  }
});

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
