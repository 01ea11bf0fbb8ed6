/**
 * A compiled model as TypeScript files. `model.ts` has a class named after the model, and what the model
 * loads and is given on a GPU; `phases/` has a file for the steps of each phase, and `kernels.ts` says how
 * kernels are called; `cpu/` has the same for the CPU; `tables.ts` has numbers that were computed. Each
 * is there as JavaScript with declarations, too, for platforms that do not run TypeScript.
 *
 * Load this module lazily: it brings ts-morph, which takes a third of a second.
 */

import type { Plan } from "../../../runtime/contract.ts";
import { Calls } from "./calls.ts";
import { withoutText } from "./code.ts";
import { classWords, modelClass } from "./model-class.ts";
import { type EmittedFile, inComment, moduleText } from "./module.ts";
import { className, Names } from "./names.ts";
import { builders, type Writing, writeKernels, writePhase, writePlan } from "./plan-code.ts";
import { Tables } from "./tables.ts";
import { transpile } from "./transpile.ts";

/** The plans of one model. */
export interface Plans {
  readonly gpu: Plan;
  readonly cpu?: Plan;
}

/** The files of a model by name: `.ts`, `.js` and `.d.ts` of each module. */
export function emitModel(plans: Plans): ReadonlyMap<string, string> {
  const { modules, tables } = emitModules(plans);
  const files = modules.flatMap(([file, text]): readonly EmittedFile[] => {
    const { script, declarations } = transpile(file, text);
    const name = file.replace(/\.ts$/, "");
    return [
      [file, text],
      [`${name}.js`, script],
      [`${name}.d.ts`, declarations],
    ];
  });
  return new Map([...files, ...tableFiles(tables)]);
}

/** The modules of a model but for its tables, as TypeScript. */
function emitModules({ gpu, cpu }: Plans): {
  readonly modules: readonly EmittedFile[];
  readonly tables: Tables;
} {
  const tables = new Tables();
  const name = className(gpu.model);
  const own = new Names([...builders, ...classWords.values, ...classWords.types, name, "phase"]);
  const modules = [
    ...gpuModules(writing(gpu, tables), { name, names: own, cpu: cpu !== undefined }),
    ...(cpu === undefined ? [] : cpuModules(writing(cpu, tables))),
  ];
  return { modules, tables };
}

function writing(plan: Plan, tables: Tables): Writing {
  return { plan, tables, calls: new Calls(plan, new Names([...builders, ...callModule])) };
}

/** Names in the modules of kernels beside those of the calls. */
const callModule: readonly string[] = ["Call", "PlanKernel", "kernels"];

interface ClassFacts {
  readonly name: string;
  readonly names: Names;
  readonly cpu: boolean;
}

function gpuModules(writing: Writing, { name, names, cpu }: ClassFacts): readonly EmittedFile[] {
  const { plan } = writing;
  const model = inComment(plan.model);
  const phases = plan.phases.map((phase) => ({ phase, name: names.take(phase.name) }));
  const phaseNames = phases.map((each) => each.name);
  const code = writePlan(writing, phaseNames, [...classWords.values, ...classWords.types, name]);
  const cpuModule = cpu ? "./plan.cpu.js" : undefined;
  const text = moduleText({
    head: [`The model \`${model}\`: \`${name}\` runs it, and \`plan\` says what is run.`],
    values: [...builders, ...classWords.values],
    types: ["Plan", ...classWords.types],
    imports: [
      `import * as calls from "./kernels.js";`,
      ...phaseNames.map((each) => `import { phase as ${each} } from "./phases/${each}.js";`),
      ...tableImport(code.statements),
    ],
    statements: [...code.statements, modelClass({ name, plan, cpuModule, size: code.size })],
  });
  return [
    ["model.ts", text],
    ...phases.map(({ phase, name: file }): EmittedFile => {
      const head = [`The phase \`${inComment(phase.name)}\` of \`${model}\`, on a GPU: its steps.`];
      const imports = [`import * as calls from "../kernels.js";`];
      const { statements } = writePhase(writing, phase);
      const types = ["PlanPhase"];
      return [
        `phases/${file}.ts`,
        moduleText({ head, values: builders, types, imports, statements }),
      ];
    }),
    kernelModule("kernels.ts", writing),
  ];
}

function cpuModules(writing: Writing): readonly EmittedFile[] {
  const { statements } = writePlan(writing, undefined, []);
  const text = moduleText({
    head: [`What \`${inComment(writing.plan.model)}\` runs on the CPU; see model.ts.`],
    values: builders,
    types: ["Plan"],
    imports: [`import * as calls from "./kernels.cpu.js";`, ...tableImport(statements)],
    statements,
  });
  return [["plan.cpu.ts", text], kernelModule("kernels.cpu.ts", writing)];
}

function kernelModule(file: string, writing: Writing): EmittedFile {
  const { plan } = writing;
  const where = plan.target === "gpu" ? "`kernels/<name>.wgsl` and `.cu`" : "`kernels.wasm`";
  const head = [
    `How the kernels of \`${inComment(plan.model)}\` are called; their code is in ${where}.`,
    "",
    "Each call says the size of its work groups, its tensors, its numbers, and its schedules with",
    "their groups and floating-point operations.",
  ];
  const { statements } = writeKernels(writing);
  const types = ["Call", "PlanKernel"];
  return [file, moduleText({ head, values: builders, types, imports: [], statements })];
}

function tableImport(statements: readonly string[]): readonly string[] {
  const used = statements.some((each) => withoutText(each).includes("tables."));
  return used ? [`import * as tables from "./tables.js";`] : [];
}

/** The module of the tables in its three forms; they are too long to be parsed again. */
function tableFiles(tables: Tables): readonly EmittedFile[] {
  if (!tables.used) return [];
  const head = ["Numbers that the compiler computed, a line for each row."];
  const type = ": readonly number[]";
  const module = (statements: string): string =>
    moduleText({ head, values: [], types: [], imports: [], statements: [statements] });
  return [
    ["tables.ts", module(tables.statements(type))],
    ["tables.js", module(tables.statements(""))],
    ["tables.d.ts", module(tables.declarations(type))],
  ];
}
