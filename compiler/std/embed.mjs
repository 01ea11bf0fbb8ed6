/**
 * Writes `sources.ts` from the `.braid` files beside it, so that the compiler has its standard
 * library where there are no files, and `cli/import/templates.ts` from the examples that `braid
 * import` writes specs after. The order is that of the names: the same files give the same bytes.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const examples = join(folder, "../../examples");
/** Folders of `examples` whose specs stand for a family of checkpoints. */
const families = ["blip2", "clip", "llama", "llama-3.2-vision", "llava", "qwen2-vl"];

/** The `.braid` files of a folder as entries of a map: `name` says what each is called. */
function entriesOf(path, name) {
  const files = readdirSync(path).filter((file) => file.endsWith(".braid"));
  return files.sort().map((file) => {
    const text = readFileSync(join(path, file), "utf8").replaceAll("\r\n", "\n");
    return `  [${JSON.stringify(name(file.slice(0, -".braid".length)))}, ${JSON.stringify(text)}],\n`;
  });
}

function write(path, what, constant, entries) {
  writeFileSync(
    path,
    `/** Written by \`std/embed.mjs\`: ${what}. */\n\n` +
      `export const ${constant}: ReadonlyMap<string, string> = new Map([\n${entries.join("")}]);\n`,
  );
}

write(
  join(folder, "sources.ts"),
  "the standard library by module name",
  "stdSources",
  entriesOf(folder, (file) => `std/${file}`),
);
write(
  join(folder, "../cli/import/templates.ts"),
  "specs of families of checkpoints, by their paths in `examples`",
  "templates",
  families.flatMap((family) => entriesOf(join(examples, family), (file) => `${family}/${file}`)),
);
