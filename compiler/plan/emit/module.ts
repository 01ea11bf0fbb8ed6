/** A module of an emitted model: what it says of itself, what it imports, its statements. */

import { withoutText } from "./code.ts";
import type { Form } from "./model-class.ts";

/** A file by name. */
export type EmittedFile = readonly [file: string, text: string];

/**
 * A statement of a module: what it exports with its type, or TypeScript that is JavaScript, too.
 */
export type Statement =
  | string
  /** A statement that is written in each form by itself. */
  | { readonly forms: Readonly<Record<Form, string>> }
  | {
      readonly name: string;
      readonly type: string;
      readonly doc?: string;
      /** The expression; it begins behind `export const <name>: <type> = `. */
      readonly value: string;
    };

/** What a module is made of. */
export interface ModuleParts {
  /** Lines of the comment that begins it. */
  readonly head: readonly string[];
  /** Names of `braid/runtime` that the statements may use; those that they do are imported. */
  readonly values: readonly string[];
  readonly types: readonly string[];
  /** Import declarations of other modules. */
  readonly imports: readonly string[];
  readonly statements: readonly Statement[];
}

const notice = "Written by `braid build`: build again rather than change it.";

/** A module in its three forms: with the types of what it exports, without them, and those alone. */
export function moduleFiles(name: string, parts: ModuleParts): readonly EmittedFile[] {
  const written = (form: Form): readonly string[] =>
    parts.statements.flatMap((each) => writeStatement(each, form));
  return [
    [`${name}.ts`, withImports(parts, written("typescript"), parts.imports)],
    [`${name}.js`, withImports({ ...parts, types: [] }, written("javascript"), parts.imports)],
    [`${name}.d.ts`, withImports({ ...parts, values: [] }, written("declarations"), [])],
  ];
}

/** The statement in one form; what a module does not export is not declared. */
function writeStatement(statement: Statement, form: Form): readonly string[] {
  if (typeof statement === "string") return form === "declarations" ? [] : [statement];
  if ("forms" in statement) return [statement.forms[form]];
  const { name, type, value, doc } = statement;
  const text = {
    typescript: `export const ${name}: ${type} = ${value};`,
    javascript: `export const ${name} = ${value};`,
    declarations: `export declare const ${name}: ${type};`,
  }[form];
  return [doc === undefined ? text : `/** ${doc} */\n${text}`];
}

function withImports(
  { head, values, types }: ModuleParts,
  statements: readonly string[],
  imports: readonly string[],
): string {
  const body = statements.join("\n\n");
  // Words that are not members; a spread's three dots come before what is called.
  const words = new Set(withoutText(body).match(/(?<!\w|(?<!\.\.)\.)[A-Za-z]\w*/g));
  const uses = (name: string): boolean => words.has(name);
  const runtime = runtimeImport(values.filter(uses), types.filter(uses));
  const importing = [...(runtime === undefined ? [] : [runtime]), ...imports];
  const parts = [comment([...head, "", notice]), importing.join("\n"), body];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** The name of a model inside a comment. */
export function inComment(name: string): string {
  return name.replace(/[\s`*/]+/g, " ");
}

function comment(rows: readonly string[]): string {
  return `/**\n${rows.map((row) => ` * ${row}`.trimEnd()).join("\n")}\n */`;
}

/** One import of everything that is used, in alphabetical order. */
function runtimeImport(values: readonly string[], types: readonly string[]): string | undefined {
  const names = [
    ...values.map((name) => ({ name, text: name })),
    ...types.map((name) => ({ name, text: `type ${name}` })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (names.length === 0) return undefined;
  const flat = `import { ${names.map(({ text }) => text).join(", ")} } from "braid/runtime";`;
  if (flat.length <= 100) return flat;
  const rows: string[] = [];
  for (const { text } of names) {
    const last = rows.at(-1);
    if (last === undefined || last.length + text.length + 2 > 100) rows.push(`  ${text},`);
    else rows[rows.length - 1] = `${last} ${text},`;
  }
  return ["import {", ...rows, `} from "braid/runtime";`].join("\n");
}
