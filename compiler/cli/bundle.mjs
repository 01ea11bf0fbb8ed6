/**
 * Bundles the command line: hundreds of small modules take longer to find than to run. Only what is
 * loaded lazily stays outside.
 */

import { chmodSync, existsSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";

await build({
  configFile: false,
  logLevel: "warn",
  ssr: { noExternal: true, external: ["webgpu", "koffi"] },
  build: {
    ssr: true,
    outDir: "dist/bundle",
    emptyOutDir: true,
    target: "node20",
    minify: false,
    rollupOptions: {
      input: {
        braid: "dist/compiler/cli/main.js",
        "build-worker": "dist/compiler/cli/build-worker.js",
        "probe-child": "dist/runtime/node/probe-child.js",
      },
      output: { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
    },
  },
});

// `npx braid` in this folder finds its own command; without the link it would install the folder.
const command = "dist/bundle/braid.js";
chmodSync(command, 0o755);
if (process.platform !== "win32" && existsSync("node_modules/.bin")) {
  rmSync("node_modules/.bin/braid", { force: true });
  symlinkSync(join("..", "..", command), "node_modules/.bin/braid");
}
