/**
 * TypeScript as JavaScript and declarations. File by file and without checking types: the tests check
 * what is emitted, once for all.
 */

import { ts } from "ts-morph";

const options = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  isolatedModules: true,
  verbatimModuleSyntax: true,
  isolatedDeclarations: true,
  declaration: true,
} as const;

/** The file `<name>.ts` as it is, as `<name>.js` and as `<name>.d.ts`. */
export function formsOf(file: string, text: string): readonly (readonly [string, string])[] {
  const name = file.replace(/\.ts$/, "");
  const settings = { fileName: file, compilerOptions: options };
  return [
    [file, text],
    [`${name}.js`, ts.transpileModule(text, settings).outputText],
    [`${name}.d.ts`, ts.transpileDeclaration(text, settings).outputText],
  ];
}
