/**
 * TypeScript as JavaScript and declarations. File by file and without checking types: the tests
 * check what is emitted, once for all.
 */

import { ts } from "ts-morph";

/** What becomes of a module. */
export interface Transpiled {
  readonly script: string;
  readonly declarations: string;
}

const compilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  isolatedModules: true,
  verbatimModuleSyntax: true,
  isolatedDeclarations: true,
  declaration: true,
} as const;

/** The JavaScript and the declarations of the module `file`. */
export function transpile(file: string, text: string): Transpiled {
  const settings = { fileName: file, compilerOptions };
  return {
    script: ts.transpileModule(text, settings).outputText,
    declarations: ts.transpileDeclaration(text, settings).outputText,
  };
}
