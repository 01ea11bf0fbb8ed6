/** `braid doctor`: what this machine has for Braid, and what to install for more. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Command } from "commander";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";
import { availableThreads } from "../../runtime/cpu/threads.ts";
import { subgroupText } from "../../runtime/choose.ts";
import { findCudaDevices, isNewEnough, oldestArchitecture } from "../../runtime/cuda/driver.ts";
import { reasonOf } from "../../runtime/errors.ts";
import { findNvcc } from "../../runtime/node/cuda-compiler.ts";
import { nodeCuda, nodeGpu, quietGpu } from "../../runtime/node/index.ts";
import { findNvrtc } from "../../runtime/node/nvrtc.ts";
import { showBytes } from "../../runtime/show-bytes.ts";
import { findAdapter } from "../../runtime/webgpu/device.ts";
import { tryAdapter } from "../../runtime/webgpu/trial.ts";

const run = promisify(execFile);

/** One thing that was looked for. */
export interface Finding {
  readonly what: string;
  readonly found: boolean;
  /** What there is, or why there is none. */
  readonly detail: string;
  /** What it would be good for and how to get it, where it is missing. */
  readonly install?: string;
}

/** Adds the verb. */
export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("say what this machine has for running and building models, and what to install")
    .option("--json", "print the findings as JSON on stdout")
    .addHelpText("after", "\nExample:\n  braid doctor")
    .action(async (options: { readonly json?: boolean }) => {
      const findings = await examine();
      const text =
        options.json === true ? `${JSON.stringify(findings, null, 2)}\n` : findingsText(findings);
      process.stdout.write(text);
    });
}

/** Everything that is looked for, in the order in which it is shown. */
async function examine(): Promise<readonly Finding[]> {
  const compiler = await Promise.all([nvrtc(), nvcc(), hostCompiler()]);
  return [node(), cpu(), await webGpu(), ...(await cuda()), ...compiler];
}

function node(): Finding {
  const { platform, arch } = process;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const found = major > 20 || (major === 20 && minor >= 19);
  const detail = `${process.versions.node} (${platform}, ${arch})`;
  return { what: "Node", found, detail, ...(found ? {} : { install: "Node 20.19 or later" }) };
}

function cpu(): Finding {
  const { count, why } = availableThreads();
  const threads = count === 1 ? "one thread" : `${count} threads`;
  const shared = why === undefined ? threads : `${threads}: ${why}`;
  const fused = platformMultiplyAdd() === "fused" ? "fused multiply-add" : "no relaxed SIMD";
  return { what: "CPU", found: true, detail: `${shared}; ${fused}` };
}

async function webGpu(): Promise<Finding> {
  const what = "WebGPU";
  try {
    if ((await nodeGpu()) === undefined) {
      const detail = "the package `webgpu` is not installed";
      return { what, found: false, detail, install: "`npm install webgpu` for `--backend webgpu`" };
    }
    const adapter = await findAdapter(await quietGpu());
    if (adapter === undefined) {
      const install = "a Vulkan, Metal or D3D12 driver for `--backend webgpu`";
      return { what, found: false, detail: "no adapter", install };
    }
    const { features, limits } = adapter.adapter;
    const { subgroups, matrices, refused } = await tryAdapter(adapter);
    const has = ["shader-f16", "timestamp-query"].filter((each) => features.has(each));
    const detail = [
      `${adapter.name}${adapter.software ? ", in software" : ""}`,
      `tensors up to ${showBytes(limits.maxStorageBufferBindingSize)}`,
      `group memory ${showBytes(limits.maxComputeWorkgroupStorageSize)}`,
      has.length === 0 ? "no shader-f16" : has.join(", "),
      `kernels ${subgroupText(subgroups, matrices)}`,
      ...(refused === undefined ? [] : [refused]),
    ].join("; ");
    return { what, found: true, detail };
  } catch (error) {
    return { what, found: false, detail: reasonOf(error) };
  }
}

async function cuda(): Promise<readonly Finding[]> {
  const what = "CUDA driver";
  try {
    const devices = findCudaDevices((await nodeCuda()).library);
    return devices.map(({ name, architecture, bytes, multiprocessors, driverVersion }) => {
      const version = `${Math.floor(driverVersion / 1000)}.${(driverVersion % 1000) / 10}`;
      const size = `${showBytes(bytes)}, ${multiprocessors} multiprocessors`;
      const detail = `${version}: ${name} (${architecture}), ${size}`;
      if (isNewEnough(architecture)) return { what, found: true, detail };
      const install = `a device of sm_${oldestArchitecture} (A100, RTX 30) or later for \`--backend cuda\``;
      return { what, found: false, detail, install };
    });
  } catch (error) {
    const [detail = "", ...rest] = reasonOf(error).split("\n");
    const hint = rest
      .join(" ")
      .replace(/^\s*= hint: /, "")
      .replace(/, or use .*$/, "");
    return [{ what, found: false, detail, install: `${hint} for \`--backend cuda\`` }];
  }
}

async function nvrtc(): Promise<Finding> {
  const what = "NVRTC";
  const found = await findNvrtc();
  if (found !== undefined) return { what, found: true, detail: found.version };
  const install = "the CUDA toolkit, so that kernels are compiled where they run";
  return { what, found: false, detail: "no libnvrtc of CUDA 12 or 13", install };
}

async function nvcc(): Promise<Finding> {
  const what = "nvcc";
  const command = await findNvcc();
  if (command !== undefined) {
    const { stdout } = await run(command, ["--version"]);
    return { what, found: true, detail: /release ([\d.]+)/.exec(stdout)?.[1] ?? command };
  }
  const install = "the CUDA toolkit, for cubins and `braid build --target cuda --report`";
  return { what, found: false, detail: "not on the path, nor in /usr/local/cuda", install };
}

async function hostCompiler(): Promise<Finding> {
  const what = "g++";
  const install = "g++ 12 or later, for testing CUDA kernels without a GPU";
  try {
    const { stdout } = await run("g++", ["-dumpfullversion", "-dumpversion"]);
    const found = Number.parseInt(stdout, 10) >= 12;
    return { what, found, detail: stdout.trim(), ...(found ? {} : { install }) };
  } catch {
    return { what, found: false, detail: "not on the path", install };
  }
}

/** A line for each finding; below it what to install. */
export function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ what }) => what.length));
  return findings
    .flatMap(({ what, found, detail, install }) => [
      `${found ? "✓" : "✗"} ${what.padEnd(width)}  ${detail}`,
      ...(install === undefined ? [] : [`  ${" ".repeat(width)}  → ${install}`]),
    ])
    .map((line) => `${line}\n`)
    .join("");
}
