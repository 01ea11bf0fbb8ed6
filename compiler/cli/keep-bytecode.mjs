/** Runs what people run first, and keeps the bytecode that V8 made of the bundle on the way. */

import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import * as threads from "node:worker_threads";

const example = "examples/ee-mllm";
const spec = `${example}/ee-mllm.braid`;

/** Writes the bytecode of the bundle in `folder` beside its files. */
export async function keepBytecode(folder) {
  const out = mkdtempSync(join(tmpdir(), "braid-bundle-"));
  const image = ["--image", `${example}/images/0.png`, "--prompt", "how many objects are there?"];
  const runs = [
    ["run", spec, "--backend", "cpu", "--threads", "1", ...image],
    ["build", spec, "--out", out],
  ];
  const { BundleLoader, bytecodePath } = createRequire(join(folder, "x"))("./bundle-loader.js");
  const loader = new BundleLoader(
    new Map([
      ["node:worker_threads", inOneThread(() => loader.load(join(folder, "worker.js")))],
      // V8 takes no bytecode of other flags, and this one cannot be set back (`short-run.ts`).
      ["node:v8", { setFlagsFromString: setUnlessBudget }],
    ]),
  );
  const { argv, stdout, stderr } = process;
  const writes = [stdout, stderr].map((stream) => [stream, stream.write]);
  const said = [];
  try {
    // What the verbs say is not about this build, unless they fail.
    for (const [stream] of writes) stream.write = (text) => said.push(text) > 0;
    for (const words of runs) {
      process.argv = [argv[0], join(folder, "braid.js"), ...words];
      await loader.load(join(folder, "main.js")).ended;
      if (process.exitCode) break;
    }
  } finally {
    for (const [stream, write] of writes) stream.write = write;
    process.argv = argv;
    rmSync(out, { recursive: true });
  }
  if (process.exitCode) {
    process.exitCode = 0;
    console.warn(
      `the bundle keeps no bytecode and starts slowly, since the example fails:\n${said.join("")}`,
    );
    return;
  }
  // `run` allowed it in Node 20 (`runtime/cpu/multiply-add.ts`).
  if (process.version.startsWith("v20.")) setFlagsFromString("--no-experimental-wasm-relaxed-simd");
  for (const [path, bytecode] of loader.bytecode()) writeFileSync(bytecodePath(path), bytecode);
}

function setUnlessBudget(flag) {
  if (!flag.startsWith("--interrupt-budget")) setFlagsFromString(flag);
}

/** `node:worker_threads` whose threads are this one, so that one V8 compiles what all of them run. */
function inOneThread(start) {
  const parentPort = new EventEmitter();
  const module = { ...threads, parentPort };
  module.Worker = class Worker extends EventEmitter {
    constructor(_, { workerData } = {}) {
      super();
      module.workerData = workerData;
      parentPort.postMessage = (answer) => this.emit("message", answer);
      start();
    }
    postMessage(task) {
      setImmediate(() => parentPort.emit("message", task));
    }
    terminate() {
      parentPort.removeAllListeners();
    }
  };
  return module;
}
