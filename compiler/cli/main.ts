/** `braid`: one file a verb. Data goes to stdout, talk to stderr. */

import { Command, CommanderError, Help, type Option } from "commander";
import { BraidError } from "../../runtime/errors.ts";
import { addBuild } from "./build.ts";
import { addChat } from "./chat.ts";
import { addCheck } from "./check.ts";
import { exitCode } from "./exit-code.ts";
import { addDoctor } from "./doctor.ts";
import { addExplain } from "./explain.ts";
import { addFmt } from "./fmt.ts";
import { addImport } from "./import.ts";
import { addMask } from "./mask.ts";
import { addRank } from "./rank.ts";
import { addReport } from "./report.ts";
import { addRun } from "./run.ts";
import { clear, say } from "./terminal.ts";
import { addTune } from "./tune.ts";
import { UsageError } from "./usage-error.ts";

const program = new Command("braid")
  .description("Compile and run multimodal language models described in one file")
  .version("0.1.0")
  .showHelpAfterError("(braid --help lists the commands)")
  .configureHelp({ optionDescription: described })
  .exitOverride();

const verbs = [
  addCheck,
  addFmt,
  addImport,
  addBuild,
  addExplain,
  addMask,
  addRank,
  addReport,
  addRun,
  addChat,
  addDoctor,
  addTune,
];
for (const add of verbs) add(program);
for (const command of program.commands) {
  command
    .exitOverride()
    .showHelpAfterError(`(braid ${command.name()} --help lists what it takes, with an example)`);
}
for (const command of [program, ...program.commands]) {
  command.addHelpText(
    "after",
    `
Exit status:
  0  all is well
  1  the spec has errors, or is not formatted
  2  the command line is wrong
  3  a checkpoint, image, prompt or device does not fit the spec
  4  Braid itself made a mistake`,
  );
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? exitCode.success : exitCode.failure);
});

/** Settled when the verb has ended, which says how in `process.exitCode`. */
export const ended: Promise<void> = program.parseAsync().then(
  () => undefined,
  (error: unknown) => {
    clear();
    process.exitCode = failed(error);
  },
);

/** What an option is for, and its default; nobody need read that a list is empty. */
function described(option: Option): string {
  return new Help().optionDescription(option).replace(/ \(default: ("")?(\[\])?(\{\})?\)$/, "");
}

function failed(error: unknown): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCode.success : exitCode.usage;
  }
  if (error instanceof UsageError) {
    say(`error${error.code === undefined ? "" : `[${error.code}]`}: ${error.message}`);
    return exitCode.usage;
  }
  if (error instanceof BraidError) {
    say(`error[${error.code}]: ${error.message}`);
    return exitCode.failure;
  }
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  say(`error[internal]: ${what}\n  = hint: this is no mistake of yours; report it with the spec`);
  return exitCode.internal;
}
