import { afterAll, expect, test } from "vitest";
import type { Backend, DeviceBuffer } from "../../runtime/backend.ts";
import type { CompiledModel } from "../../runtime/contract.ts";
import { Session } from "../../runtime/session.ts";
import { integers } from "../../runtime/tensor.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import { createWebGpuBackend } from "../../runtime/webgpu/backend.ts";
import { findAdapter, openDevice } from "../../runtime/webgpu/device.ts";
import { Missing, testWith } from "../support/require.ts";
import { testGpu } from "./support/gpu.ts";
import { toyInputs, toyPlan, toyReference, toyWeights } from "./support/toy-plan.ts";
import { toyWgsl } from "./support/toy-wgsl.ts";

const gpu = await testGpu();

/** A test that needs a device. */
function run(name: string, body: () => Promise<void>): void {
  testWith("webgpu-device", gpu ?? new Missing("there is no adapter"), `webgpu: ${name}`, body);
}

const backends: Backend[] = [];
afterAll(() => {
  for (const backend of backends) backend.close();
});

async function backend(): Promise<Backend> {
  const opened = await createWebGpuBackend(gpu);
  backends.push(opened);
  return opened;
}

/** A model of one kernel, which takes buffers `x` (read) and `y` (written) and the scalar `n`. */
function single(text: string): CompiledModel {
  const plan = toyPlan("gpu");
  const kernel = {
    name: "one",
    buffers: [
      { name: "x", element: "f32", access: "read" },
      { name: "y", element: "f32", access: "write" },
    ],
    scalars: ["n"],
    workgroupSize: 1,
  } as const;
  return { plan: { ...plan, kernels: [kernel] }, wgsl: new Map([["one", text]]) };
}

const declarations = `struct Call { groups: i32, n: i32, }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> call: Call;
`;

const addOne = `${declarations}@compute @workgroup_size(1)
fn one(@builtin(workgroup_id) place: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>) {
  let group = i32(place.y * grid.x + place.x);
  if (group >= call.groups) { return; }
  y[group] = x[group] + f32(call.n);
}
`;

function whole(buffer: DeviceBuffer): { buffer: DeviceBuffer; offset: number; bytes: number } {
  return { buffer, offset: 0, bytes: buffer.bytes };
}

run("the toy runs on WebGPU: forward, then step by step, then another question", async () => {
  const session = await Session.open({
    model: { plan: toyPlan("gpu"), wgsl: toyWgsl },
    backend: await backend(),
    weights: memoryWeights(toyWeights),
  });
  const images = [[3, 5] as const, [-2, 4] as const];
  const wanted = toyReference(images, [0, 1, 2, 3, 4, 5], [1, 4, 7]);
  const forward = await session.forward(toyInputs(images, [1, 4, 7]));
  expect([...((await forward.get("logits")?.read())?.data ?? [])]).toEqual(wanted);
  session.reset();
  session.clearTimings();
  const rows: number[] = [];
  for (const [row, token] of [1, 4, 7].entries()) {
    const step = { prompt: integers([token]), "positions.text": integers([6 + row]) };
    const outputs = await session.run("extend", step);
    rows.push(...((await outputs.get("logits")?.readLast(8))?.data ?? []));
  }
  expect(rows).toEqual(wanted);
  expect(session.timings.map(({ phase }) => phase)).toEqual(["extend", "extend", "extend"]);
});

run("more groups than one dimension has are folded", async () => {
  const device = await backend();
  await device.load(single(addOne), new Set(["one"]));
  const count = 200_000;
  const [x, y] = [await device.allocate(count * 4, "x"), await device.allocate(count * 4, "y")];
  const data = Float32Array.from({ length: count }, (_, index) => index);
  await device.upload(x, 0, data);
  await device.run([
    {
      kind: "dispatch",
      label: "many",
      kernel: "one",
      groups: count - 1,
      buffers: [whole(x), whole(y)],
      scalars: [1],
    },
  ]);
  const result = new Float32Array(await device.download(y, 0, count * 4));
  expect(result.slice(0, -1)).toEqual(data.slice(1));
  // The last group was not asked for; new memory is zero.
  expect(result.at(-1)).toBe(0);
});

