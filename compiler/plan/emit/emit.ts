/**
 * A compiled model as TypeScript files. `model.ts` has a class named after the model, and what the
 * model loads and is given on a GPU, by WebGPU or by CUDA; `phases/` has a file for the steps of each
 * phase; `kernels.ts` says how kernels are called; `plan.cpu.ts` and `kernels.cpu.ts` have all that
 * for the CPU; `tables.ts` has numbers that were computed. Each is there as JavaScript with
 * declarations, too, for platforms that do not run TypeScript.
 */

import type { Plan } from "../../../runtime/contract.ts";
import { Calls } from "./calls.ts";
import { classWords, type Form, modelClass } from "./model-class.ts";
import { type EmittedFile, inComment, moduleFiles } from "./module.ts";
import { className, Names } from "./names.ts";
import {
  builders,
  devices,
  type Writing,
  writeKernels,
  writePhase,
  writePlan,
} from "./plan-code.ts";
import { regularData, Tables } from "./tables.ts";

/** The plans of one model. */
export interface Plans {
  readonly gpu: Plan;
  readonly cpu?: Plan;
  /** The architectures for which a cubin lies beside the kernels, where `gpu` is for CUDA. */
  readonly cubins?: readonly string[];
}

/** The files of a model by name: `.ts`, `.js` and `.d.ts` of each module. */
export function emitModel({ gpu, cpu, cubins = [] }: Plans): ReadonlyMap<string, string> {
  const tables = new Tables();
  const files = [
    ...gpuFiles(writing(gpu, tables), cpu !== undefined, cubins),
    ...(cpu === undefined ? [] : cpuFiles(writing(cpu, tables))),
  ];
  return new Map([...files, ...tableFiles(tables)]);
}

function writing(plan: Plan, tables: Tables): Writing {
  return { plan, tables, calls: new Calls(plan, new Names([...builders, ...callModule])) };
}

/** Names in the modules of kernels beside those of the calls. */
const callModule: readonly string[] = ["Call", "PlanKernel", "kernels"];

function gpuFiles(
  writing: Writing,
  cpu: boolean,
  cubins: readonly string[],
): readonly EmittedFile[] {
  const { plan } = writing;
  const name = className(plan.model);
  const names = new Names([...builders, ...classWords.values, ...classWords.types, name, "phase"]);
  const phases = plan.phases.map((phase) => ({ phase, name: names.take(phase.name) }));
  return [
    ...modelFiles(
      writing,
      name,
      phases.map((each) => each.name),
      { cpu, cubins },
    ),
    ...phases.flatMap(({ phase, name: file }) => {
      const head = [
        `The phase \`${inComment(phase.name)}\` of \`${inComment(plan.model)}\` on ${devices[plan.target]}, step by step.`,
      ];
      const imports = [`import * as calls from "../kernels.js";`];
      const { statements } = writePhase(writing, phase);
      const parts = { head, values: builders, types: ["PlanPhase"], imports, statements };
      return moduleFiles(`phases/${file}`, parts);
    }),
    ...kernelFiles("kernels", writing),
  ];
}

/** The module with the class. */
function modelFiles(
  writing: Writing,
  name: string,
  phases: readonly string[],
  { cpu, cubins }: { readonly cpu: boolean; readonly cubins: readonly string[] },
): readonly EmittedFile[] {
  const { plan } = writing;
  const { values, types } = classWords;
  const { statements, size } = writePlan(writing, phases, [...values, ...types, name]);
  const cpuModule = cpu ? "./plan.cpu.js" : undefined;
  const write = (form: Form): string => modelClass({ name, plan, cpuModule, cubins, size, form });
  const forms = {
    typescript: write("typescript"),
    javascript: write("javascript"),
    declarations: write("declarations"),
  };
  return moduleFiles("model", {
    head: [
      `The model \`${inComment(plan.model)}\`: \`${name}\` runs it, and \`plan\` says what is run.`,
    ],
    values: [...builders, ...values],
    types: ["Plan", ...types],
    imports: [
      `import * as calls from "./kernels.js";`,
      ...phases.map((each) => `import { phase as ${each} } from "./phases/${each}.js";`),
      ...tableImport(writing),
    ],
    statements: [...statements, { forms }],
  });
}

function cpuFiles(writing: Writing): readonly EmittedFile[] {
  const { statements } = writePlan(writing, undefined, []);
  const parts = {
    head: [`What \`${inComment(writing.plan.model)}\` runs on the CPU; see model.ts.`],
    values: builders,
    types: ["Plan"],
    imports: [`import * as calls from "./kernels.cpu.js";`, ...tableImport(writing)],
    statements,
  };
  return [...moduleFiles("plan.cpu", parts), ...kernelFiles("kernels.cpu", writing)];
}

function kernelFiles(name: string, writing: Writing): readonly EmittedFile[] {
  const { plan } = writing;
  const head = [
    `How the kernels of \`${inComment(plan.model)}\` are called; their code is in ${codeFiles[plan.target]}.`,
    "",
    "Each call says the size of its work groups, its tensors, its numbers, and its schedules with",
    "their groups and floating-point operations.",
  ];
  const { statements } = writeKernels(writing);
  const types = ["Call", "PlanKernel"];
  return moduleFiles(name, { head, values: builders, types, imports: [], statements });
}

const codeFiles: Readonly<Record<Plan["target"], string>> = {
  cpu: "`kernels.wasm` and `kernels.fused.wasm`",
  gpu: "`kernels/<name>.wgsl` and `.cu`",
  cuda: "`kernels/<name>.cu`",
};

function tableImport({ plan }: Writing): readonly string[] {
  const used = plan.constants.some(({ data }) => regularData(data) === undefined);
  return used ? [`import * as tables from "./tables.js";`] : [];
}

function tableFiles(tables: Tables): readonly EmittedFile[] {
  const { statements } = tables;
  if (statements.length === 0) return [];
  const head = ["Numbers that the compiler computed, a line for each row."];
  return moduleFiles("tables", { head, values: [], types: [], imports: [], statements });
}
