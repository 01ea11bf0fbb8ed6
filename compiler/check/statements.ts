/** Statements: each changes what names mean, or adds to what the graph gives. */

import type { Statement } from "../../grammar/ast.ts";
import { unreachable } from "../../grammar/invariant.ts";
import { bind } from "./bind.ts";
import { declareAdapter } from "./adapt.ts";
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
      declareInput(body, statement);
      break;
    case "weight":
      declareWeight(body, statement);
      break;
    case "path":
      declarePath(body, statement);
      break;
    case "tie":
      tieWeights(body, statement);
      break;
    case "sequence":
      declareSequence(body, statement);
      break;
    case "bind":
      bind(body, statement);
      break;
    case "for":
      runFor(body, statement);
      break;
    case "if":
      runIf(body, statement);
      break;
    case "require":
      requireCondition(body, statement);
      break;
    case "return":
      runReturn(body, statement);
      break;
    case "output":
      declareOutput(body, statement);
      break;
    case "adapt":
      declareAdapter(body, statement);
      break;
    case "generate":
      declareGeneration(body, statement);
      break;
    default:
      unreachable(statement);
  }
}
