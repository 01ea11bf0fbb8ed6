/**
 * `npm run bench -- NAME …`: compiles the benches without checking types (`npm test` does that) and
 * runs one, in Node or, with `--backend webgpu`, in Deno where that is installed.
 */

import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const args = process.argv.slice(2);

step(process.execPath, [join(root, "compiler/std/embed.mjs")]);
step(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", here]);
const main = join(here, "dist/test/bench/main.js");
const wantsGpu = args.includes("webgpu") || args.includes("--backend=webgpu");
const deno = wantsGpu ? denoCommand() : undefined;
const flags = ["run", "--allow-all", "--unstable-webgpu", "--node-modules-dir=manual"];
if (deno === undefined) step(process.execPath, [main, ...args]);
else step(deno, [...flags, main, ...args]);

/** Runs a command to its end; ends this process as it ended, unless it went well. */
function step(command, commandArgs) {
  const { status } = spawnSync(command, commandArgs, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

/** Deno as the tests find it, if there is one. */
function denoCommand() {
  const commands = [process.env.DENO, join(root, "node_modules/.bin/deno"), "deno"];
  return commands.find((each) => each !== undefined && spawnSync(each, ["--version"]).status === 0);
}
