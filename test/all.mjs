/**
 * `npm test`: the whole truth. Types, lint without warnings, then every test. With arguments, only the
 * tests whose path holds one of them: `npm test -- oracle`. `conformance` with a backend is every test
 * that runs kernels on it, oracles included: `npm test -- conformance cuda-host`.
 */

import { spawnSync } from "node:child_process";

const filters = process.argv.slice(2);
const backends = filters.filter((each) => /^(evaluate|cpu|webgpu|cuda-host|cuda)$/.test(each));
const onBackends = filters.includes("conformance") && backends.length > 0;
const selected = onBackends
  ? ["conformance", "oracle", "-t", `^(${backends.join("|")})( \\w+)?: `]
  : filters;
// Each case of an oracle is run on CUDA in one of four arithmetics, unless that is what was asked for.
const env = backends.some((each) => each.startsWith("cuda"))
  ? { ...process.env, BRAID_EVERY_ARITHMETIC: "1" }
  : process.env;
const steps = [
  ["standard library", "node", ["compiler/std/embed.mjs"]],
  ...(filters.length > 0
    ? []
    : [
        ["types", "npx", ["tsc", "--noEmit", "-p", "."]],
        ["build", "npm", ["run", "--silent", "build"]],
        ["lint", "npx", ["biome", "check", "--error-on-warnings", "."]],
      ]),
  ["tests", "npx", ["vitest", "run", ...selected]],
];

for (const [name, command, args] of steps) {
  const started = Date.now();
  const { status } = spawnSync(command, args, { stdio: "inherit", env });
  if (status !== 0) {
    console.error(`\n${name}: failed`);
    process.exit(status ?? 1);
  }
  console.error(`${name}: passed in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
