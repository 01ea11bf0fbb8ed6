/**
 * Modules with every name resolved: what `check` works on. Each module knows its own declarations
 * and those it imports; a name that could not be resolved is `unresolved`, and the mistake has
 * been reported.
 */

import type {
  BlockDeclaration,
  MaskDeclaration,
  ModelAlias,
  ModelDeclaration,
  Module,
  ScoreDeclaration,
} from "../../grammar/ast.ts";
import type { NamedText } from "../../grammar/source.ts";

/** A declaration with the module whose names its body sees. */
export type Definition =
  | { readonly kind: "mask"; readonly declaration: MaskDeclaration; readonly file: string }
  | { readonly kind: "score"; readonly declaration: ScoreDeclaration; readonly file: string }
  | { readonly kind: "block"; readonly declaration: BlockDeclaration; readonly file: string }
  | { readonly kind: "model"; readonly declaration: ModelDeclaration; readonly file: string }
  | { readonly kind: "alias"; readonly declaration: ModelAlias; readonly file: string }
  /** A name that is known to be wrong, so that its uses are not reported again. */
  | { readonly kind: "unresolved" };

/** One file and the names that its bodies see. */
export interface ResolvedModule {
  readonly file: string;
  readonly module: Module;
  /** Own declarations and imported ones, by their name in this file. */
  readonly names: ReadonlyMap<string, Definition>;
}

/** A file and all it imports. */
export interface Program {
  /** The file that was asked for: its models can be chosen. */
  readonly entry: string;
  /** Whether errors have been reported: it can still be checked, but not be instantiated. */
  readonly isBroken: boolean;
  /** Every module, imported ones before their importers. */
  readonly modules: ReadonlyMap<string, ResolvedModule>;
  /** Their texts, by file. */
  readonly sources: ReadonlyMap<string, NamedText>;
}

/** The module called `file`, which must exist. */
export function moduleOf(program: Program, file: string): ResolvedModule {
  const found = program.modules.get(file);
  if (found === undefined) throw new RangeError(`the program has no module ${file}`);
  return found;
}
