import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";
import { emitModel } from "../../../compiler/plan/emit/emit.ts";
import { samples } from "./support.ts";

const root: string = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const config = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
const strict = ts.parseJsonConfigFileContent(config.config, ts.sys, root).options;

/** What TypeScript says against files that exist in memory only; `forms` chooses which are roots. */
function mistakes(
  folders: ReadonlyMap<string, ReadonlyMap<string, string>>,
  forms: RegExp,
): readonly string[] {
  const texts = new Map(
    [...folders].flatMap(([folder, files]) =>
      [...files].map(([file, text]) => [join(root, "emitted", folder, file), text] as const),
    ),
  );
  const roots = [...texts.keys()].filter((file) => forms.test(file));
  const options: ts.CompilerOptions = {
    ...strict,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    skipLibCheck: false,
    paths: { "braid/runtime": [join(root, "runtime/index.ts")] },
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  // Other forms of a module are not there, so that none stands in for the one that is checked.
  const known = (file: string): string | undefined =>
    forms.test(file) ? texts.get(file) : undefined;
  host.fileExists = (file) => known(file) !== undefined || fileExists(file);
  host.directoryExists = () => true;
  host.readFile = (file) => known(file) ?? readFile(file);
  host.getSourceFile = (file, target, ...rest) => {
    const text = known(file);
    return text === undefined
      ? getSourceFile(file, target, ...rest)
      : ts.createSourceFile(file, text, target);
  };
  const program = ts.createProgram(roots, options, host);
  return roots.flatMap((file) => {
    const source = program.getSourceFile(file);
    const found = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
      ...program.getDeclarationDiagnostics(source),
    ];
    return found.map(
      ({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`,
    );
  });
}

test("what is emitted type-checks under the strict settings, as TypeScript and as declarations", () => {
  const folders = new Map(samples.map(([name, make]) => [name, emitModel(make())] as const));
  expect(mistakes(folders, /(?<!\.d)\.ts$/)).toEqual([]);
  expect(mistakes(folders, /\.d\.ts$/)).toEqual([]);
}, 60_000);

test("a wrong plan would be noticed", () => {
  const files = new Map([
    [
      "model.ts",
      'import type { Plan } from "braid/runtime";\nexport const plan: Plan = { version: 2 };\n',
    ],
  ]);
  expect(mistakes(new Map([["wrong", files]]), /\.ts$/)).toHaveLength(1);
}, 60_000);
