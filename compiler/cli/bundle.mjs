/**
 * Bundles the command line: hundreds of small modules take longer to find than to run. Only what is
 * loaded lazily stays outside. What people run first is run once, and the bytecode that V8 made of it
 * is kept beside the bundle (`bundle-loader.ts`).
 */

import { chmodSync, existsSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "vite";
import { keepBytecode } from "./keep-bytecode.mjs";

const folder = "dist/bundle";
/** Loaded where they are needed only. */
const packages = ["webgpu", "koffi"];

await build({
  configFile: false,
  logLevel: "warn",
  ssr: { noExternal: true, external: packages },
  plugins: [{ name: "imports-of-packages", renderChunk: (code) => ({ code: withImports(code) }) }],
  build: {
    ssr: true,
    outDir: folder,
    emptyOutDir: true,
    target: "node20",
    minify: false,
    rollupOptions: {
      input: {
        "bundle-loader": "dist/compiler/cli/bundle-loader.js",
        main: "dist/compiler/cli/main.js",
        worker: "dist/compiler/cli/build-worker.js",
        "probe-child": "dist/runtime/node/probe-child.js",
      },
      // V8 keeps the bytecode of scripts, not of modules.
      output: { format: "cjs", entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
    },
  },
});

writeFileSync(join(folder, "package.json"), '{ "type": "commonjs" }\n');
const command = join(folder, "braid.js");
launcher(command, "main.js");
launcher(join(folder, "build-worker.js"), "worker.js");
chmodSync(command, 0o755);
await keepBytecode(resolve(folder));

// `npx braid` in this folder finds its own command; without the link it would install the folder.
if (process.platform !== "win32" && existsSync("node_modules/.bin")) {
  rmSync("node_modules/.bin/braid", { force: true });
  symlinkSync(join("..", "..", command), "node_modules/.bin/braid");
}

/** The code of a file, which imports packages through its loader. */
function withImports(code) {
  return code.replaceAll(
    new RegExp(`\\bimport\\("(${packages.join("|")})"\\)`, "g"),
    'imported("$1")',
  );
}

/** Writes a file that loads another one of the bundle. */
function launcher(path, loaded) {
  const text = `#!/usr/bin/env node
const { BundleLoader } = require("./bundle-loader.js");
new BundleLoader().load(require("node:path").join(__dirname, "${loaded}"));
`;
  writeFileSync(path, text);
}
