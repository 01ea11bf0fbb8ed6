/**
 * What a user waits for who types a command: whole processes, from their start to their end. On the CPU
 * `npm start` and a build of a 7B model; on WebGPU the same answer in Deno, with the driver's cache of
 * compiled shaders and, in at most three rounds, without it.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  admits,
  type Bench,
  type BenchOptions,
  type BenchResult,
  median,
  rest,
  say,
  table,
} from "./bench.ts";

export const bench: Bench = {
  what: "cold processes: the first answer, and a build of ee-mllm-7b",
  run,
};

/** From `dist/test/bench`, where the benches run. */
const root = fileURLToPath(new URL("../../../../..", import.meta.url));
const braid = join(root, "dist/bundle/braid.js");
const example = join(root, "examples/ee-mllm");
const answer = "two";

/** A command that is run anew for each measurement. */
interface Process {
  readonly name: string;
  readonly command: string;
  readonly words: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What it must print; nothing is asked where that is empty. */
  readonly prints: string;
  readonly rounds: number;
}

async function run(options: BenchOptions): Promise<BenchResult> {
  const out = mkdtempSync(join(tmpdir(), "braid-start-"));
  try {
    const list = options.backend === "cpu" ? onCpu(options, out) : onWebGpu(options);
    const chosen = list.filter(({ name }) => admits(options, name));
    const results = [];
    for (const each of chosen) results.push({ name: each.name, ...(await timed(each)) });
    const rows = results.map(({ name, times }) => [
      name,
      ...(times.length === 0 ? ["wrong", ""] : [seconds(median(times)), range(times)]),
    ]);
    const wrong = results.flatMap(({ name, mistake }) =>
      mistake === undefined ? [] : [`${name}: ${mistake}`],
    );
    return { text: table(["process", "median", "fastest to slowest"], rows), wrong };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

function onCpu({ rounds }: BenchOptions, out: string): readonly Process[] {
  const spec = join(example, "ee-mllm-7b.braid");
  const words = [braid, "build", spec, "--out", out, "--force"];
  return [
    { name: "npm start", command: "npm", words: ["start"], prints: answer, rounds },
    { name: "braid build ee-mllm-7b", command: process.execPath, words, prints: "", rounds },
  ];
}

function onWebGpu({ rounds }: BenchOptions): readonly Process[] {
  const flags = ["run", "--allow-all", "--node-modules-dir=manual", "--unstable-webgpu"];
  const asked = [
    "--image",
    join(example, "images/0.png"),
    "--prompt",
    "how many objects are there?",
  ];
  const spec = join(example, "ee-mllm.braid");
  const words = [...flags, braid, "run", spec, "--backend", "webgpu", ...asked];
  const plain = { command: process.execPath, words, prints: answer };
  const environment = { MESA_SHADER_CACHE_DISABLE: "true" };
  return [
    { ...plain, name: "braid run --backend webgpu, in Deno", rounds },
    { ...plain, name: "… without Mesa's shader cache", environment, rounds: Math.min(rounds, 3) },
  ];
}

/** The times of a process in milliseconds; one run before them fills the caches of files. */
async function timed({ name, command, words, environment, prints, rounds }: Process): Promise<{
  readonly times: readonly number[];
  readonly mistake?: string;
}> {
  const times: number[] = [];
  const env = { ...process.env, ...environment };
  for (let round = 0; round <= rounds; round++) {
    await rest();
    const begun = performance.now();
    const { status, stdout, stderr } = spawnSync(command, words, {
      encoding: "utf8",
      cwd: root,
      env,
    });
    if (round > 0) times.push(performance.now() - begun);
    if (status !== 0) return { times: [], mistake: stderr };
    if (!stdout.includes(prints)) return { times: [], mistake: `answers ${stdout}` };
    say(`${name}: ${round} of ${rounds}`);
  }
  return { times };
}

function range(times: readonly number[]): string {
  return `${seconds(Math.min(...times))} to ${seconds(Math.max(...times))}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
