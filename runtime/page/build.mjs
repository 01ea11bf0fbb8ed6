/**
 * Builds a page that answers questions about pictures: the model with `braid build`, then the page with
 * vite, into one folder that any server of static files can serve.
 *
 *   node runtime/page/build.mjs FILE [--serve] [--page FOLDER] [--weights FOLDER] [--model FOLDER]
 *     [--runtime FILE] [--out FOLDER]
 *
 * FILE is the spec. `--page` has `index.html`, which loads `main.ts` of this folder; `page` beside the
 * spec if absent. `--weights` is the checkpoint; `weights` beside the spec if absent. `--serve` serves
 * the page afterwards. `--model` takes a model that is built already. `--runtime` takes that file for
 * `braid/runtime`. `--out` is `dist` in the page's folder if absent.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build, preview } from "vite";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    serve: { type: "boolean", default: false },
    page: { type: "string" },
    weights: { type: "string" },
    model: { type: "string" },
    runtime: { type: "string" },
    out: { type: "string" },
  },
});

const [given] = positionals;
if (given === undefined) stop("name a spec: npm run page -- FILE.braid");
const spec = resolve(given);
const page = folderOf("page", "a page needs `index.html`", "index.html");
const weights = folderOf("weights", "a page needs a checkpoint", "model.safetensors");
const model = resolve(options.model ?? buildModel());
const outDir = resolve(options.out ?? join(page, "dist"));
const config = {
  configFile: false,
  root: page,
  // The page can lie in any folder of a server.
  base: "./",
  logLevel: "warn",
  plugins: [packedModel()],
  resolve: { alias: options.runtime ? { "braid/runtime": resolve(options.runtime) } : {} },
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2022",
    // Files are files: the checkpoint's small ones, too.
    assetsInlineLimit: 0,
    // All WGSL is one chunk on purpose.
    chunkSizeWarningLimit: Infinity,
  },
};
await build(config);
console.error(`The page is in ${shown(outDir)}, for any server of static files.`);
if (options.serve) {
  const server = await preview({ ...config, preview: { port: 4173 } });
  console.error(`It is served at ${server.resolvedUrls?.local[0]} until you press Ctrl-C.`);
} else {
  console.error("To see it, add --serve.");
}

/** The folder of option `name`, or the one of that name beside the spec. */
function folderOf(name, need, file) {
  const folder = resolve(options[name] ?? join(dirname(spec), name));
  if (!existsSync(join(folder, file))) {
    stop(`${need}, and ${shown(folder)} has no ${file}: name a folder with --${name}`);
  }
  return folder;
}

function stop(message) {
  console.error(message);
  process.exit(2);
}

/** Runs `braid build` as a user would. */
function buildModel() {
  const out = join(root, "build", basename(spec, ".braid"));
  const braid = join(root, "dist/compiler/cli/main.js");
  const { status } = spawnSync(process.execPath, [braid, "build", spec, "--out", out], {
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
  return out;
}

/** Gives the page the model and its checkpoint by the names in `built.d.ts`. */
function packedModel() {
  const written = {
    "page/model": () => {
      const file = join(model, "model.js");
      const [, name] = /export class (\w+)/.exec(readFileSync(file, "utf8")) ?? [];
      if (name === undefined) stop(`${shown(file)} exports no model: build it again`);
      return `export { ${name} as Model, plan } from ${JSON.stringify(file)};`;
    },
    "page/checkpoint": (plugin) => {
      const files = checkpointFiles().map((name) => {
        const address = fileAddress(plugin, name, join(weights, name));
        return `{ name: ${JSON.stringify(name)}, address: ${address} }`;
      });
      return `export const files = [${files.join(", ")}];`;
    },
    "page/gpu-kernels": () =>
      `export const sources = ${JSON.stringify(wgslSources(join(model, "kernels")))};`,
    "page/cpu-kernels": (plugin) => {
      const files = ["kernels.wasm", "kernels.fused.wasm"].map(
        (name) => `"${name}": ${fileAddress(plugin, name, join(model, name))}`,
      );
      return `export const addresses = { ${files.join(", ")} };`;
    },
  };
  return {
    name: "braid-model",
    resolveId: (name) => (name in written ? `\0${name}` : undefined),
    load(id) {
      return id.startsWith("\0page/") ? written[id.slice(1)](this) : undefined;
    },
  };
}

/** An expression that is the address of a file that goes beside the page. */
function fileAddress(plugin, name, path) {
  const file = plugin.emitFile({ type: "asset", name, source: readFileSync(path) });
  return `import.meta.ROLLUP_FILE_URL_${file}`;
}

/** The checkpoint's tensors, and what a runtime reads beside them. */
function checkpointFiles() {
  const read = /\.(?:safetensors|json|jinja)$/;
  return readdirSync(weights).filter((name) => read.test(name));
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
