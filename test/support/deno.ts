/** Deno, whose WebGPU is wgpu and naga: a second implementation of what kernels are written for. */

import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { softwareDriver } from "../runtime/support/gpu.ts";
import { Missing } from "./require.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A Deno that has a WebGPU adapter. */
export interface Deno {
  readonly command: string;
  /** In which it finds the adapter. */
  readonly environment: NodeJS.ProcessEnv;
}

const probe = `if (await navigator.gpu.requestAdapter() === null) Deno.exit(1)`;

/**
 * The Deno of the project or of the machine, over the machine's driver or else Chromium's; or why
 * there is none. The variable `DENO` names another one.
 */
export function findDeno(): Deno | Missing {
  const local = `${root}node_modules/.bin/deno`;
  const commands = [process.env["DENO"], local, "deno"].filter((each) => each !== undefined);
  const command = commands.find((each) => spawnSync(each, ["--version"]).status === 0);
  if (command === undefined) return new Missing("there is no `deno`");
  const driver = softwareDriver();
  const software = driver === undefined ? [] : [{ ...process.env, VK_ICD_FILENAMES: driver }];
  const environment = [process.env, ...software].find((env) => {
    const { status } = spawnSync(command, ["eval", "--no-config", "--unstable-webgpu", probe], {
      env,
    });
    return status === 0;
  });
  return environment === undefined
    ? new Missing("Deno finds no adapter")
    : { command, environment };
}

/** What a script, a file of the project, prints. It has the project's packages, and all permissions. */
export async function runDeno(
  { command, environment }: Deno,
  script: string,
  args: readonly string[] = [],
  more: NodeJS.ProcessEnv = {},
): Promise<string> {
  const flags = ["run", "--node-modules-dir=manual", "--unstable-webgpu", "--allow-all"];
  const env = { ...environment, ...more };
  const options = { cwd: root, env, maxBuffer: 2 ** 28 };
  return new Promise((resolve, reject) => {
    execFile(command, [...flags, script, ...args], options, (error, stdout, stderr) => {
      if (stdout === "")
        reject(new Error(`${script} printed nothing: ${error?.message ?? stderr}`));
      else resolve(stdout);
    });
  });
}
