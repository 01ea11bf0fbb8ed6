/**
 * Products and attention on an NVIDIA device, by the device's own clock, beside PyTorch where `python3`
 * has it. Only kernels are timed: what a call uploads and reads back is the same for all.
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { compileFor } from "../../compiler/compile.ts";
import { printCuda } from "../../compiler/codegen/index.ts";
import { deviceTarget } from "../../compiler/kernel/architectures.ts";
import type { Command } from "../../runtime/backend.ts";
import { type CudaBackend, findCudaDevice, openCudaBackend } from "../../runtime/cuda/backend.ts";
import { nodeCuda } from "../../runtime/node/cuda.ts";
import { Session } from "../../runtime/session.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import {
  admits,
  type Bench,
  type BenchOptions,
  type BenchResult,
  median,
  say,
  table,
} from "./bench.ts";
import { modelOf } from "./braid.ts";
import { attention, type DeviceCase, product } from "./device-cases.ts";

export const bench: Bench = {
  what: "products and attention on an NVIDIA device, beside PyTorch",
  run,
};

/** How operands of tensor cores are rounded; `f32` does without tensor cores. */
const arithmetics = ["f16", "bf16", "tf32", "f32"] as const;

/** Decoder shapes of LLaVA-1.5-7B, a large square, a decoded row, and attention with 32 heads of 128. */
const cases: readonly DeviceCase[] = [
  product(4096, 4096, 4096),
  product(640, 4096, 11008),
  product(1, 4096, 11008),
  attention("causal", 0, 4096),
  attention("composite", 576, 64),
  attention("composite", 4032, 64),
];

/** What is launched between two looks at the clock. */
const launches = 10;

async function run(options: BenchOptions): Promise<BenchResult> {
  const rows: (string | number | undefined)[][] = [];
  const wrong: string[] = [];
  const admitted = cases.filter(({ name }) => admits(options, name));
  const theirs = torchTimes(admitted, options.rounds);
  for (const [index, each] of admitted.entries()) {
    for (const math of arithmetics) {
      say(`${each.name}, ${math} …`);
      const { ms, kernels, fault } = await time(each, math, options.rounds);
      const peer = theirs?.[index]?.[math];
      rows.push([
        math === arithmetics[0] ? each.name : "",
        math,
        fault === undefined ? ms : "wrong",
        each.flops / ms / 1e9,
        peer?.ms,
        peer === undefined ? "" : peer.how,
        peer === undefined ? undefined : ms / peer.ms,
        kernels,
      ]);
      if (fault !== undefined) wrong.push(`${each.name}, ${math}: ${fault}`);
    }
  }
  const columns = [
    "case",
    "math",
    "ms",
    "TFLOP/s",
    "PyTorch, ms",
    "how",
    "ours / theirs",
    "kernels",
  ];
  return { text: `${table(columns, rows)}\n\nFLOPs of visible pairs only.`, wrong };
}

interface Timed {
  readonly ms: number;
  readonly kernels: string;
  readonly fault: string | undefined;
}

async function time(
  each: DeviceCase,
  math: (typeof arithmetics)[number],
  rounds: number,
): Promise<Timed> {
  const platform = await nodeCuda();
  const device = findCudaDevice(platform);
  const { plan, kernels } = compileFor(modelOf(each.text), deviceTarget(device, math));
  const backend = openCudaBackend(platform, device);
  const session = await Session.open({
    model: { plan, cuda: new Map(kernels.map((kernel) => [kernel.name, printCuda(kernel)])) },
    backend,
    weights: memoryWeights(each.weights),
  });
  try {
    let found: ArrayLike<number> = [];
    const commands = await recorded(backend, async () => {
      const outputs = await session.forward(each.inputs);
      found = (await outputs.get(each.output)?.read())?.data ?? [];
    });
    const fault = each.fault(found, math);
    const repeated = Array.from({ length: launches }, () => commands).flat();
    await backend.measure(repeated);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      times.push((await backend.measure(repeated)) / launches);
    }
    const names = commands.flatMap((command) =>
      command.kind === "dispatch" ? [command.kernel] : [],
    );
    return { ms: median(times), kernels: names.join(" "), fault };
  } finally {
    session.close();
  }
}

/** The commands that `backend` is given while `work` goes on. */
async function recorded(backend: CudaBackend, work: () => Promise<void>): Promise<Command[]> {
  const commands: Command[] = [];
  const run = backend.run.bind(backend);
  backend.run = async (list) => {
    commands.push(...list);
    await run(list);
  };
  await work();
  backend.run = run;
  return commands;
}

/** What PyTorch takes for a case in an arithmetic, and with which of its functions. */
interface TorchTime {
  readonly ms: number;
  readonly how: string;
}

type TorchTimes = readonly Readonly<Partial<Record<(typeof arithmetics)[number], TorchTime>>>[];

function torchTimes(all: readonly DeviceCase[], rounds: number): TorchTimes | undefined {
  const script = fileURLToPath(new URL("../../../peers/pytorch_times.py", import.meta.url));
  const input = JSON.stringify({ rounds, launches, cases: all.map((each) => each.torch) });
  const { status, stdout, stderr } = spawnSync("python3", [script], { input, encoding: "utf8" });
  if (status === 0) return JSON.parse(stdout);
  const reason = stderr?.trim().split("\n").at(-1) ?? "there is no python3";
  say(`left out: PyTorch (${reason})`);
  return undefined;
}
