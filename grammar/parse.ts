/** Text to tree, with everything that is wrong with the text. */

import type { CstNode, IToken } from "chevrotain";
import type { Module } from "./ast.ts";
import { buildModule } from "./build.ts";
import type { Context, Form } from "./context.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { lex } from "./lex.ts";
import { explain } from "./mistakes.ts";
import { outline } from "./outline.ts";
import { LineParser } from "./parser.ts";
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
  generate: () => parser.generateLine(),
  bind: () => parser.bindLine(),
};

/**
 * Reads a file. Mistakes are reported once each, and one in a declaration or statement leaves the
 * others in the tree; where an expression could not be read, `missing` stands in its place.
 */
export function parse(source: Source): Parsed {
  const lexed = lex(source);
  const { regions, diagnostics: ofOutline } = outline(source.file, lexed);
  const diagnostics: Diagnostic[] = [...lexed.diagnostics, ...ofOutline];
  const ends = neighbourhoods(
    source,
    lexed.tokens,
    new Set(diagnostics.map(({ at }) => at.span.start)),
  );
  const module = buildModule(source.file, regions, () =>
    contextFor(source.file, diagnostics, ends),
  );
  diagnostics.sort((a, b) => a.at.span.start - b.at.span.start);
  return { module, diagnostics };
}

/** The mistakes after which it is still known what is meant. */
const readable: ReadonlySet<string> = new Set([
  "syntax/capital",
  "syntax/comment",
  "syntax/operator",
  "syntax/string",
]);

/**
 * Where each token's neighbourhood ends: at the next token, or with the line of the text. A bracket
 * that closes nothing belongs to the neighbourhood before it.
 */
function neighbourhoods(
  source: Source,
  tokens: readonly IToken[],
  reported: ReadonlySet<number>,
): ReadonlyMap<IToken, number> {
  const ends = new Map<IToken, number>();
  let next = source.text.length + 1;
  for (const token of [...tokens].reverse()) {
    const line = source.text.indexOf("\n", token.endOffset ?? token.startOffset);
    ends.set(token, line < 0 ? next : Math.min(line, next));
    const isDropped = /^[)\]}]$/.test(token.image) && reported.has(token.startOffset);
    if (!isDropped) next = token.startOffset;
  }
  return ends;
}

function contextFor(
  file: string,
  diagnostics: Diagnostic[],
  ends: ReadonlyMap<IToken, number>,
): Context {
  let isSilent = false;
  const isWithin = ({ at }: Diagnostic, tokens: readonly IToken[]): boolean => {
    const last = tokens.findLast((token) => ends.has(token));
    const end = last === undefined ? undefined : ends.get(last);
    const start = tokens[0]?.startOffset;
    return (
      start !== undefined && end !== undefined && at.span.start >= start && at.span.start < end
    );
  };
  const context: Context = {
    file,
    miscased: new Set(),
    report: (diagnostic) => {
      diagnostics.push(diagnostic);
    },
    remark: (diagnostic) => {
      if (!isSilent) diagnostics.push(diagnostic);
    },
    isReported: (tokens) =>
      diagnostics.some((each) => each.code !== "syntax/comment" && isWithin(each, tokens)),
    isBroken: (tokens) =>
      diagnostics.some((each) => !readable.has(each.code) && isWithin(each, tokens)),
    parse: (form, tokens) => {
      const wasReported = context.isReported(tokens);
      parser.input = [...tokens];
      const node = rules[form]();
      const [exception] = parser.errors;
      // What follows the first mistake of a line is as often its consequence as another one.
      if (exception !== undefined && !wasReported) {
        diagnostics.push(explain(file, form, tokens, exception));
      }
      isSilent = context.isBroken(tokens);
      return node;
    },
  };
  return context;
}
