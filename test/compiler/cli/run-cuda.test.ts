/**
 * `braid run` with `--backend cuda` and `auto` as a user types them, on a machine whose driver and NVRTC
 * are the host shim's: what is said and answered, and the line that says what a machine lacks.
 */

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { addRun } from "../../../compiler/cli/run.ts";
import { readSource, resolveImport } from "../../../compiler/cli/sources.ts";
import { checkModel, compileFor } from "../../../compiler/compile.ts";
import { targets } from "../../../compiler/kernel/target.ts";
import { BraidError, reasonOf } from "../../../runtime/errors.ts";
import { safetensorsBytes } from "../../runtime/weights/sample-files.ts";
import { runCommand } from "../../support/command.ts";
import { type HostMachine, hostMachineMissing, plugIn } from "../../support/cuda-host/machine.ts";
import { seeded } from "../../support/random.ts";
import { testWith } from "../../support/require.ts";

vi.mock("../../../runtime/node/probe.ts", () => ({ quietGpu: async () => undefined }));

const example = (file: string): string =>
  fileURLToPath(new URL(`../../../examples/${file}`, import.meta.url));
const spec = example("llama/llama.braid");
const folder = mkdtempSync(join(tmpdir(), "braid-run-"));
const weights = join(folder, "weights");
afterAll(() => rmSync(folder, { recursive: true }));
const dims = { D: 16, H: 2, G: 1, E: 8, F: 16, L: 1, Vocab: 384 };

/**
 * A checkpoint that answers with the token after the last one, and with the one after that: its layer
 * adds nothing, and no row of an embedding is as near to a row of length 1 as this row itself.
 */
function writeAlphabet(): void {
  const { value: model } = checkModel(readSource(spec), {
    resolve: resolveImport,
    model: "Llama",
    dims: new Map(Object.entries(dims)),
  });
  if (model === undefined) throw new RangeError("the spec has mistakes");
  const draw = seeded(1);
  const rows = Array.from({ length: dims.Vocab }, () => {
    const row = Array.from({ length: dims.D }, () => draw() - 0.5);
    const length = Math.hypot(...row);
    return row.map((x) => x / length);
  });
  const header: Record<string, unknown> = {};
  const bytes: number[] = [];
  for (const { name, shape } of compileFor(model, targets.cpu).plan.weights) {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = new Float32Array(count);
    if (name.includes("norm")) data.fill(1);
    else if (name === "model.embed_tokens.weight") data.set(rows.flat());
    else if (name === "lm_head.weight") data.set([...rows.slice(-1), ...rows.slice(0, -1)].flat());
    else if (!/[.](o|down)_proj[.]/.test(name)) data.set(data.map(() => draw() - 0.5));
    header[name] = { dtype: "F32", shape, data_offsets: [bytes.length, bytes.length + count * 4] };
    bytes.push(...new Uint8Array(data.buffer));
  }
  mkdirSync(weights);
  writeFileSync(
    join(weights, "model.safetensors"),
    safetensorsBytes(header, Uint8Array.from(bytes)),
  );
  for (const file of ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"])
    copyFileSync(example(`ee-mllm/weights/${file}`), join(weights, file));
}

writeAlphabet();
const before = { ...process.env };

beforeEach(() => {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, before);
});

interface Said {
  readonly out: string;
  readonly talk: readonly string[];
}

/** Asks; what the command wrote, or the code and the message of its error. */
async function ask(...options: readonly string[]): Promise<Said | string> {
  const set = Object.entries(dims).flatMap(([name, size]) => ["--set", `${name}=${size}`]);
  const words = [spec, "--weights", weights, "--prompt", "x", "--max-tokens", "4", ...set];
  try {
    const { out, talk } = await runCommand(addRun, "run", ...words, ...options);
    return { out, talk: talk.trimEnd().split("\n") };
  } catch (error) {
    return error instanceof BraidError ? `${error.code}: ${error.message}` : reasonOf(error);
  }
}

/** The same on a machine with the host shim's driver. */
async function askOn(machine: HostMachine, ...options: readonly string[]): Promise<Said | string> {
  await plugIn(machine);
  return ask(...options);
}

const driver = hostMachineMissing ?? askOn;

/** Machines on which CUDA is of no use, and what they say of it. */
const useless: readonly (readonly [HostMachine, string])[] = [
  [{ devices: [] }, "the CUDA driver finds no device"],
  [
    { devices: ["sm_75"] },
    "Host Shim (sm_75) is too old: kernels need sm_80 (A100, RTX 30) or later",
  ],
  [{ init: 999 }, "the CUDA driver does not start: unknown error"],
];

/** Takes away all that compiles CUDA. */
function withoutToolkit(): void {
  for (const name of ["PATH", "CUDA_PATH", "BRAID_NVRTC", "XDG_CACHE_HOME"])
    process.env[name] = folder;
}

