/**
 * What checking a body needs: where it stands, what names mean there, and where nodes and mistakes
 * go. The same interpreter runs in two modes. *Generic*: a body is checked once for all callers;
 * sizes are symbols, axes are rigid, calls look at signatures only, and the nodes are thrown away.
 * *Instance*: the model runs with its sizes, calls run their bodies, and the nodes are the graph.
 */

import type { BlockDeclaration, Expr, ModelDeclaration, Statement } from "../../grammar/ast.ts";
import { type Diagnostic, error, type Facts, type Label } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { Definition, Program, ResolvedModule } from "../elaborate/program.ts";
import type { GraphBuilder } from "../graph/build.ts";
import type { BlockInstance } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import { type Dimension, showDimension } from "../op/dimension.ts";
import type { Adapter } from "./adapt.ts";
import type { AxisTable } from "./axis-table.ts";
import { type Condition, decide, type IsRuntime } from "./condition.ts";
import type { RowTable } from "./row-table.ts";
import type { Signature } from "./signature.ts";
import { type Tensor, unknown, type Value } from "./value.ts";

/** How sizes read in a message: by their symbols, or by what a call makes of them. */
export type ShowSize = (size: Dimension) => string;

/** A condition that a body cannot decide, with the diagnostic that it becomes where it fails. */
export interface Demand {
  readonly condition: Condition;
  readonly tell: (show: ShowSize) => Diagnostic;
}

/** A segment that a mask names of a formal axis, or all that a formal mask names. */
export interface SegmentDemand {
  /** The mask or score formal whose segments are asked for; without it, `segment`. */
  readonly formal?: string;
  readonly segment?: string;
  readonly side: "q" | "k";
  /** The formal axis that must have them, or the segments that there are. */
  readonly rows: RowSegments;
  readonly at: Label;
}

/** The names of the segments that rows of an axis lie in; `formal` if only the caller knows. */
export type RowSegments =
  | { readonly kind: "known"; readonly names: readonly string[]; readonly axis: string }
  | { readonly kind: "formal"; readonly axis: AxisName };

/**
 * The two sides of the interpreter, which need each other: expressions contain calls, calls run
 * statements. They are values here so that each part imports only what lies below it.
 */
export interface Interpreter {
  readonly evaluate: (body: Body, expr: Expr, use: Use) => Value;
  readonly run: (body: Body, statements: readonly Statement[]) => void;
}

/** One run of the interpreter: a generic check of one declaration, or one instance. */
export interface Context {
  readonly program: Program;
  readonly interpreter: Interpreter;
  readonly mode: "generic" | "instance";
  readonly graph: GraphBuilder;
  readonly axes: AxisTable;
  readonly rows: RowTable;
  readonly isRuntime: IsRuntime;
  /** Symbols of sizes that inputs bring or that the model measures. */
  readonly runtime: Set<string>;
  /** Those that it measures, with the most that each can be. */
  readonly measured: Map<string, Dimension>;
  readonly report: (diagnostic: Diagnostic) => void;
  /** The result of checking a block for all callers; undefined inside its own check. */
  readonly signatureOf: (definition: Definition & { kind: "block" }) => Signature | undefined;
  /** What the callers of a generic body must see to. */
  readonly demands: Demand[];
  readonly segmentDemands: SegmentDemand[];
  /** Nodes made so far by what they compute, so that nothing is computed twice. */
  readonly shared: Map<string, Tensor>;
  /** Weights by full name, as they were first declared. */
  readonly weights: Map<string, { readonly axes: readonly AxisName[]; readonly span: Span }>;
  readonly configKeys: Set<string>;
  /** What `adapt` has declared so far; nothing while a body is checked for all callers. */
  readonly adapters: Adapter[];
  /** Where each output was declared, by its name. */
  readonly outputs: Map<string, Span>;
}

