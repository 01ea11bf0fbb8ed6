/** What the host shim makes of CUDA's functions, and the small mistakes that it reports. */

import { expect } from "vitest";
import { floatToHalf, halfToFloat } from "../../../runtime/weights/half.ts";
import { hostCompilerMissing } from "../../support/cuda-host/compile.ts";
import { testWith } from "../../support/require.ts";
import { runCuda } from "./run.ts";

const host = (await hostCompilerMissing()) ?? runCuda;

/** A kernel `k` of one block that reads `x` and writes `y`. */
function kernel(body: string): string {
  const parameters = "const float* __restrict__ x, float* __restrict__ y, int n";
  return `extern "C" __global__ void __launch_bounds__(64) k(${parameters}) {
  const int t = threadIdx.x;
  ${body}
}
`;
}

async function result(
  run: typeof runCuda,
  body: string,
  x: readonly number[],
  length: number,
  threads = 64,
): Promise<readonly number[]> {
  const buffers = { x: Float32Array.from(x), y: length };
  const { written } = await run(kernel(body), { kernel: "k", threads, buffers, scalars: [length] });
  return Array.from(written["y"] ?? []);
}

const lanes = Array.from({ length: 64 }, (_, i) => i);

const values: readonly (readonly [string, string, (t: number) => number])[] = [
  ["__shfl_xor_sync", "__shfl_xor_sync(~0u, x[t], 5)", (t) => t ^ 5],
  ["__shfl_down_sync", "__shfl_down_sync(~0u, x[t], 3)", (t) => (t % 32 > 28 ? t : t + 3)],
  ["__shfl_up_sync", "__shfl_up_sync(~0u, x[t], 2, 8)", (t) => (t % 8 < 2 ? t : t - 2)],
  ["__shfl_sync", "__shfl_sync(~0u, x[t], 9, 4)", (t) => t - (t % 4) + 1],
  ["__ballot_sync", "__popc(__ballot_sync(~0u, x[t] < 40.0f))", (t) => (t < 32 ? 32 : 8)],
  [
    "__any_sync, __all_sync",
    "__any_sync(~0u, t == 3) * 2 + __all_sync(~0u, t > 31)",
    (t) => (t < 32 ? 2 : 1),
  ],
  ["__syncthreads_count", "__syncthreads_count(t % 3 == 0)", () => 22],
  ["__syncthreads_or, _and", "__syncthreads_or(t == 63) * 2 + __syncthreads_and(t < 63)", () => 2],
  ["to_tf32, ties away", "__uint_as_float(to_tf32(1.0f + 0x1p-11f))", () => 1 + 2 ** -10],
  [
    "pack_f16, pack_bf16",
    "float(pack_f16(1, 2) == 0x40003c00u && pack_bf16(1, 2) == 0x40003f80u)",
    () => 1,
  ],
  [
    "__half, rounded once",
    "float(__hfma(__half(1.0f + 0x1p-10f), __half(1.0f + 0x1p-10f), __half(0x1p-14f)))",
    () => halfToFloat(floatToHalf(1 + 2 ** -9 + 2 ** -20 + 2 ** -14)),
  ],
  ["__nv_bfloat16", "float(__nv_bfloat16(1.0f + 0x1p-8f) + __nv_bfloat16(1.0f))", () => 2],
];

for (const [name, expression, wanted] of values) {
  testWith("cuda-host", host, `cuda-host: ${name}`, async (run) => {
    expect(await result(run, `y[t] = ${expression};`, lanes, 64)).toEqual(lanes.map(wanted));
  });
}

testWith("cuda-host", host, "cuda-host: halves round as the runtime's do", async (run) => {
  // Every half, a little beside it, and half way to the next one.
  const x = Array.from({ length: 0x7c00 }, (_, i) => [
    halfToFloat(i),
    halfToFloat(i) * (1 + 2 ** -20),
    (halfToFloat(i) + halfToFloat(i + 1)) / 2,
    -(halfToFloat(i) + halfToFloat(i + 1)) / 2,
  ]).flat();
  const finite = x.map((each) => (Number.isFinite(each) ? each : 65520));
  const body = "for (int i = t; i < n; i += 64) y[i] = __half2float(__float2half(x[i]));";
  const wanted = finite.map((each) => halfToFloat(floatToHalf(each)));
  expect(await result(run, body, finite, finite.length)).toEqual(wanted);
});

testWith("cuda-host", host, "cuda-host: atomics add what all threads bring", async (run) => {
  const body = `__shared__ int sum[1];
  if (t == 0) sum[0] = 0;
  __syncthreads();
  atomicAdd(&sum[0], int(x[t]));
  __syncthreads();
  if (t == 0) y[0] = float(sum[0]);`;
  expect(await result(run, body, lanes, 1)).toEqual([2016]);
});

