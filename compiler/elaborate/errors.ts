/** What can be wrong between declarations and files. */

import type { Import, Name } from "../../grammar/ast.ts";
import { type Diagnostic, didYouMean, error } from "../../grammar/diagnostic.ts";
import type { Link } from "./circles.ts";

/** `from` names no file, and no module of the standard library. */
export function unknownModule(item: Import, known: Iterable<string>): Diagnostic {
  const from = item.from.text;
  const names = [...known];
  const std = from.startsWith("std/");
  return error("import/unknown", {
    message: `there is no module \`${from}\``,
    at: { span: item.from.span, note: "" },
    hint:
      didYouMean(from, names) ??
      (std
        ? `the standard library has ${names.map((name) => `\`${name}\``).join(", ")}`
        : "write a path from this file, such as `./masks.braid`, or a module of `std/`"),
  });
}

/** The modules of `trail` import each other in a circle; its last link closes it. */
export function circularImport(trail: readonly Link[]): Diagnostic {
  const [first, ...rest] = trail;
  if (first === undefined) throw new RangeError("a circle of imports has no imports");
  const files = [...trail.map((link) => link.importer), first.importer];
  const names = first.item.names.map((each) => each.name.text).join(", ");
  return error("import/circular", {
    message: `modules import each other in a circle: ${files.join(" → ")}`,
    at: { span: first.item.from.span, note: "" },
    also: rest.map((link) => ({
      span: link.item.from.span,
      note: `imports \`${link.target ?? link.item.from.text}\``,
    })),
    hint: `move what both sides need (here: ${names}) into a file of its own`,
  });
}

/** The module exists, but declares no such thing. */
export function unknownImport(name: Name, from: string, known: Iterable<string>): Diagnostic {
  const names = [...known];
  return error("import/name", {
    message: `\`${from}\` has no \`${name.text}\``,
    at: { span: name.span, note: "" },
    hint: didYouMean(name.text, names) ?? `it has ${list(names)}`,
  });
}

/** Two things of one file have the same name. */
export function duplicate(name: Name, first: Name): Diagnostic {
  return error("name/duplicate", {
    message: `\`${name.text}\` is declared twice`,
    at: { span: name.span, note: "" },
    also: [{ span: first.span, note: "first declared here" }],
    hint: `give one of them another name, such as \`${name.text}_2\``,
  });
}

/** A declaration has the name of something that the language itself means. */
export function shadowsBuiltin(name: Name): Diagnostic {
  return error("name/builtin", {
    message: `\`${name.text}\` is a word of the language and cannot be declared`,
    at: { span: name.span, note: "" },
    hint: `choose another name, such as \`my_${name.text}\``,
  });
}

/** `model A = B` where B is no model of this file. */
export function unknownBase(name: Name, known: Iterable<string>): Diagnostic {
  const names = [...known];
  return error("name/unknown", {
    message: `there is no model \`${name.text}\``,
    at: { span: name.span, note: "" },
    hint: didYouMean(name.text, names) ?? `models in sight are ${list(names)}`,
  });
}

/** `model A = A` by way of others. */
export function circularAlias(names: readonly Name[]): Diagnostic {
  const [first, ...rest] = names;
  if (first === undefined) throw new RangeError("a circle of models has no models");
  return error("name/circular", {
    message: `models are defined by each other: ${[...names, first].map((each) => each.text).join(" → ")}`,
    at: { span: first.span, note: "" },
    also: rest.map((name) => ({ span: name.span, note: "" })),
    hint: `write one of them out: \`model ${first.text}[…](…) { … }\``,
  });
}

function list(names: readonly string[]): string {
  if (names.length === 0) return "none";
  return names.map((name) => `\`${name}\``).join(", ");
}