/** What names mean at one point of one body. Maps grow as statements are read. */
export interface Scope {
  readonly module: ResolvedModule;
  /** The block or model whose body this is; masks and scores have none. */
  readonly owner: BlockDeclaration | ModelDeclaration | undefined;
  /** Small names. */
  readonly values: Map<string, Value>;
  /** Capital names with a size; an axis of that name is made when it is first needed. */
  readonly sizes: Map<string, Dimension>;
  /** Capital names that are axes here. */
  readonly labels: Map<string, AxisName>;
  readonly paths: Map<string, readonly string[]>;
  /** Weights by the path written. */
  readonly weights: Map<string, DeclaredWeight>;
  /** Capital names whose declaration has a mistake: that they are unknown is no other one. */
  readonly broken: Set<string>;
  /** Where names were bound, for messages. */
  readonly places: Map<string, Span>;
  /** Axes that came in or were named by a caller: a local axis is never one of them. */
  readonly avoid: Set<AxisName>;
  /** Axes that only the result has, and what the caller calls them. */
  readonly wanted: ReadonlyMap<string, Wanted>;
  /** Axes that only the result has and whose size the caller says; found by the generic check. */
  readonly sizedByCaller: Set<string>;
  /** The checkpoint path of this instance: alternatives in order. */
  readonly prefix: readonly string[];
  /** The call of the block whose body this is; absent in models and in generic mode. */
  readonly instance: BlockInstance | undefined;
  /** The calls that lead here, outermost first; none in generic mode. */
  readonly calls: readonly Span[];
  /** The axes that `..` stands for. */
  readonly lifted: readonly AxisName[];
  /** Set by `return`. */
  returned: readonly Value[] | undefined;
}

/** A weight that a body declares; it is part of the graph once something reads it. */
export interface DeclaredWeight {
  /** Unknown where the declaration has a mistake. */
  readonly axes: readonly AxisName[] | undefined;
  readonly read: () => Value;
  isRead: boolean;
}

/** What a caller calls a result's axis: an axis it has, or a label it has no axis for yet. */
export interface Wanted {
  readonly label: string;
  readonly axis?: AxisName;
}

/** A context at one point of one body. */
export interface Body extends Context {
  readonly scope: Scope;
}

/** An axis of a shape that the surroundings expect: its label and, if it exists, the axis. */
export interface ExpectedAxis {
  readonly label: string;
  readonly axis?: AxisName;
}

/** How an expression is used. */
export interface Use {
  /** The trailing axes that an annotation gives the value. */
  readonly expected?: readonly ExpectedAxis[];
  /** A shape is written or a reduction follows, so an outer product is meant. */
  readonly outer?: boolean;
  /** Inside an index, where `/` on integers is floor division. */
  readonly index?: boolean;
}

/** The value of `expr`; `unknown` if a mistake in it was reported. */
export function evaluate(body: Body, expr: Expr, use: Use = {}): Value {
  return body.interpreter.evaluate(body, expr, use);
}

/** Reports a mistake. In an instance the outermost call is marked and the line in the block related. */
export function report(body: Body, diagnostic: Diagnostic): void {
  const [call, ...inner] = body.scope.calls;
  if (call === undefined) {
    body.report(diagnostic);
    return;
  }
  const line = { span: diagnostic.at.span, note: diagnostic.at.note || "here" };
  const between = inner.map((span) => ({ span, note: "called from here" }));
  body.report({
    ...diagnostic,
    at: { span: call, note: "in this call" },
    also: [line, ...between, ...diagnostic.also],
  });
}

/** Reports an error and gives the value that silences whatever follows from it. */
export function fail(body: Body, code: string, facts: Facts): Value {
  report(body, error(code, facts));
  return unknown;
}

/**
 * Requires `condition`: reports what `tell` says if it is false, and leaves it to the callers if it
 * depends on them. An instance has no callers, so there what cannot be decided is an error.
 */
export function demand(
  body: Body,
  condition: Condition,
  tell: (show: ShowSize) => Diagnostic,
): boolean {
  const holds = decide(condition, body.isRuntime);
  if (holds === true) return true;
  if (holds === undefined && body.mode === "generic") {
    if (condition.kind !== "unknown") body.demands.push({ condition, tell });
    return true;
  }
  report(body, tell(showDimension));
  return false;
}
