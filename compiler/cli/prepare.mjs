/**
 * Builds after `npm install`. The first `npx braid` in this folder makes npm install the folder once
 * more, to link its command: there is nothing to build then.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const linking = process.env.npm_command === "exec" && existsSync("dist/bundle/braid.js");
if (!linking) {
  const { status } = spawnSync("npm", ["run", "--silent", "build"], {
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  process.exitCode = status ?? 1;
}
