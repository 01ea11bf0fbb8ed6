/** Outline to tree: each line is parsed by itself, and what could be read of it is kept. */

import type { IToken } from "chevrotain";
import type { Declaration, Expr, Import, ImportedName, Module, Name, Parameter } from "./ast.ts";
import {
  buildArguments,
  buildBracketItems,
  buildExpression,
  stringValue,
} from "./build-expression.ts";
import { buildStatements } from "./build-statement.ts";
import { buildDims, buildParameters, buildType } from "./build-type.ts";
import { expectCapital, expectSmall } from "./case.ts";
import { type Context, nameOf, placeOf, placeOfLine } from "./context.ts";
import { nodeOf, nodesOf, tokenOf, tokensOf } from "./cst.ts";
import { error } from "./diagnostic.ts";
import { declarationHead, declarationWords, type Head, isAlias } from "./heads.ts";
import { spanOf } from "./lex.ts";
import { refuseDeclaration } from "./mistakes.ts";
import type { Line } from "./outline.ts";
import { isCapital } from "./term-parser.ts";
import * as t from "./tokens.ts";

/** The tree of a file; `contextFor` makes a fresh context for each declaration. */
export function buildModule(
  file: string,
  regions: readonly (readonly Line[])[],
  contextFor: () => Context,
): Module {
  const imports: Import[] = [];
  const declarations: Declaration[] = [];
  for (const lines of regions) {
    const context = contextFor();
    let refused = false;
    for (const [index, line] of lines.entries()) {
      const head = declarationHead(line.tokens);
      if (head === "import") imports.push(...buildImport(context, line));
      else if (head !== undefined) declarations.push(...buildDeclaration(context, head, line));
      else {
        // One stretch of lines that belong nowhere is one mistake, and may follow from another.
        if (!refused) refuseLine(context, line);
        refused = true;
      }
      if (index === 0 && line.body === undefined) refused ||= context.isBroken(line.tokens);
    }
  }
  return { file, imports, declarations };
}

function refuseLine(context: Context, line: Line): void {
  const first = line.tokens.length > 0 ? line : line.body?.[0];
  const diagnostic = refuseDeclaration(context.file, first?.tokens ?? [], declarationWords);
  if (diagnostic !== undefined && !context.isReported(line.tokens)) context.report(diagnostic);
}

function buildImport(context: Context, line: Line): readonly Import[] {
  const node = context.parse("import", line.tokens);
  const names = nodesOf(node, "importedName").flatMap((item): ImportedName[] => {
    const [first, second] = tokensOf(item, t.Name).map((token) => nameOf(context, token));
    if (first === undefined) return [];
    if (second !== undefined) expectSameCase(context, first, second);
    return [{ name: first, local: second ?? first }];
  });
  const text = tokenOf(node, t.Text);
  if (text === undefined) return [];
  const from = { text: stringValue(text), span: spanOf(context.file, text) };
  return [{ names, from, span: placeOfLine(context, line) }];
}

function expectSameCase(context: Context, name: Name, local: Name): void {
  if (isCapital(name.text)) expectCapital(context, local, "a model");
  else expectSmall(context, local, "a block, mask or score");
}

function buildDeclaration(context: Context, head: Head, line: Line): readonly Declaration[] {
  if (head === "mask") return buildPredicate(context, "mask", line);
  if (head === "score") return buildPredicate(context, "score", line);
  if (head === "block") return buildBlock(context, line);
  return isAlias(line.tokens) ? buildAlias(context, line) : buildModel(context, line);
}

function headOf(
  context: Context,
  line: Line,
  nameToken: IToken,
): Pick<Declaration, "name" | "doc" | "broken" | "span"> {
  const name = nameOf(context, nameToken);
  const broken = context.isBroken(line.tokens) ? { broken: true as const } : {};
  return { name, doc: line.doc, ...broken, span: placeOfLine(context, line) };
}