run("many dispatches in one run see what those before them wrote", async () => {
  const device = await backend();
  await device.load(single(addOne), new Set(["one"]));
  const [x, y] = [await device.allocate(16, "x"), await device.allocate(16, "y")];
  await device.upload(x, 0, Float32Array.of(1, 2, 3, 4));
  const rounds = Array.from({ length: 100 }, (_, index) => {
    const [from, to] = index % 2 === 0 ? [x, y] : [y, x];
    const buffers = [whole(from), whole(to)];
    return {
      kind: "dispatch",
      label: `${index}`,
      kernel: "one",
      groups: 4,
      buffers,
      scalars: [index],
    } as const;
  });
  await device.run(rounds);
  const sum = (99 * 100) / 2;
  expect([...new Float32Array(await device.download(x, 0, 16))]).toEqual(
    [1, 2, 3, 4].map((value) => value + sum),
  );
});

run("a broken kernel is refused with its name and line", async () => {
  const device = await backend();
  await expect(
    device.load(single(addOne.replace("f32(call.n)", "call.n")), new Set(["one"])),
  ).rejects.toMatchObject({
    code: "webgpu/kernel",
    message: expect.stringMatching(/kernel one:\s+line 9/),
  });
});

run("a binding that the kernel does not fit is refused with kernel and label", async () => {
  const device = await backend();
  const larger = addOne.replace("x: array<f32>", "x: array<f32, 64>").replace("x[group]", "x[0]");
  await device.load(single(larger), new Set(["one"]));
  const [x, y] = [await device.allocate(16, "x"), await device.allocate(16, "y")];
  const fine = await device.allocate(256, "z");
  const dispatch = (label: string, from: DeviceBuffer): Parameters<Backend["run"]>[0][number] => ({
    kind: "dispatch",
    label,
    kernel: "one",
    groups: 1,
    buffers: [whole(from), whole(y)],
    scalars: [1],
  });
  await expect(
    device.run([dispatch("layers.good", fine), dispatch("layers.bad", x)]),
  ).rejects.toMatchObject({
    code: "webgpu/validation",
    message: expect.stringContaining("kernel one (layers.bad)"),
  });
  // The device is as good as before.
  await device.run([dispatch("layers.good", fine)]);
});

run("one buffer for reading and writing is our mistake and says so", async () => {
  const device = await backend();
  await device.load(single(addOne), new Set(["one"]));
  const x = await device.allocate(512, "x");
  const low = { buffer: x, offset: 0, bytes: 256 };
  const high = { buffer: x, offset: 256, bytes: 256 };
  const buffers = [low, high];
  const command = {
    kind: "dispatch",
    label: "clash",
    kernel: "one",
    groups: 1,
    buffers,
    scalars: [1],
  } as const;
  await expect(device.run([command])).rejects.toThrow("one (clash) gets x twice");
});

run("too large a buffer is a named error", async () => {
  const device = await backend();
  await expect(device.allocate(2 ** 50, "weight lm_head.weight")).rejects.toMatchObject({
    code: "webgpu/limit",
    message: expect.stringContaining("weight lm_head.weight takes 1048576 GiB"),
  });
});

run("a lost device is named, and another one can be opened", async () => {
  const found = await findAdapter(gpu);
  expect(found?.software).toBeTypeOf("boolean");
  const first = await createWebGpuBackend(gpu);
  const buffer = await first.allocate(16, "x");
  first.close();
  await expect(first.download(buffer, 0, 16)).rejects.toThrow();
  await expect(first.allocate(16, "y")).rejects.toMatchObject({ code: "webgpu/lost" });
  const second = await backend();
  await second.allocate(16, "x");
});

run("an adapter that refuses its own limits is asked for less", async () => {
  const found = await findAdapter(gpu);
  if (found === undefined) throw new Error("no adapter");
  const asked: number[] = [];
  const stubborn = new Proxy(found.adapter, {
    get(adapter, key) {
      if (key !== "requestDevice") return Reflect.get(adapter, key, adapter);
      return async (wanted: GPUDeviceDescriptor) => {
        asked.push(Object.keys(wanted.requiredLimits ?? {}).length);
        if (asked.length < 3) throw new Error(`refusal ${asked.length}`);
        return adapter.requestDevice(wanted);
      };
    },
  });
  const device = await openDevice({ ...found, adapter: stubborn });
  expect(asked).toEqual([6, 6, 0]);
  device.destroy();
});

test("no adapter is a named error", async () => {
  await expect(createWebGpuBackend(undefined)).rejects.toMatchObject({ code: "webgpu/adapter" });
});
