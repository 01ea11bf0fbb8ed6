/** Imports that lead back to where they started, and an order in which all others come first. */

import type { Import } from "../../grammar/ast.ts";
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import { circularImport } from "./errors.ts";

/** An import with the file it means, if there is one. */
export interface Link {
  readonly importer: string;
  readonly target: string | undefined;
  readonly item: Import;
}

export interface Circles {
  /** Every file that can be reached, what it imports first. */
  readonly order: readonly string[];
  /** The imports that close a circle: nothing comes through them. */
  readonly closing: ReadonlySet<Import>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Walks the imports from `entry`; each circle is reported once, where it is entered. */
export function findCircles(entry: string, links: readonly Link[]): Circles {
  const order: string[] = [];
  const closing = new Set<Import>();
  const diagnostics: Diagnostic[] = [];
  const done = new Set<string>();
  const walk = (file: string, trail: readonly Link[]): void => {
    for (const link of links.filter((each) => each.importer === file)) {
      if (link.target === undefined || done.has(link.target)) continue;
      const start = [...trail.map((each) => each.importer), file].indexOf(link.target);
      if (start === -1) walk(link.target, [...trail, link]);
      else {
        closing.add(link.item);
        diagnostics.push(circularImport([...trail.slice(start), link]));
      }
    }
    done.add(file);
    order.push(file);
  };
  walk(entry, []);
  return { order, closing, diagnostics };
}
