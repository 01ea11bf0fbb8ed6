/**
 * `npm run cuda-host -- COMMAND …`: runs a command on a machine whose CUDA is the host shim's, a driver and
 * an NVRTC without a GPU (`support/cuda-host/machine.ts`); without a command, prints the variables that
 * make one of a shell. `BRAID_HOST_CUDA` says what devices it has (`support/cuda-host/runtime/driver.cpp`).
 *
 * Exit status: that of the command, or 2 where the shim cannot be built.
 */

import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const file = fileURLToPath(new URL("support/cuda-host/machine.ts", import.meta.url));
const { module } = await runnerImport(file);
const { hostMachineMissing, hostVariables } = module;
if (hostMachineMissing !== undefined) {
  console.error(`cuda-host: ${hostMachineMissing.reason}`);
  process.exit(2);
}
const variables = await hostVariables();
const given = process.env["BRAID_HOST_CUDA"];
if (given !== undefined) variables["BRAID_HOST_CUDA"] = given;
const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  for (const [name, value] of Object.entries(variables)) console.log(`export ${name}='${value}'`);
} else {
  const env = { ...process.env, ...variables };
  const { status, error } = spawnSync(command, args, { stdio: "inherit", env });
  if (error !== undefined) console.error(`cuda-host: ${error.message}`);
  process.exitCode = status ?? 2;
}
