/**
 * The static report on CUDA kernels: what `ptxas -v` and the PTX say of each, and how long it must take
 * on known devices at least.
 */

import { architectures as known, isArchitecture } from "../kernel/architectures.ts";
import { type CudaMath, cudaRates, occupancy } from "./cuda-devices.ts";
import type { KernelWork } from "./kernel-work.ts";
import { textTable } from "./text-table.ts";
import { showBytes, showFlops } from "./units.ts";

/** What the assembler says of a kernel. */
export interface KernelResources {
  readonly registers: number;
  /** Stores and loads. */
  readonly spillBytes: number;
  readonly staticBytes: number;
}

/** Resources by kernel, from what `nvcc -Xptxas -v` writes. */
export function parseResources(text: string): ReadonlyMap<string, KernelResources> {
  const found = new Map<string, KernelResources>();
  for (const part of text.split("Compiling entry function ").slice(1)) {
    const name = /^'([^']+)'/.exec(part)?.[1];
    const number = (pattern: RegExp): number => Number(pattern.exec(part)?.[1] ?? 0);
    if (name === undefined) continue;
    found.set(name, {
      registers: number(/Used (\d+) registers/),
      spillBytes: number(/(\d+) bytes spill stores/) + number(/(\d+) bytes spill loads/),
      staticBytes: number(/(\d+) bytes smem/),
    });
  }
  return found;
}

/** Instructions that tell how a kernel works, as PTX has them. */
export interface KernelInstructions {
  readonly mma: number;
  readonly ldmatrix: number;
  readonly cpAsync: number;
  readonly math: CudaMath;
}

/** Counts by kernel, from PTX. */
export function parseInstructions(ptx: string): ReadonlyMap<string, KernelInstructions> {
  const found = new Map<string, KernelInstructions>();
  for (const part of ptx.split(/\.entry /).slice(1)) {
    const name = /^\w+/.exec(part)?.[0];
    if (name === undefined) continue;
    const count = (pattern: RegExp): number => part.match(pattern)?.length ?? 0;
    const mma = count(/\bmma\.sync\./g);
    const tf32 = count(/\bmma\.sync\.\S*tf32/g);
    found.set(name, {
      mma,
      ldmatrix: count(/\bldmatrix\.sync\./g),
      cpAsync: count(/\bcp\.async\.c[ag]\./g),
      math: mma === 0 ? "f32" : tf32 === mma ? "tf32" : "f16",
    });
  }
  return found;
}

/** A kernel of the report. */
export interface ReportedKernel {
  readonly name: string;
  readonly threads: number;
  readonly dynamicBytes: number;
  readonly instructions: KernelInstructions | undefined;
  /** By architecture. */
  readonly resources: ReadonlyMap<string, KernelResources>;
  /** Undefined where it is not called for these lengths. */
  readonly work: KernelWork | undefined;
}

/** The shortest time that a kernel's work can take on each device, in seconds, by device. */
export function rooflines(
  work: KernelWork,
  math: CudaMath,
): ReadonlyMap<string, { readonly seconds: number; readonly bound: "memory" | "compute" }> {
  return new Map(
    cudaRates.map(({ name, bytesPerSecond, flopsPerSecond }) => {
      const memory = work.bytes / bytesPerSecond;
      const compute = work.flops / flopsPerSecond[math];
      const bound = memory >= compute ? "memory" : "compute";
      return [name, { seconds: Math.max(memory, compute), bound }];
    }),
  );
}

/** The report as text; `lengths` says what the work is counted for. */
export function cudaReportText(
  kernels: readonly ReportedKernel[],
  architectures: readonly string[],
  lengths: string,
): string {
  const resources = kernels.flatMap((kernel) => resourceRows(kernel, architectures));
  const work = kernels.flatMap((kernel) => (kernel.work === undefined ? [] : [workRow(kernel)]));
  const left = (count: number): readonly ("left" | "right")[] => [
    "left",
    ...Array.from({ length: count }, () => "right" as const),
  ];
  const spilling = kernels.filter(({ resources: of }) =>
    [...of.values()].some(({ spillBytes }) => spillBytes > 0),
  );
  const assembled = [
    "Resources, by nvcc",
    ...textTable([resourceHead, ...resources], left(resourceHead.length - 1)),
    "Spills: bytes stored and loaded. Static, dynamic: bytes of shared memory. Occupancy: of the warps of a multiprocessor. mma (tensor cores), ldmatrix, cp.async: instructions in the PTX.",
    spilling.length === 0
      ? "No kernel spills registers."
      : `Kernels that spill registers: ${spilling.map(({ name }) => name).join(", ")}.`,
  ];
  return [
    ...(resources.length === 0 ? ["Resources are nvcc's to say, which is not here."] : assembled),
    "",
    `Work and shortest times for ${lengths}, each phase once`,
    ...textTable([workHead, ...work], left(workHead.length - 1)),
    "Times are bytes by bandwidth (memory) or operations by rate (compute), whichever is longer; every buffer is counted once a call.",
    ...cudaRates.map(({ name, source }) => `${name}: ${source}.`),
    "",
  ].join("\n");
}

const resourceHead = [
  ...["kernel", "arch", "threads", "registers", "spills", "static", "dynamic", "occupancy"],
  ...["mma", "ldmatrix", "cp.async"],
];

function resourceRows(
  { name, threads, dynamicBytes, instructions, resources }: ReportedKernel,
  architectures: readonly string[],
): readonly (readonly string[])[] {
  return architectures.flatMap((architecture, index) => {
    const limits = isArchitecture(architecture) ? known[architecture] : undefined;
    const of = resources.get(architecture);
    if (of === undefined || limits === undefined) return [];
    const sharedBytes = of.staticBytes + dynamicBytes;
    const share = occupancy({ registers: of.registers, threads, sharedBytes }, limits);
    const row = [
      architecture,
      String(threads),
      String(of.registers),
      String(of.spillBytes),
      String(of.staticBytes),
      String(dynamicBytes),
      `${Math.round(share * 100)} %`,
      ...[instructions?.mma, instructions?.ldmatrix, instructions?.cpAsync].map((count) =>
        count === undefined ? "" : String(count),
      ),
    ];
    return [[index === 0 ? name : "", ...row]];
  });
}

const workHead = [
  ...["kernel", "calls", "operations", "bytes"],
  ...cudaRates.map(({ name }) => name),
];

function workRow({ name, work, instructions }: ReportedKernel): readonly string[] {
  if (work === undefined) return [name];
  const times = [...rooflines(work, instructions?.math ?? "f32").values()];
  return [
    name,
    String(work.calls),
    showFlops(work.flops),
    showBytes(work.bytes),
    ...times.map(({ seconds, bound }) => `${showTime(seconds)} ${bound}`),
  ];
}

/** Below what a launch takes by far, digits say nothing. */
function showTime(seconds: number): string {
  const micro = seconds * 1e6;
  return micro < 0.01 ? "< 0.01 µs" : `${micro.toPrecision(3)} µs`;
}
