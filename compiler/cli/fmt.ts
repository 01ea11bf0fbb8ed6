/** `braid fmt`: the one layout of a spec. */

import type { Command } from "commander";
import { format } from "../../grammar/index.ts";
import { exitCode } from "./exit-code.ts";
import { OutputFile } from "./output-file.ts";
import { readSource, readStandardInput } from "./sources.ts";
import { say } from "./terminal.ts";

/** Adds the verb. */
export function addFmt(program: Command): void {
  program
    .command("fmt")
    .description("format specs; `-` reads standard input and writes standard output")
    .argument("<files...>", "the .braid files")
    .option("--check", "change nothing; fail if a file is not formatted")
    .addHelpText("after", "\nExamples:\n  braid fmt model.braid\n  braid fmt - < model.braid")
    .action((files: readonly string[], options: { readonly check?: boolean }) => {
      for (const file of files) formatFile(file, options.check === true);
    });
}

function formatFile(file: string, check: boolean): void {
  const text = file === "-" ? readStandardInput() : readSource(file).text;
  const formatted = format(text);
  if (file === "-" && !check) {
    process.stdout.write(formatted);
  } else if (formatted === text) {
    return;
  } else if (check) {
    say(`${file === "-" ? "standard input" : file} is not formatted`);
    process.exitCode = exitCode.mistakes;
  } else {
    new OutputFile(file, { force: true }).write(formatted);
    say(`formatted ${file}`);
  }
}
