/** Runs of the interpreter: fresh tables for one generic check or one instance. */

import type { Diagnostic } from "../../grammar/diagnostic.ts";
import type { Program } from "../elaborate/program.ts";
import { GraphBuilder } from "../graph/build.ts";
import { AxisTable } from "./axis-table.ts";
import type { IsRuntime } from "./condition.ts";
import type { Context, Interpreter } from "./context.ts";
import { evaluateExpression } from "./evaluate.ts";
import { emptyRowTable } from "./row-table.ts";
import { runStatements } from "./statements.ts";

/** What runs have in common. */
export interface RunOptions {
  readonly name: string;
  readonly program: Program;
  readonly mode: Context["mode"];
  readonly report: (diagnostic: Diagnostic) => void;
  readonly signatureOf: Context["signatureOf"];
  /** Says which sizes change from run to run, given the symbols that inputs brought. */
  readonly isRuntime: (runtime: ReadonlySet<string>) => IsRuntime;
}

const interpreter: Interpreter = { evaluate: evaluateExpression, run: runStatements };

/** Everything a run needs besides a scope. */
export function newContext(options: RunOptions): Context {
  const graph = new GraphBuilder(options.name, options.program.sources);
  const runtime = new Set<string>();
  return {
    program: options.program,
    interpreter,
    mode: options.mode,
    graph,
    axes: new AxisTable(graph),
    rows: emptyRowTable(),
    isRuntime: options.isRuntime(runtime),
    runtime,
    measured: new Map(),
    report: options.report,
    signatureOf: options.signatureOf,
    demands: [],
    segmentDemands: [],
    shared: new Map(),
    weights: new Map(),
    configKeys: new Set(),
    adapters: [],
    outputs: new Map(),
  };
}