testWith("cuda-host", host, "cuda-host: a warp barrier orders its warp", async (run) => {
  const body = `__shared__ float tile[64];
  tile[t] = x[t];
  __syncwarp();
  y[t] = tile[t ^ 1];`;
  expect(await result(run, body, lanes, 64)).toEqual(lanes.map((t) => t ^ 1));
});

const tile = `__shared__ float tile[64];
  tile[t] = x[t];
  `;
const faults: readonly (readonly [string, string, string])[] = [
  [
    "a removed barrier",
    `${tile}y[t] = tile[63 - t];`,
    "block 0, thread 0: reads 4 bytes of shared `tile` at byte 252 of 256, which nobody has written",
  ],
  [
    "a removed barrier, whatever order threads run in",
    `${tile}y[t] = tile[max(t - 1, 0)];`,
    "block 0, thread 1: reads 4 bytes of shared `tile` at byte 0 of 256, which thread 0 wrote, no barrier between",
  ],
  [
    "a warp barrier that another warp would need",
    `${tile}__syncwarp();
  y[t] = tile[max(t - 32, 0)];`,
    "block 0, thread 63: reads 4 bytes of shared `tile` at byte 124 of 256, which thread 31 wrote, no barrier between",
  ],
  [
    "an index that is off by one",
    `${tile}__syncthreads();
  y[t] = tile[t + 1];`,
    "block 0, thread 63: index 64 is outside 'float [64]' (line 6)",
  ],
  [
    "a pointer that is off by one",
    `__shared__ float tile[64];
  __shared__ float next[64];
  float* place = tile + t;
  place[1] = 0.0f;
  next[t] = x[t];
  y[t] = next[t];`,
    "block 0, thread 63: writes 4 bytes of shared `tile` at byte 256 of 256, out of range",
  ],
  [
    "dynamic memory that was not asked for",
    `extern __shared__ float dynamic_shared[];
  dynamic_shared[t] = x[t];
  y[t] = dynamic_shared[t];`,
    "block 0, thread 0: writes 4 bytes of memory that the kernel was not given, out of range",
  ],
  [
    "global memory that nobody wrote",
    "y[t] = y[t] + x[t];",
    "block 0, thread 0: reads 4 bytes of global `y` at byte 0 of 256, which nobody has written",
  ],
  [
    "two threads that write one place",
    "y[t / 2] = x[t];",
    "block 0, thread 1: writes 4 bytes of global `y` at byte 0 of 256, which thread 0 wrote, no barrier between",
  ],
  [
    "a write to what is read only",
    "const_cast<float*>(x)[t] = 0.0f;",
    "block 0, thread 0: writes 4 bytes of global `x` at byte 0 of 256, bound for reading only",
  ],
  [
    "an index beyond a buffer",
    "y[t] = x[t + n - 63];",
    "block 0, thread 63: reads 4 bytes of global `x` at byte 256 of 256, out of range",
  ],
  [
    "a vector that is not aligned",
    "y[t] = reinterpret_cast<const float4*>(x + t)->x;",
    "block 0, thread 1: an access to 'const struct float4' is not aligned to 16 bytes (line 3)",
  ],
  [
    "a barrier in one branch",
    "if (t < 32) __syncthreads();",
    "block 0, thread 0: waits at the barrier of line 3, but thread 32 has ended: divergent barrier",
  ],
  [
    "two barriers, one a branch",
    "if (t < 32) {\n__syncthreads();\n} else {\n__syncthreads();\n}",
    "block 0, thread 0: waits at the barrier of line 4, but thread 32 waits at the barrier of line 6: divergent barrier",
  ],
  [
    "a shuffle that half of the warp misses",
    "if (t % 2 == 0) y[t] = __shfl_xor_sync(~0u, x[t], 2);",
    "block 0, thread 0: waits for its warp at a shuffle, but thread 1 has ended: divergent barrier",
  ],
  ["a division by zero", "y[t] = float(n / int(x[t]));", "block 0, thread 0: divides by zero"],
  [
    "a wild pointer",
    "y[t] = *reinterpret_cast<const float*>(16);",
    "block 0, thread 0: accesses memory that is not there",
  ],
];

for (const [name, body, report] of faults) {
  testWith("cuda-host", host, `cuda-host: reports ${name}`, async (run) => {
    const found = await result(run, body, lanes, 64).then(
      () => "nothing",
      (error: Error) => error.message,
    );
    expect(found).toBe(`kernel k, ${report}`);
  });
}
