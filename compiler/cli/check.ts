/** `braid check`: is the spec right? */

import type { Command } from "commander";
import { exitCode } from "./exit-code.ts";
import { checkFile, type ModelOptions, withModelOptions } from "./model-options.ts";
import { say } from "./terminal.ts";

/** Adds the verb. */
export function addCheck(program: Command): void {
  withModelOptions(program.command("check"))
    .description("report every mistake of a spec")
    .argument("<file>", "the .braid file")
    .addHelpText("after", "\nExample:\n  braid check examples/ee-mllm/ee-mllm.braid")
    .action((file: string, options: ModelOptions) => {
      const { value, diagnostics } = checkFile(file, options);
      if (diagnostics.some(({ severity }) => severity === "error")) {
        process.exitCode = exitCode.mistakes;
      } else if (options.json !== true) {
        say(`${file}: ${value?.graph.name ?? "what it declares, which is no model,"} is right`);
      }
    });
}
