/**
 * `npm run page`: builds the model with `braid build`, then the page with vite, into one folder that
 * any server of static files can serve.
 *
 *   node examples/ee-mllm/page/build.mjs [--serve] [--model FOLDER] [--runtime FILE] [--out FOLDER]
 *
 * `--serve` serves the page afterwards. `--model` takes a model that is built already. `--runtime`
 * takes that file for `braid/runtime`. `--out` is `dist` beside this file if absent.
 */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build, preview } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../../..");

const { values: options } = parseArgs({
  options: {
    serve: { type: "boolean", default: false },
    model: { type: "string" },
    runtime: { type: "string" },
    out: { type: "string", default: join(here, "dist") },
  },
});

const model = resolve(options.model ?? buildModel());
const outDir = resolve(options.out);
const config = {
  configFile: false,
  root: here,
  // The page can lie in any folder of a server.
  base: "./",
  logLevel: "warn",
  plugins: [packedModel(model)],
  resolve: { alias: options.runtime ? { "braid/runtime": resolve(options.runtime) } : {} },
  // Files are files: the checkpoint's small ones, too.
  build: { outDir, emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
};
await build(config);
console.error(`The page is in ${shown(outDir)}, for any server of static files.`);
if (options.serve) {
  const server = await preview({ ...config, preview: { port: 4173 } });
  console.error(`It is served at ${server.resolvedUrls?.local[0]} until you press Ctrl-C.`);
} else {
  console.error("To see it: npm run page -- --serve");
}

/** Runs `braid build` as a user would. */
function buildModel() {
  const out = join(root, "build/ee-mllm");
  const braid = join(root, "dist/compiler/cli/main.js");
  const spec = join(here, "../ee-mllm.braid");
  const { status } = spawnSync(process.execPath, [braid, "build", spec, "--out", out], {
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
  return out;
}

/** Gives the page the built model by the names in `built.d.ts`, with its WGSL in one piece. */
function packedModel(folder) {
  const wgsl = "\0ee-mllm/gpu-kernels";
  const wasm = "\0ee-mllm/cpu-kernels";
  return {
    name: "braid-model",
    resolveId(name) {
      if (name === "ee-mllm/model") return join(folder, "model.js");
      return [wgsl, wasm].find((each) => each === `\0${name}`);
    },
    load(id) {
      if (id === wgsl) {
        return `export const sources = ${JSON.stringify(wgslSources(join(folder, "kernels")))};`;
      }
      if (id !== wasm) return undefined;
      const source = readFileSync(join(folder, "kernels.wasm"));
      const file = this.emitFile({ type: "asset", name: "kernels.wasm", source });
      return `export const address = import.meta.ROLLUP_FILE_URL_${file};`;
    },
  };
}

/** The text of each `.wgsl` file of a folder by its name. */
function wgslSources(folder) {
  const files = readdirSync(folder).filter((file) => file.endsWith(".wgsl"));
  return Object.fromEntries(
    files.sort().map((file) => [basename(file, ".wgsl"), readFileSync(join(folder, file), "utf8")]),
  );
}

function shown(path) {
  return relative(process.cwd(), path) || ".";
}
