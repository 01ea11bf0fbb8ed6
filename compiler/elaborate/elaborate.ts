/**
 * Modules to a program: reads the entry and, through it, everything it imports, and resolves names
 * between files. Bodies are left to `check`, which knows what stands where.
 */

import type { Module } from "../../grammar/ast.ts";
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import { parse } from "../../grammar/index.ts";
import type { NamedText, Source } from "../../grammar/source.ts";
import { stdSources } from "../std/sources.ts";
import { findCircles, type Link } from "./circles.ts";
import { unknownModule } from "./errors.ts";
import type { Program, ResolvedModule } from "./program.ts";
import { resolveNames } from "./resolve.ts";

/** Gives the file that `importer` means by `from`, a relative path; undefined if there is none. */
export type Resolve = (from: string, importer: string) => Source | undefined;

/** A program, and all that is wrong with its syntax, its imports and its declared names. */
export interface Elaborated {
  readonly program: Program;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads `entry` and what it imports. `std/…` is the standard library, all else goes to `resolve`. */
export function elaborate(entry: Source, resolve: Resolve): Elaborated {
  const diagnostics: Diagnostic[] = [];
  const modules = new Map<string, Module>();
  const sources = new Map<string, NamedText>();
  const links: Link[] = [];
  const read = (source: Source, name: string): void => {
    const parsed = parse(source);
    diagnostics.push(...parsed.diagnostics);
    modules.set(source.file, parsed.module);
    sources.set(source.file, { name, text: source.text });
    for (const item of parsed.module.imports) {
      const target = find(item.from.text, source.file, resolve);
      links.push({ importer: source.file, target: target?.file, item });
      if (target === undefined) diagnostics.push(unknownModule(item, stdSources.keys()));
      else if (!modules.has(target.file)) read(target, importedName(item.from.text, name));
    }
  };
  read(entry, entry.file.replace(/^.*[\\/]/, ""));
  const circles = findCircles(entry.file, links);
  diagnostics.push(...circles.diagnostics);
  const resolved = new Map<string, ResolvedModule>();
  for (const file of circles.order) {
    const module = modules.get(file);
    if (module === undefined) continue;
    const own = links.filter((link) => link.importer === file);
    const { names, diagnostics: found } = resolveNames(module, own, resolved, circles.closing);
    diagnostics.push(...found);
    resolved.set(file, { file, module, names });
  }
  const isBroken = diagnostics.some((each) => each.severity === "error");
  return { program: { entry: entry.file, isBroken, modules: resolved, sources }, diagnostics };
}

/** What `importer`, so named, calls a file `from`, seen from the folder of the entry. */
function importedName(from: string, importer: string): string {
  if (stdSources.has(from) || from.startsWith("/")) return from;
  const parts = importer.split("/").slice(0, -1);
  for (const part of from.split("/")) {
    const up = parts.at(-1);
    if (part === ".." && up !== undefined && up !== "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  const name = parts.join("/");
  return name.endsWith(".braid") ? name : `${name}.braid`;
}

function find(from: string, importer: string, resolve: Resolve): Source | undefined {
  const text = stdSources.get(from);
  if (text !== undefined) return { file: from, text };
  return from.startsWith("std/") ? undefined : resolve(from, importer);
}
