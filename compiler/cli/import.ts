/** `braid import`: a spec from a checkpoint's folder. */

import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { render } from "../../grammar/index.ts";
import type { JsonRecord } from "../../runtime/json.ts";
import { diskFolder } from "../../runtime/node/index.ts";
import { checkConfig } from "../../runtime/weights/config.ts";
import { type Checkpoint, openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { type Folder, pathIn, requireSettings } from "../../runtime/weights/folder.ts";
import { matchWeights, unreadNote } from "../../runtime/weights/match.ts";
import { invariant } from "../../grammar/invariant.ts";
import { checkModel, compileFor } from "../compile.ts";
import { targets } from "../kernel/target.ts";
import { families } from "./import/families.ts";
import { makeSpec } from "./import/make-spec.ts";
import { OutputFile } from "./output-file.ts";
import { shown } from "./sources.ts";
import { say } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

interface ImportOptions {
  readonly out?: string;
  readonly force?: boolean;
}

/** Adds the verb. */
export function addImport(program: Command): void {
  program
    .command("import")
    .description("write the spec of a Hugging Face checkpoint after its config.json")
    .argument("<folder>", "the checkpoint's folder, with config.json and its weights")
    .option("--out <file>", "the .braid file to write; `-` prints (default: the folder's name)")
    .option("--force", "overwrite the file if it is there")
    .addHelpText(
      "after",
      `
Families: ${families.flatMap(({ types }) => types).join(", ")}.
The spec is checked, and held against the names and shapes of the weights, before it is written.

Examples:
  braid import checkpoints/llava-1.5-7b-hf --out llava.braid
  braid run llava.braid --weights checkpoints/llava-1.5-7b-hf --prompt "hello"`,
    )
    .action(importFolder);
}

async function importFolder(path: string, options: ImportOptions): Promise<void> {
  if (!existsSync(path) || !statSync(path).isDirectory()) {
    throw new UsageError(`there is no folder ${path}`, "name a folder with a config.json");
  }
  const out = options.out ?? `${basename(resolve(path)).replace(/[^A-Za-z0-9._-]+/g, "-")}.braid`;
  const written = out === "-" ? undefined : new OutputFile(out, { force: options.force === true });
  const folder = diskFolder(shown(path));
  const config = await requireSettings(folder, "config.json", "which says what the model is");
  const checkpoint = await openCheckpoint(folder);
  try {
    const { text, type, model } = makeSpec(config, checkpoint.tensors, folder.name);
    const note = proved(text, config, folder, checkpoint);
    if (written === undefined) {
      process.stdout.write(text);
      return;
    }
    written.write(text);
    say(`wrote ${out}: ${model}, a ${type}; all its weights are in ${folder.name}`);
    if (note !== undefined) say(note);
  } finally {
    await checkpoint.close();
  }
}

/** Holds the spec against the checkpoint; gives a note of what it does not read. Throws where it does not fit. */
function proved(
  text: string,
  config: JsonRecord,
  folder: Folder,
  checkpoint: Checkpoint,
): string | undefined {
  const source = { file: "imported.braid", text };
  const { value, diagnostics } = checkModel(source, { needsModel: true });
  invariant(
    value !== undefined,
    `an imported spec is right:\n${render(diagnostics, new Map([[source.file, text]]))}`,
  );
  const { plan } = compileFor(value, targets.cpu);
  checkConfig(plan.configChecks, config, pathIn(folder, "config.json"));
  const { unread } = matchWeights(plan.weights, checkpoint.tensors, folder.name);
  return unreadNote(unread, folder.name);
}
