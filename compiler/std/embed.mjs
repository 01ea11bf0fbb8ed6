/**
 * Writes `sources.ts` from the `.braid` files beside it, so that the compiler has its standard
 * library where there are no files. The order is that of the names: the same files give the same
 * bytes.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const files = readdirSync(folder)
  .filter((file) => file.endsWith(".braid"))
  .sort();
const entries = files.map((file) => {
  const name = `std/${file.slice(0, -".braid".length)}`;
  const text = readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n");
  return `  [${JSON.stringify(name)}, ${JSON.stringify(text)}],\n`;
});
writeFileSync(
  join(folder, "sources.ts"),
  `/** Written by \`embed.mjs\`: the standard library by module name. */\n\n` +
    `export const stdSources: ReadonlyMap<string, string> = new Map([\n${entries.join("")}]);\n`,
);
