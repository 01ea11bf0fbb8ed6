/** Scopes: what names mean where a body begins. */

import type { Span } from "../../grammar/source.ts";
import { moduleOf, type Program } from "../elaborate/program.ts";
import type { AxisName } from "../op/axis.ts";
import type { Scope, Wanted } from "./context.ts";

/** What a new scope knows from its caller. */
export interface ScopeOptions {
  readonly owner?: Scope["owner"];
  readonly prefix?: readonly string[];
  readonly calls?: readonly Span[];
  readonly lifted?: readonly AxisName[];
  readonly avoid?: Iterable<AxisName>;
  readonly wanted?: ReadonlyMap<string, Wanted>;
}

/** The scope of a body that stands in `file`. */
export function newScope(program: Program, file: string, options: ScopeOptions = {}): Scope {
  return {
    module: moduleOf(program, file),
    owner: options.owner,
    values: new Map(),
    sizes: new Map(),
    labels: new Map(),
    paths: new Map(),
    weights: new Map(),
    broken: new Set(),
    places: new Map(),
    avoid: new Set(options.avoid ?? []),
    wanted: options.wanted ?? new Map(),
    sizedByCaller: new Set(),
    prefix: options.prefix ?? [""],
    instance: undefined,
    calls: options.calls ?? [],
    lifted: options.lifted ?? [],
    returned: undefined,
  };
}

/** A copy whose bindings may differ, for a branch that may or may not be taken. */
export function branchOf(scope: Scope): Scope {
  return {
    ...scope,
    values: new Map(scope.values),
    sizes: new Map(scope.sizes),
    labels: new Map(scope.labels),
    paths: new Map(scope.paths),
    weights: new Map(scope.weights),
    broken: new Set(scope.broken),
  };
}
