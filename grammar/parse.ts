/** Text to tree, with everything that is wrong with the text. */

import type { CstNode } from "chevrotain";
import type { Module } from "./ast.ts";
import { buildModule } from "./build.ts";
import type { Context, Form } from "./context.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { lex } from "./lex.ts";
import { explain } from "./mistakes.ts";
import { outline } from "./outline.ts";
import { LineParser } from "./parser.ts";
import { Reports } from "./reports.ts";
import type { Source } from "./source.ts";

/** A tree, and the mistakes in the text in order of place; without any, the tree is whole. */
export interface Parsed {
  readonly module: Module;
  readonly diagnostics: readonly Diagnostic[];
}

// Building the parser costs far more than parsing a file, and each line starts it afresh.
const parser: LineParser = new LineParser();

const rules: Readonly<Record<Form, () => CstNode>> = {
  import: () => parser.importLine(),
  predicate: () => parser.predicateLine(),
  block: () => parser.blockLine(),
  model: () => parser.modelLine(),
  alias: () => parser.aliasLine(),
  input: () => parser.inputLine(),
  weight: () => parser.weightLine(),
  path: () => parser.pathLine(),
  tie: () => parser.tieLine(),
  sequence: () => parser.sequenceLine(),
  for: () => parser.forLine(),
  condition: () => parser.conditionLine(),
  else: () => parser.elseLine(),
  return: () => parser.returnLine(),
  output: () => parser.outputLine(),
  adapt: () => parser.adaptLine(),
  generate: () => parser.generateLine(),
  bind: () => parser.bindLine(),
};

/**
 * Reads a file. Mistakes are reported once each, and one in a declaration or statement leaves the
 * others in the tree; where an expression could not be read, `missing` stands in its place.
 */
export function parse(source: Source): Parsed {
  const lexed = lex(source);
  const { regions, diagnostics } = outline(source.file, lexed);
  const mistakes = [...lexed.diagnostics, ...diagnostics];
  const reports = new Reports(source.text, lexed.tokens, mistakes);
  const module = buildModule(source.file, regions, () => contextFor(source.file, reports));
  return { module, diagnostics: reports.inOrder() };
}

function contextFor(file: string, reports: Reports): Context {
  let isSilent = false;
  return {
    file,
    miscased: new Set(),
    report: (diagnostic) => reports.add(diagnostic),
    remark: (diagnostic) => {
      if (!isSilent) reports.add(diagnostic);
    },
    isReported: (tokens) => reports.isReported(tokens),
    isBroken: (tokens) => reports.isBroken(tokens),
    parse: (form, tokens) => {
      parser.input = [...tokens];
      const node = rules[form]();
      const [exception] = parser.errors;
      // What follows the first mistake of a line is as often its consequence as another one.
      if (exception !== undefined && !reports.isReported(tokens)) {
        reports.add(explain(file, form, tokens, exception));
      }
      isSilent = reports.isBroken(tokens);
      return node;
    },
  };
}
