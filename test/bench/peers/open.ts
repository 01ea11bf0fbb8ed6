/** The peers that are installed (`npm install --ignore-scripts` in `test/bench`) and run here. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Peer } from "./peer.ts";

/** Peers, and of the others why not. */
export interface OpenedPeers {
  readonly peers: readonly Peer[];
  readonly missing: readonly string[];
}

/** `test/bench/node_modules`; this file runs from `dist/test/bench/peers`. */
const folder = findModules(dirname(fileURLToPath(import.meta.url)));

function findModules(from: string): string {
  const here = join(from, "node_modules");
  const bench = from.endsWith(join("test", "bench")) && !from.includes(join("bench", "dist"));
  return bench || dirname(from) === from ? here : findModules(dirname(from));
}

/** The version of an installed package. */
function versionOf(name: string): string {
  const text = readFileSync(join(folder, name, "package.json"), "utf8");
  return /"version": *"([^"]+)"/.exec(text)?.[1] ?? "";
}

/** Opens the peers of a backend; what fails is left out with its reason. */
export async function openPeers(backend: "cpu" | "webgpu", threads: number): Promise<OpenedPeers> {
  const peers: Peer[] = [];
  const missing: string[] = [];
  for (const [name, open] of Object.entries(backend === "cpu" ? onCpu : onGpu)) {
    try {
      peers.push(await open(threads));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      missing.push(`${name}: ${text.split("\n")[0]}`);
    }
  }
  return { peers, missing };
}

type Openers = Readonly<Record<string, (threads: number) => Promise<Peer>>>;

const onCpu: Openers = {
  "onnxruntime-web": async (threads) => {
    const name = `onnxruntime-web ${versionOf("onnxruntime-web")} wasm`;
    const runtime = await import("onnxruntime-web");
    const { openOnnx } = await import("./onnx.ts");
    runtime.env.wasm.numThreads = threads;
    return openOnnx(runtime, name, "wasm", threads);
  },
  "onnxruntime-node": async (threads) => {
    const name = `onnxruntime-node ${versionOf("onnxruntime-node")} native`;
    const runtime = await import("onnxruntime-node");
    const { openOnnx } = await import("./onnx.ts");
    return openOnnx(runtime, name, "cpu", threads);
  },
  tfjs: async () => {
    const name = `tfjs ${versionOf("@tensorflow/tfjs-core")} wasm`;
    const tf = await import("@tensorflow/tfjs-core");
    const wasm = await import("@tensorflow/tfjs-backend-wasm");
    const { openTensorflow } = await import("./tensorflow.ts");
    wasm.setWasmPaths(`${join(folder, "@tensorflow/tfjs-backend-wasm/dist")}/`);
    if (!(await tf.setBackend("wasm"))) throw new Error("its wasm backend does not start here");
    await tf.ready();
    return openTensorflow(tf, name);
  },
  "jax-js": () => jaxOn("wasm"),
};

const onGpu: Openers = {
  "onnxruntime-web": async () => {
    const name = `onnxruntime-web ${versionOf("onnxruntime-web")} webgpu`;
    const runtime = await import("onnxruntime-web/webgpu");
    const { openOnnx } = await import("./onnx.ts");
    runtime.env.wasm.wasmPaths = `file://${join(folder, "onnxruntime-web/dist")}/`;
    runtime.env.wasm.numThreads = 1;
    return openOnnx(runtime, name, "webgpu", 1);
  },
  tfjs: async () => {
    const name = `tfjs ${versionOf("@tensorflow/tfjs-core")} webgpu`;
    const tf = await import("@tensorflow/tfjs-core");
    await import("@tensorflow/tfjs-backend-webgpu");
    const { openTensorflow } = await import("./tensorflow.ts");
    if (!(await tf.setBackend("webgpu"))) throw new Error("its WebGPU backend does not start here");
    await tf.ready();
    return openTensorflow(tf, name);
  },
  "jax-js": () => jaxOn("webgpu"),
};

async function jaxOn(device: "wasm" | "webgpu"): Promise<Peer> {
  const name = `jax-js ${versionOf("@jax-js/jax")} ${device}`;
  // Its resource management is syntax that Node 20 does not have.
  const [major] = process.versions.node.split(".").map(Number);
  if (process.versions["deno"] === undefined && (major ?? 0) < 22)
    throw new Error("needs Node 22, Deno or a browser");
  const jax = await import("@jax-js/jax");
  const { openJax } = await import("./jax.ts");
  const found = await jax.init(device);
  if (!found.includes(device)) throw new Error(`finds no ${device} here`);
  jax.defaultDevice(device);
  return openJax(jax, name);
}