/** The prompt ends with a colon; these follow it among the tokens. */
const answer = ";<=>\n";
const time = "[\\d.]+ m?s";
const ready = new RegExp(`^ready in ${time}; prompt ${time}, 4 tokens ${time}$`);

testWith("cuda-host", driver, "--backend cuda answers, and says where", async (run) => {
  expect(await run({}, "--backend", "cuda")).toEqual({
    out: answer,
    talk: ["using CUDA on Host Shim (sm_90), as asked", expect.stringMatching(ready)],
  });
  // Tensor cores; so near are the rows of the table that half floats tell them apart.
  expect(await run({}, "--backend", "cuda", "--math", "f16")).toMatchObject({ out: answer });
});

testWith(
  "cuda-host",
  driver,
  "the example answers, and its trace has the device's times",
  async () => {
    await plugIn();
    const [file, image] = [example("ee-mllm/ee-mllm.braid"), example("ee-mllm/images/0.png")];
    const trace = join(folder, "trace.json");
    const words = [file, "--backend", "cuda", "--image", image, "--trace", trace];
    const prompt = "how many objects are there?";
    const { out } = await runCommand(addRun, "run", ...words, "--prompt", prompt);
    expect(out).toBe("two\n");
    const { traceEvents } = JSON.parse(readFileSync(trace, "utf8"));
    const kernels = traceEvents.filter(
      ({ ph, dur }: { ph: string; dur: number }) => ph === "X" && dur > 0,
    );
    expect(kernels.length).toBeGreaterThan(100);
  },
);

testWith("cuda-host", driver, "--backend auto takes the device", async (run) => {
  expect(await run({}, "--backend", "auto")).toEqual({
    out: answer,
    talk: ["using CUDA on Host Shim (sm_90), the best device here", expect.stringMatching(ready)],
  });
});

testWith("cuda-host", driver, "--backend auto falls back aloud", async (run) => {
  const cpu = "no WebGPU adapter: using the CPU, one thread";
  for (const [machine, reason] of useless) {
    expect(await run(machine, "--backend", "auto", "--threads", "1"), reason).toEqual({
      out: answer,
      talk: [`${reason}; ${cpu}`, expect.stringMatching(ready)],
    });
  }
});

testWith("cuda-host", driver, "--backend cuda says in a line what is wrong", async (run) => {
  const cuda = ["--backend", "cuda"] as const;
  const hints = [
    "cuda/device: %\n  = hint: see what `nvidia-smi` says (`CUDA_VISIBLE_DEVICES` hides devices), or use `--backend cpu`",
    "cuda/device: %\n  = hint: use `--backend webgpu` or `cpu`",
    "cuda/driver: %\n  = hint: see what `nvidia-smi` says, or use `--backend cpu`",
  ];
  for (const [index, [machine, reason]] of useless.entries())
    expect(await run(machine, ...cuda)).toBe(hints[index]?.replace("%", reason));
  // The caches of so long an answer are larger.
  expect(await run({ memory: 1 }, ...cuda, "--max-tokens", "100000")).toMatch(
    /^memory\/full: Host Shim has no [\d.]+ MiB left for .+\n {2}= hint: close what else uses the GPU .+$/,
  );
  expect(await run({ lost: 20 }, ...cuda)).toMatch(
    /^cuda\/failed: the GPU failed: unknown error \(999, from \w+\)\n {2}= hint: open the model again; .+$/,
  );
});

testWith("cuda-host", driver, "without a toolkit, kernels cannot be compiled", async () => {
  await plugIn();
  withoutToolkit();
  expect(await ask("--backend", "cuda")).toBe(
    "cuda/toolkit: CUDA kernels must be compiled, but there is neither NVRTC nor nvcc here\n" +
      "  = hint: install the CUDA toolkit, or build cubins where it is: `braid build FILE --target cuda`",
  );
  const { talk } = saidBy(await ask("--backend", "auto", "--threads", "1"));
  expect(talk[0]).toBe(
    "Host Shim needs NVRTC or nvcc to compile kernels; no WebGPU adapter: using the CPU, one thread",
  );
});

test("without a driver, cuda fails in a line and auto falls back", async () => {
  process.env["BRAID_CUDA_DRIVER"] = "/nowhere/libcuda.so.1";
  const missing = "there is no CUDA driver on this machine (/nowhere/libcuda.so.1 is not found)";
  expect(await ask("--backend", "cuda")).toBe(
    `cuda/driver: ${missing}\n  = hint: install NVIDIA's driver, or use \`--backend cpu\``,
  );
  const { out, talk } = saidBy(await ask("--backend", "auto", "--threads", "1"));
  expect(out).toBe(answer);
  expect(talk[0]).toBe(`${missing}; no WebGPU adapter: using the CPU, one thread`);
});

function saidBy(said: Said | string): Said {
  if (typeof said === "string") throw new Error(said);
  return said;
}
