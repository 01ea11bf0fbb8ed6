/** The names that a module sees: what it declares and what it imports. */

import type { Declaration, Import, Module, Name } from "../../grammar/ast.ts";
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import { builtins } from "./builtins.ts";
import type { Link } from "./circles.ts";
import { circularAlias, duplicate, shadowsBuiltin, unknownBase, unknownImport } from "./errors.ts";
import type { Definition, ResolvedModule } from "./program.ts";

/**
 * Resolves the names of `module`, whose imports are `links`; `resolved` has the modules they mean,
 * except behind the imports in `closing`, through which nothing comes.
 */
export function resolveNames(
  module: Module,
  links: readonly Link[],
  resolved: ReadonlyMap<string, ResolvedModule>,
  closing: ReadonlySet<Import>,
): { names: ReadonlyMap<string, Definition>; diagnostics: readonly Diagnostic[] } {
  const names = new Map<string, Definition>();
  const places = new Map<string, Name>();
  const diagnostics: Diagnostic[] = [];
  const declare = (name: Name, definition: Definition): void => {
    if (name.text === "") return;
    const first = places.get(name.text);
    const isKnownBad = [names.get(name.text), definition].some(
      (each) => each?.kind === "unresolved",
    );
    if (first !== undefined && !isKnownBad) diagnostics.push(duplicate(name, first));
    else if (builtins.has(name.text)) diagnostics.push(shadowsBuiltin(name));
    else {
      places.set(name.text, name);
      names.set(name.text, definition);
    }
  };
  for (const { item, target } of links) {
    const from = target === undefined ? undefined : resolved.get(target);
    for (const { name, local } of item.names) {
      const found = from?.names.get(name.text);
      const isKnownBad = from === undefined || closing.has(item);
      if (found === undefined && !isKnownBad) {
        diagnostics.push(unknownImport(name, item.from.text, from.names.keys()));
      }
      declare(local, isKnownBad || found === undefined ? { kind: "unresolved" } : found);
    }
  }
  for (const declaration of module.declarations) {
    declare(declaration.name, definitionOf(declaration, module.file));
  }
  diagnostics.push(...checkAliases(module, names));
  return { names, diagnostics };
}

function definitionOf(declaration: Declaration, file: string): Definition {
  switch (declaration.kind) {
    case "mask":
      return { kind: "mask", declaration, file };
    case "score":
      return { kind: "score", declaration, file };
    case "block":
      return { kind: "block", declaration, file };
    case "model":
      return { kind: "model", declaration, file };
    case "alias":
      return { kind: "alias", declaration, file };
  }
}

/** Makes every alias end at a model; one that does not is `unresolved` from here on. */
function checkAliases(module: Module, names: Map<string, Definition>): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const isModel = (each: Definition): boolean => each.kind === "model" || each.kind === "alias";
  for (const declaration of module.declarations) {
    if (declaration.kind !== "alias") continue;
    const trail: Name[] = [declaration.name];
    let base = declaration.base;
    for (let found = names.get(base.text); ; found = names.get(base.text)) {
      if (found === undefined || !(isModel(found) || found.kind === "unresolved")) {
        const models = [...names].flatMap(([name, each]) =>
          isModel(each) && name !== declaration.name.text ? [name] : [],
        );
        if (trail.length === 1) diagnostics.push(unknownBase(base, models));
        names.set(declaration.name.text, { kind: "unresolved" });
        break;
      }
      if (found.kind !== "alias" || found.file !== module.file) break;
      if (trail.some((name) => name.text === base.text)) {
        diagnostics.push(circularAlias(trail));
        for (const name of trail) names.set(name.text, { kind: "unresolved" });
        break;
      }
      trail.push(found.declaration.name);
      base = found.declaration.base;
    }
  }
  return diagnostics;
}
