/** The report on CUDA kernels: what is read from nvcc, what is computed from it, and the table. */

import { expect, test } from "vitest";
import { architectures } from "../../../compiler/kernel/architectures.ts";
import { occupancy } from "../../../compiler/report/cuda-devices.ts";
import {
  cudaReportText,
  parseInstructions,
  parseResources,
  rooflines,
} from "../../../compiler/report/cuda-report.ts";

/** What nvcc 13 writes for `-Xptxas -v`. */
const assembler = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'b' for 'sm_90'
ptxas info    : Function properties for b
    8 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 168 registers, used 1 barriers, 256 bytes smem
ptxas info    : Compile time = 53.806 ms
ptxas info    : Compiling entry function 'a' for 'sm_90'
ptxas info    : Function properties for a
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 10 registers, used 0 barriers
`;

const ptx = `.visible .entry a(
)
{ ret; }
.visible .entry b(
)
{
	cp.async.cg.shared.global [%r1], [%rd2], 16;
	ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r1, %r2, %r3, %r4}, [%r5];
	mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1}, {%r1}, {%r2}, {%f1};
	mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1}, {%r1}, {%r2}, {%f1};
}
`;

test("resources are read from ptxas", () => {
  expect([...parseResources(assembler)]).toEqual([
    ["b", { registers: 168, spillBytes: 20, staticBytes: 256 }],
    ["a", { registers: 10, spillBytes: 0, staticBytes: 0 }],
  ]);
});

test("instructions are counted in PTX", () => {
  expect([...parseInstructions(ptx)]).toEqual([
    ["a", { mma: 0, ldmatrix: 0, cpAsync: 0, math: "f32" }],
    ["b", { mma: 2, ldmatrix: 1, cpAsync: 1, math: "f16" }],
  ]);
  const tf32 = ptx.replaceAll("m16n8k16.row.col.f32.bf16.bf16", "m16n8k8.row.col.f32.tf32.tf32");
  expect(parseInstructions(tf32).get("b")?.math).toBe("tf32");
});

// The figures of NVIDIA's occupancy calculator.
for (const [architecture, registers, threads, sharedBytes, wanted] of [
  ["sm_80", 128, 128, 0, 16 / 64],
  ["sm_80", 32, 256, 0, 1],
  ["sm_80", 255, 256, 0, 8 / 64],
  ["sm_80", 40, 128, 48 * 1024, 12 / 64],
  ["sm_86", 32, 1024, 0, 32 / 48],
  ["sm_80", 96, 32, 0, 20 / 64],
  ["sm_90", 168, 128, 100 * 1024, 8 / 64],
] as const) {
  const what = `${registers} registers, ${threads} threads, ${sharedBytes} bytes`;
  test(`occupancy on ${architecture}: ${what}`, () => {
    const limits = architectures[architecture];
    expect(occupancy({ registers, threads, sharedBytes }, limits)).toBe(wanted);
  });
}

test("a roofline is the longer of moving and computing", () => {
  const work = { calls: 1, flops: 989.5e9, bytes: 33.5e6 };
  expect(rooflines(work, "f16").get("H100")).toEqual({ seconds: 1e-3, bound: "compute" });
  const moving = { calls: 1, flops: 0, bytes: 3350e6 };
  expect(rooflines(moving, "f32").get("H100")).toEqual({ seconds: 1e-3, bound: "memory" });
});

test("times of next to nothing have no digits", () => {
  const work = { calls: 1, flops: 0, bytes: 16 };
  const small = { name: "a", threads: 64, dynamicBytes: 0, instructions: undefined, work };
  const text = cudaReportText([{ ...small, resources: new Map() }], ["sm_90"], "text=1");
  expect(text).toMatch(/a +1 +0 +16 B +< 0\.01 µs memory +< 0\.01 µs memory +< 0\.01 µs memory/);
});

test("the report is two tables", () => {
  const instructions = parseInstructions(ptx).get("b");
  const of = parseResources(assembler).get("b");
  const kernel = {
    name: "b",
    threads: 128,
    dynamicBytes: 65536,
    instructions,
    resources: new Map(of === undefined ? [] : [["sm_90", of]]),
    work: { calls: 2, flops: 1e9, bytes: 2 ** 20 },
  };
  const lines = cudaReportText([kernel], ["sm_90"], "text=64").split("\n");
  expect(lines.slice(0, 9)).toEqual([
    "Resources, by nvcc",
    "  kernel    arch   threads   registers   spills   static   dynamic   occupancy   mma   ldmatrix   cp.async",
    "  b        sm_90       128         168       20      256     65536        19 %     2          1          1",
    "Spills: bytes stored and loaded. Static, dynamic: bytes of shared memory. Occupancy: of the warps of a multiprocessor. mma (tensor cores), ldmatrix, cp.async: instructions in the PTX.",
    "Kernels that spill registers: b.",
    "",
    "Work and shortest times for text=64, each phase once",
    "  kernel   calls   operations      bytes              A100              H100          RTX 4090",
    "  b            2   1.00 GFLOP   1.00 MiB   3.21 µs compute   1.01 µs compute   6.05 µs compute",
  ]);
});
