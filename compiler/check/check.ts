/**
 * Program to graph. First every declaration is checked once, for all its callers, so that mistakes
 * are reported where they are written; if there are none, the chosen model is instantiated with its
 * sizes, where only unification and `require` can still fail.
 */

import type { Diagnostic } from "../../grammar/diagnostic.ts";
import type { Definition, Program } from "../elaborate/program.ts";
import type { Graph } from "../graph/graph.ts";
import { asConstant, symbolsOf } from "../op/dimension.ts";
import { reportUnused } from "./adapt.ts";
import { bindModel, checkGiven } from "./bind-model.ts";
import { checkBlock } from "./check-block.ts";
import { checkChoice, type CheckedModel, checkModel } from "./check-model.ts";
import type { IsRuntime } from "./condition.ts";
import type { Body, Context } from "./context.ts";
import {
  chooseModel,
  type ModelChoice,
  modelsOf,
  noModel,
  parseParameters,
} from "./model-choice.ts";
import { checkRowFunction } from "./row-function.ts";
import { newContext } from "./run.ts";
import { newScope } from "./scope.ts";
import type { Signature } from "./signature.ts";

/** Which model, and what is given for it from outside. */
export interface CheckOptions {
  /** The first model of the file, unless named. */
  readonly model?: string;
  /** Sizes for dims, by name. */
  readonly dims?: ReadonlyMap<string, number>;
  /** Text for parameters, by name, read as expressions in the entry file: `sees` as `causal`. */
  readonly parameters?: ReadonlyMap<string, string>;
  /** A file without a model is a mistake; else its masks and blocks are fine by themselves. */
  readonly needsModel?: boolean;
}

