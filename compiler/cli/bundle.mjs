/**
 * Bundles the command line: hundreds of small modules take longer to find than to run. Only what is
 * loaded lazily stays outside.
 */

import { build } from "vite";

await build({
  configFile: false,
  logLevel: "warn",
  ssr: { noExternal: true, external: ["webgpu"] },
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