function buildPredicate(
  context: Context,
  kind: "mask" | "score",
  line: Line,
): readonly Declaration[] {
  const node = context.parse("predicate", line.tokens);
  const nameToken = tokenOf(node, t.Name);
  if (nameToken === undefined) return [];
  const lists = nodesOf(node, "parameters");
  const last = lists[lists.length - 1];
  const wanted = kind === "mask" ? ["q", "k"] : ["s", "q", "k"];
  const rows = buildParameters(context, last);
  const isPlain = rows.every((row) => row.type === undefined && row.value === undefined);
  if ((rows.length !== wanted.length || !isPlain) && !context.isReported(line.tokens)) {
    reportRows(
      context,
      kind,
      nameToken,
      last === undefined ? undefined : placeOf(context, last, 0),
    );
  }
  const body = predicateBody(context, line, nodeOf(node, "expression"));
  const parameters = lists.length > 1 ? buildParameters(context, lists[0]) : [];
  expectSmall(context, nameOf(context, nameToken), `a ${kind}`);
  const base = { ...headOf(context, line, nameToken), parameters, body };
  const [first, second, third] = namesOf(rows, wanted, base.name);
  if (first === undefined || second === undefined) return [];
  if (kind === "mask") return [{ kind, ...base, query: first, key: second }];
  return third === undefined ? [] : [{ kind, ...base, logit: first, query: second, key: third }];
}

function predicateBody(
  context: Context,
  line: Line,
  node: Parameters<typeof buildExpression>[1],
): Expr {
  if (line.body !== undefined && !context.isReported(line.tokens)) {
    const start = line.tokens[0] ?? line.body[0]?.tokens[0];
    if (start !== undefined) {
      context.report(
        error("syntax/bracket", {
          message: `a \`${start.image}\` is one expression and has no body in braces`,
          at: { span: spanOf(context.file, start), note: "" },
          hint: `write \`${start.image} name(…) = …\``,
        }),
      );
    }
  }
  return buildExpression(context, node, line.end);
}

function reportRows(
  context: Context,
  kind: "mask" | "score",
  name: IToken,
  span: ReturnType<typeof placeOf> | undefined,
): void {
  const rows = kind === "mask" ? "a query and a key" : "a logit, a query and a key";
  const list = kind === "mask" ? "(q, k)" : "(s, q, k)";
  context.report(
    error("syntax/rows", {
      message: `a ${kind} is a rule about ${rows}, named in its last parentheses`,
      at: { span: span ?? spanOf(context.file, name), note: "" },
      hint: `write \`${kind} ${name.image}${list} = …\`, with parameters before: \`${name.image}(n: int)${list}\``,
    }),
  );
}

/** The names of the rows; what was not written has the usual name, so that the body can be read. */
function namesOf(
  rows: readonly Parameter[],
  usual: readonly string[],
  near: Name,
): readonly Name[] {
  return usual.map((text, index) => rows[index]?.name ?? { text, span: near.span });
}

function buildBlock(context: Context, line: Line): readonly Declaration[] {
  const node = context.parse("block", line.tokens);
  const nameToken = tokenOf(node, t.Name);
  if (nameToken === undefined) return [];
  expectSmall(context, nameOf(context, nameToken), "a block");
  const dims = buildDims(context, nodeOf(node, "dims"));
  const parameters = buildParameters(context, nodeOf(node, "parameters"));
  const results = nodesOf(nodeOf(node, "results"), "type").flatMap((type) => {
    const built = buildType(context, type);
    return built === undefined ? [] : [built];
  });
  const head = headOf(context, line, nameToken);
  const body = buildStatements(context, line.body ?? []);
  return [{ kind: "block", ...head, dims, parameters, results, body }];
}

function buildModel(context: Context, line: Line): readonly Declaration[] {
  const node = context.parse("model", line.tokens);
  const nameToken = tokenOf(node, t.Name);
  if (nameToken === undefined) return [];
  expectCapital(context, nameOf(context, nameToken), "a model");
  const dims = buildDims(context, nodeOf(node, "dims"));
  const parameters = buildParameters(context, nodeOf(node, "parameters"));
  const head = headOf(context, line, nameToken);
  const body = buildStatements(context, line.body ?? []);
  return [{ kind: "model", ...head, dims, parameters, body }];
}

function buildAlias(context: Context, line: Line): readonly Declaration[] {
  const node = context.parse("alias", line.tokens);
  const [nameToken, baseToken] = tokensOf(node, t.Name);
  if (nameToken === undefined || baseToken === undefined) return [];
  expectCapital(context, nameOf(context, nameToken), "a model");
  const base = nameOf(context, baseToken);
  expectCapital(context, base, "a model");
  const dims = buildBracketItems(context, nodeOf(node, "bracketItems"));
  const items = buildArguments(context, nodeOf(node, "callArguments"));
  const head = headOf(context, line, nameToken);
  return [{ kind: "alias", ...head, base, dims, arguments: items }];
}
