/** The options by which every verb names a model and sets its parameters. */

import { type Command, InvalidArgumentError, Option } from "commander";
import { render, toJson } from "../../grammar/index.ts";
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import { type Checked, type CheckedModel, checkModel, type CompileOptions } from "../compile.ts";
import { exitCode } from "./exit-code.ts";
import { settingText } from "../check/model-choice.ts";
import { stdSources } from "../std/sources.ts";
import { readSource, resolveImport } from "./sources.ts";
import { inColor, say } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

/** What the options give. */
export interface ModelOptions {
  readonly model?: string;
  readonly set: ReadonlyMap<string, string>;
  readonly json?: boolean;
  readonly paged?: number;
}

/** Adds `--model`, `--set` and `--json`. */
export function withModelOptions(command: Command): Command {
  return command
    .option("--model <name>", "the model to take, where the file has several")
    .addOption(
      new Option(
        "--set <name=value>",
        "set a dim or parameter of the model, e.g. `--set sees=causal` (repeatable)",
      )
        .argParser(collectSetting)
        .default(new Map<string, string>()),
    )
    .option("--json", "print diagnostics and results as JSON on stdout");
}

/** Adds `--paged`, for verbs whose kernels run or are written. */
export function withPages(command: Command): Command {
  return command.addOption(
    new Option(
      "--paged <rows>",
      "keep caches in pages of so many rows, which conversations of a session may share",
    ).argParser((text) => {
      const rows = Number(text);
      // Pages of 16-bit numbers begin at whole words so.
      if (Number.isInteger(rows) && rows > 0 && rows % 4 === 0) return rows;
      throw new InvalidArgumentError("give the rows of a page, a multiple of 4, e.g. 16");
    }),
  );
}

function collectSetting(text: string, before: ReadonlyMap<string, string>): Map<string, string> {
  const cut = text.indexOf("=");
  if (cut <= 0) throw new InvalidArgumentError("write it as name=value, e.g. sees=causal");
  return new Map([...before, [text.slice(0, cut).trim(), text.slice(cut + 1).trim()]]);
}

/** What the options say to the compiler. Numbers for capitalised names are dims. */
export function compileOptions(options: ModelOptions): CompileOptions {
  const dims = new Map<string, number>();
  const parameters = new Map<string, string>();
  for (const [name, value] of options.set) {
    if (!/^[A-Z]/.test(name)) parameters.set(name, value);
    else if (/^\d+$/.test(value)) dims.set(name, Number(value));
    else
      throw new UsageError(`\`${value}\` is no size`, `give a whole number: \`--set ${name}=4\``);
  }
  return {
    resolve: resolveImport,
    needsModel: true,
    dims,
    parameters,
    ...(options.model === undefined ? {} : { model: options.model }),
    ...(options.paged === undefined ? {} : { pages: options.paged }),
  };
}

/** The model in `file`, or nothing but its mistakes; warnings are no part of a verb's own JSON. */
export function loadModel(file: string, options: ModelOptions): CheckedModel | undefined {
  const { value, diagnostics } = checkModel(readSource(file), compileOptions(options));
  const json = options.json === true;
  if (value === undefined || !json) report(diagnostics, json);
  if (value === undefined) process.exitCode = exitCode.mistakes;
  return value;
}

/** Checks all that `file` declares, a model or not, and reports what is wrong. */
export function checkFile(file: string, options: ModelOptions): Checked<CheckedModel> {
  const checked = checkModel(readSource(file), { ...compileOptions(options), needsModel: false });
  report(checked.diagnostics, options.json === true);
  return checked;
}

/** Prints diagnostics: for people on stderr, as JSON on stdout. */
export function report(diagnostics: readonly Diagnostic[], json: boolean): void {
  const sources = sourcesOf(diagnostics);
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ diagnostics: toJson(diagnostics, sources) }, null, 2)}\n`,
    );
  } else if (diagnostics.length > 0) {
    say(render(diagnostics, sources, { color: inColor }).trimEnd());
    const errors = diagnostics.filter((each) => each.severity === "error").length;
    if (errors > 0) say(`\n${errors} ${errors === 1 ? "error" : "errors"}`);
  }
}

function sourcesOf(diagnostics: readonly Diagnostic[]): ReadonlyMap<string, string> {
  const files = diagnostics.flatMap((each) => [each.at, ...each.also].map(({ span }) => span.file));
  return new Map(
    [...new Set(files)].map((file) => [
      file,
      stdSources.get(file) ?? settingText(file) ?? readSource(file).text,
    ]),
  );
}
