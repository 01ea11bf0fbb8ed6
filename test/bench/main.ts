/**
 * The command line of the benches: `npm run bench -- NAME [--backend cpu|webgpu] [--threads N]
 * [--only WORD] [--rounds N] [--out FILE [--force]]`. Without a name it lists what there is.
 *
 * Exit status: 0, 1 if a result was wrong, 2 for a wrong command line.
 */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { BraidError } from "../../runtime/errors.ts";
import { type Bench, type BenchOptions, header } from "./bench.ts";

/** Every bench, by name; each is one file with one export called `bench`. */
const benches: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  attention: () => import("./attention.ts"),
  decode: () => import("./decode.ts"),
  device: () => import("./device.ts"),
  matmul: () => import("./matmul.ts"),
  model: () => import("./model.ts"),
  start: () => import("./start.ts"),
  tiles: () => import("./tiles.ts"),
};

const usage =
  "usage: npm run bench -- NAME [--backend cpu|webgpu] [--threads N] [--only WORD] [--rounds N] [--out FILE [--force]]";

interface CommandLine {
  readonly name: string | undefined;
  readonly options: BenchOptions;
  readonly out: string | undefined;
  readonly force: boolean;
}

function readCommandLine(): CommandLine {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      backend: { type: "string", default: "cpu" },
      threads: { type: "string", default: String(cpus().length) },
      only: { type: "string", default: "" },
      rounds: { type: "string", default: "9" },
      out: { type: "string" },
      force: { type: "boolean", default: false },
    },
  });
  const { backend, only, out, force } = values;
  if (backend !== "cpu" && backend !== "webgpu")
    throw new TypeError("`--backend` is cpu or webgpu");
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 7)
    throw new TypeError("`--rounds` is a whole number, at least 7: medians of fewer mean little");
  if (out !== undefined && !force && existsSync(out))
    throw new TypeError(`${out} exists: name another file, or overwrite it with \`--force\``);
  const threads = Number(values.threads);
  if (!Number.isInteger(threads) || threads < 1)
    throw new TypeError("`--threads` is a whole number from 1 on");
  const [name, more] = positionals;
  if (more !== undefined) throw new TypeError("one bench at a time");
  return { name, options: { backend, threads, only, rounds }, out, force };
}

async function main(): Promise<void> {
  const { name, options, out } = readCommandLine();
  const open = name === undefined ? undefined : benches[name];
  if (open === undefined) {
    const wrong = name === undefined ? "" : `there is no bench called \`${name}\`\n`;
    const list = await Promise.all(
      Object.entries(benches).map(
        async ([each, load]) => `  ${each}: ${(await load()).bench.what}`,
      ),
    );
    console.error(`${wrong}${usage}\n${list.join("\n")}`);
    process.exitCode = 2;
    return;
  }
  const { bench } = await open();
  const { text, wrong } = await bench.run(options);
  const page = `# ${name}: ${bench.what}\n\n${header(options)}\n\n${text}\n`;
  console.log(page);
  if (out !== undefined) {
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, page);
    console.error(`wrote ${out}`);
  }
  for (const each of wrong) console.error(`wrong: ${each}`);
  // Devices and workers that peers leave open would keep the process alive.
  process.exit(wrong.length > 0 ? 1 : 0);
}

try {
  await main();
} catch (error) {
  if (error instanceof BraidError) {
    console.error(error.message);
    process.exit(1);
  }
  if (!(error instanceof TypeError && /^`?--|exists|one bench|option/i.test(error.message)))
    throw error;
  console.error(`${error.message}\n${usage}`);
  process.exitCode = 2;
}
