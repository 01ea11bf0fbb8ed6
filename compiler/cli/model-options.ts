/** The options by which every verb names a model and sets its parameters. */

import { type Command, InvalidArgumentError } from "commander";
import { render, toJson } from "../../grammar/index.ts";
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import { type CheckedModel, checkModel, type CompileOptions } from "../compile.ts";
import { stdSources } from "../std/sources.ts";
import { readSource, resolveImport } from "./sources.ts";
import { inColor, say } from "./terminal.ts";

/** What the options give. */
export interface ModelOptions {
  readonly model?: string;
  readonly set: ReadonlyMap<string, string>;
  readonly json?: boolean;
}

/** Adds `--model`, `--set` and `--json`. */
export function withModelOptions(command: Command): Command {
  return command
    .option("--model <name>", "the model to take, where the file has several")
    .option(
      "--set <name=value>",
      "set a dim or parameter of the model, e.g. `--set sees=causal` (repeatable)",
      collectSetting,
      new Map<string, string>(),
    )
    .option("--json", "print diagnostics and results as JSON on stdout");
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
    if (/^[A-Z]/.test(name) && /^\d+$/.test(value)) dims.set(name, Number(value));
    else parameters.set(name, value);
  }
  return {
    resolve: resolveImport,
    dims,
    parameters,
    ...(options.model === undefined ? {} : { model: options.model }),
  };
}

/** Checks the model in `file`, reports what is wrong, and gives it if nothing is. */
export function loadModel(file: string, options: ModelOptions): CheckedModel | undefined {
  const source = readSource(file);
  const { value, diagnostics } = checkModel(source, compileOptions(options));
  report(diagnostics, options.json === true);
  return value;
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
    [...new Set(files)].map((file) => [file, stdSources.get(file) ?? readSource(file).text]),
  );
}
