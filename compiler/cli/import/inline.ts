/** A spec and all that it imports but the standard library as one text, and its defaults replaced. */

import type { Declaration, ModelDeclaration } from "../../../grammar/ast.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { format, parse } from "../../../grammar/index.ts";

/** What a spec consists of. */
export interface InlinedSpec {
  /** Names by the module of the standard library that they come from. */
  readonly imports: Map<string, Set<string>>;
  /** The text of each declaration, what is used before what uses it. */
  readonly declarations: readonly string[];
  readonly model: ModelDeclaration;
  readonly modelText: string;
}

/** Reads `path` of `sources` with its relative imports; of its models only `model` is kept. */
export function inlineSpec(
  sources: ReadonlyMap<string, string>,
  path: string,
  model: string,
): InlinedSpec {
  const imports = new Map<string, Set<string>>();
  const declarations: string[] = [];
  const seen = new Set<string>();
  const models: { readonly model: ModelDeclaration; readonly text: string }[] = [];

  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = sources.get(file);
    invariant(text !== undefined, `import: there is no template ${file}`);
    const { module } = parse({ file, text });
    for (const { names, from } of module.imports) {
      if (!from.text.startsWith("std/")) {
        visit(`${file.slice(0, file.lastIndexOf("/"))}/${from.text}`);
        continue;
      }
      const known = imports.get(from.text) ?? new Set();
      for (const { name } of names) known.add(name.text);
      imports.set(from.text, known);
    }
    let before = text.indexOf("\n\n", text.lastIndexOf('from "'));
    for (const each of module.declarations) {
      const own = text.slice(Math.max(0, before), each.span.end).trim();
      before = each.span.end;
      if (each.kind === "model" && each.name.text === model) models.push({ model: each, text });
      if (!isModel(each)) declarations.push(own);
    }
  };
  visit(path);
  const [found] = models;
  invariant(found !== undefined, `import: ${path} has no model ${model}`);
  return { imports, declarations, model: found.model, modelText: found.text };
}

function isModel(each: Declaration): boolean {
  return each.kind === "model" || each.kind === "alias";
}

/** The text of the spec's model called `name`, with these defaults; keys are read inside of `part`. */
export function renderSpec(
  spec: InlinedSpec,
  name: string,
  head: string,
  values: ReadonlyMap<string, string>,
  part?: string,
): string {
  const { model, modelText, imports, declarations } = spec;
  const edits: { readonly start: number; readonly end: number; readonly text: string }[] = [
    { start: model.name.span.start, end: model.name.span.end, text: name },
  ];
  for (const { name: each, value, from } of [...model.dims, ...model.parameters]) {
    const wanted = values.get(each.text);
    if (wanted !== undefined && value !== undefined) {
      edits.push({ start: value.span.start, end: value.span.end, text: wanted });
    }
    if (from !== undefined && part !== undefined) {
      edits.push({ start: from.span.start, end: from.span.start, text: `${part}.` });
    }
  }
  let text = modelText.slice(0, model.span.end);
  for (const { start, end, text: wanted } of edits.sort((a, b) => b.start - a.start)) {
    text = text.slice(0, start) + wanted + text.slice(end);
  }
  const lines = [...imports]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([from, names]) => `import { ${[...names].sort().join(", ")} } from "${from}"`);
  const own = text.slice(model.span.start);
  return format(`${head}\n${[lines.join("\n"), ...declarations, own].join("\n\n")}\n`);
}
