/** Statements: each changes what names mean, or adds to what the graph gives. */

import type { Statement } from "../../grammar/ast.ts";
import { unreachable } from "../../grammar/invariant.ts";
import { bind } from "./bind.ts";
import type { Body } from "./context.ts";
import { runFor, runIf } from "./control.ts";
import { declareGeneration, declareInput, declareOutput } from "./model-statements.ts";
import { requireCondition, runReturn } from "./block-statements.ts";
import { declareSequence } from "./sequence.ts";
import { declarePath, declareWeight, tieWeights } from "./weights.ts";

/** Runs statements in order, up to a `return`. */
export function runStatements(body: Body, statements: readonly Statement[]): void {
  for (const statement of statements) {
    if (body.scope.returned !== undefined) return;
    runStatement(body, statement);
  }
}

function runStatement(body: Body, statement: Statement): void {
  switch (statement.kind) {
    case "input":
      return declareInput(body, statement);
    case "weight":
      return declareWeight(body, statement);
    case "path":
      return declarePath(body, statement);
    case "tie":
      return tieWeights(body, statement);
    case "sequence":
      return declareSequence(body, statement);
    case "bind":
      return bind(body, statement);
    case "for":
      return runFor(body, statement);
    case "if":
      return runIf(body, statement);
    case "require":
      return requireCondition(body, statement);
    case "return":
      return runReturn(body, statement);
    case "output":
      return declareOutput(body, statement);
    case "generate":
      return declareGeneration(body, statement);
    default:
      return unreachable(statement);
  }
}