/** The graph of the chosen model, unless there are errors. */
export interface Checked {
  readonly graph: Graph | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Checks every declaration of the user's files, then instantiates the chosen model. */
export function check(program: Program, options: CheckOptions = {}): Checked {
  const reporter = newReporter();
  const checker = newChecker(program, reporter.report);
  checkDeclarations(program, checker);
  if (program.isBroken || reporter.hasErrors()) {
    return { graph: undefined, diagnostics: reporter.sorted() };
  }
  const choice = choiceOf(program, options, reporter.report);
  const graph = choice && instantiate(checker, choice, options.dims ?? new Map());
  const isGood = !reporter.hasErrors();
  return { graph: isGood ? graph : undefined, diagnostics: reporter.sorted() };
}

interface Checker {
  readonly signatureOf: Context["signatureOf"];
  readonly context: (name: string, mode: Context["mode"], isRuntime: RuntimeRule) => Context;
  readonly modelOf: (model: Definition & { readonly kind: "model" }) => CheckedModel;
}

type RuntimeRule = (runtime: ReadonlySet<string>) => IsRuntime;

/** In an instance, whatever is no number changes from run to run. */
const ofInstance: RuntimeRule = () => (size) => asConstant(size) === undefined;

/** In a model, sizes that inputs bring change, dims do not. */
const ofModel: RuntimeRule = (runtime) => (size) =>
  [...symbolsOf(size)].some((name) => runtime.has(name));

/** In a block, nobody knows what the caller's sizes are. */
const ofBlock: RuntimeRule = () => (size) => (asConstant(size) === undefined ? undefined : false);

function newChecker(program: Program, report: (diagnostic: Diagnostic) => void): Checker {
  const signatures = new Map<unknown, Signature | "open">();
  const models = new Map<unknown, CheckedModel>();
  const context: Checker["context"] = (name, mode, isRuntime) =>
    newContext({ name, program, mode, report, signatureOf, isRuntime });
  function signatureOf(block: Definition & { readonly kind: "block" }): Signature | undefined {
    const known = signatures.get(block.declaration);
    if (known !== undefined) return known === "open" ? undefined : known;
    signatures.set(block.declaration, "open");
    const { name } = block.declaration;
    const signature = checkBlock(context(name.text, "generic", ofBlock), block);
    signatures.set(block.declaration, signature);
    return signature;
  }
  const modelOf: Checker["modelOf"] = (model) => {
    const { declaration } = model;
    const known = models.get(declaration);
    if (known !== undefined) return known;
    const checked = checkModel(context(declaration.name.text, "generic", ofModel), model);
    models.set(declaration, checked);
    return checked;
  };
  return { signatureOf, context, modelOf };
}

/** Checks all that the user's files declare; of the standard library, only what they use. */
function checkDeclarations(program: Program, checker: Checker): void {
  for (const { file, module, names } of program.modules.values()) {
    if (file.startsWith("std/") && file !== program.entry) continue;
    for (const { name } of module.declarations) {
      const definition = names.get(name.text);
      if (definition !== undefined) checkDeclaration(program, checker, definition);
    }
  }
}

function checkDeclaration(program: Program, checker: Checker, definition: Definition): void {
  switch (definition.kind) {
    case "unresolved":
      break;
    case "mask":
    case "score": {
      const { name } = definition.declaration;
      const context = checker.context(name.text, "generic", ofBlock);
      const scope = newScope(program, definition.file);
      checkRowFunction({ ...context, scope }, definition);
      break;
    }
    case "block":
      checker.signatureOf(definition);
      break;
    case "model":
    case "alias": {
      const choice = chooseModel(program, definition);
      if (choice === undefined) break;
      const context = checker.context(choice.name, "instance", ofInstance);
      checkChoice(context, choice, checker.modelOf(choice.model));
    }
  }
}

function choiceOf(
  program: Program,
  options: CheckOptions,
  report: (diagnostic: Diagnostic) => void,
): ModelChoice | undefined {
  const models = modelsOf(program);
  const name = options.model ?? [...models.keys()][0];
  const definition = name === undefined ? undefined : models.get(name);
  const choice = definition && chooseModel(program, definition);
  if (choice === undefined) {
    const needed = options.model !== undefined || options.needsModel === true;
    if (needed) report(noModel(program, options.model));
    return undefined;
  }
  const { overrides, diagnostics } = parseParameters(options.parameters ?? new Map());
  for (const diagnostic of diagnostics) report(diagnostic);
  const outside = overrides.map(({ item, source }) => ({ item, file: source.file }));
  return { ...choice, arguments: [...choice.arguments, ...outside] };
}

function instantiate(
  checker: Checker,
  choice: ModelChoice,
  dims: ReadonlyMap<string, number>,
): Graph {
  const { declaration, file } = choice.model;
  const context = checker.context(choice.name, "instance", ofInstance);
  const scope = newScope(context.program, file, { owner: declaration });
  const body: Body = { ...context, scope };
  if (checkGiven(body, choice) && bindModel(body, choice, dims)) {
    body.interpreter.run(body, declaration.body);
    reportUnused(body);
  }
  return context.graph.finish();
}

/** Collects diagnostics, each once: a body that is read twice says nothing twice. */
function newReporter(): {
  readonly report: (diagnostic: Diagnostic) => void;
  readonly hasErrors: () => boolean;
  readonly sorted: () => readonly Diagnostic[];
} {
  const found = new Map<string, Diagnostic>();
  return {
    report: (diagnostic) => {
      const { code, at } = diagnostic;
      const key = `${code} ${at.span.file} ${at.span.start} ${at.span.end}`;
      if (!found.has(key)) found.set(key, diagnostic);
    },
    hasErrors: () => [...found.values()].some((each) => each.severity === "error"),
    sorted: () => [...found.values()].sort(inOrder),
  };
}

/** By file, then by place. */
function inOrder(a: Diagnostic, b: Diagnostic): number {
  const [x, y] = [a.at.span, b.at.span];
  if (x.file !== y.file) return x.file < y.file ? -1 : 1;
  return x.start - y.start || x.end - y.end;
}
