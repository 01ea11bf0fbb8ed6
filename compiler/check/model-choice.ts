/** Which model is meant, and what its dims and parameters are given as: by aliases, then from outside. */

import type { Argument, BracketItem, ModelAlias } from "../../grammar/ast.ts";
import { type Diagnostic, didYouMean, error } from "../../grammar/diagnostic.ts";
import { parse } from "../../grammar/index.ts";
import type { Source } from "../../grammar/source.ts";
import { type Definition, moduleOf, type Program } from "../elaborate/program.ts";

/** A dim or argument with the file in whose scope it is written. */
export interface Override<T> {
  readonly item: T;
  readonly file: string;
}

/** A model with everything that is given for it, the strongest last. */
export interface ModelChoice {
  /** The name that was asked for, an alias's or the model's own. */
  readonly name: string;
  readonly model: Definition & { readonly kind: "model" };
  readonly dims: readonly Override<BracketItem>[];
  readonly arguments: readonly Override<Argument>[];
  /** The aliases on the way, the one asked for first. */
  readonly aliases: readonly ModelAlias[];
}

/** Follows aliases from `definition` to a model; nothing if one was reported before. */
export function chooseModel(program: Program, definition: Definition): ModelChoice | undefined {
  const dims: Override<BracketItem>[] = [];
  const given: Override<Argument>[] = [];
  const aliases: ModelAlias[] = [];
  let found: Definition | undefined = definition;
  while (found?.kind === "alias") {
    const { declaration, file }: { declaration: ModelAlias; file: string } = found;
    aliases.push(declaration);
    dims.unshift(...declaration.dims.map((item) => ({ item, file })));
    given.unshift(...declaration.arguments.map((item) => ({ item, file })));
    found = moduleOf(program, file).names.get(declaration.base.text);
  }
  if (found?.kind !== "model") return undefined;
  const name = aliases[0]?.name.text ?? found.declaration.name.text;
  return { name, model: found, dims, arguments: given, aliases };
}

/** The models of the entry file by name, in the order in which they are declared. */
export function modelsOf(program: Program): ReadonlyMap<string, Definition> {
  const { module, names } = moduleOf(program, program.entry);
  const found = module.declarations.flatMap(({ kind, name }): [string, Definition][] => {
    const definition = names.get(name.text);
    return (kind === "model" || kind === "alias") && definition ? [[name.text, definition]] : [];
  });
  return new Map(found);
}

const settingPrefix = "--set ";

/** The text that is read for a setting's file name, `--set sees=causal`; nothing for other files. */
export function settingText(file: string): string | undefined {
  if (!file.startsWith(settingPrefix)) return undefined;
  const setting = file.slice(settingPrefix.length);
  const cut = setting.indexOf("=");
  return `model Set = Model(${setting.slice(0, cut)} = ${setting.slice(cut + 1)})`;
}

/** What `--set` gives: the text of each parameter, parsed as an argument of the model. */
export function parseParameters(parameters: ReadonlyMap<string, string>): {
  readonly overrides: readonly { readonly item: Argument; readonly source: Source }[];
  readonly diagnostics: readonly Diagnostic[];
} {
  const overrides: { item: Argument; source: Source }[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const [name, text] of parameters) {
    const file = `${settingPrefix}${name}=${text}`;
    const source = { file, text: settingText(file) ?? "" };
    const parsed = parse(source);
    diagnostics.push(...parsed.diagnostics);
    const [alias] = parsed.module.declarations;
    if (alias?.kind !== "alias" || parsed.diagnostics.length > 0) continue;
    overrides.push(...alias.arguments.map((item) => ({ item, source })));
  }
  return { overrides, diagnostics };
}

/** No model of this name, or no model at all. */
export function noModel(program: Program, wanted: string | undefined): Diagnostic {
  const names = [...modelsOf(program).keys()];
  const span = { file: program.entry, start: 0, end: 0 };
  const list = names.map((name) => `\`${name}\``).join(", ");
  if (wanted === undefined) {
    return error("name/model", {
      message: "the file declares no model",
      at: { span, note: "" },
      hint: "add one: `model Name(…) { … }`",
    });
  }
  return error("name/model", {
    message: `the file has no model \`${wanted}\``,
    at: { span, note: "" },
    hint:
      didYouMean(wanted, names) ??
      (names.length === 0 ? "add one: `model Name(…) { … }`" : `it has ${list}`),
  });
}
