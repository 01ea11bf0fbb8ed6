/**
 * A compiled model as TypeScript files: `model.ts` with the plan for GPUs and a class named after the
 * model, `plan.cpu.ts` with the plan for the CPU, how kernels are called beside each; and each of them
 * as JavaScript with declarations, for platforms that do not run TypeScript.
 *
 * Load this module lazily: it brings ts-morph, which takes a third of a second.
 */

import type { Plan } from "../../../runtime/contract.ts";
import { withoutText } from "./code.ts";
import { classWords, modelClass } from "./model-class.ts";
import { className } from "./names.ts";
import { planCode, type Statements } from "./plan-code.ts";
import { formsOf } from "./transpile.ts";

/** The plans of one model. */
export interface Plans {
  readonly gpu: Plan;
  readonly cpu?: Plan;
}

/** The files of a model by name: `.ts`, `.js` and `.d.ts` of each module. */
export function emitModel(plans: Plans): ReadonlyMap<string, string> {
  return new Map([...emitTypeScript(plans)].flatMap(([file, text]) => formsOf(file, text)));
}

/** The TypeScript files of a model by name. */
export function emitTypeScript({ gpu, cpu }: Plans): ReadonlyMap<string, string> {
  const files = gpuModules(gpu, cpu !== undefined);
  return new Map(cpu === undefined ? files : [...files, ...cpuModules(cpu)]);
}

type Module = readonly [file: string, text: string];

function gpuModules(plan: Plan, cpu: boolean): readonly Module[] {
  const name = className(plan.model);
  const { values, types } = classWords;
  const code = planCode(plan, [name, ...values, ...types]);
  const cpuModule = cpu ? "./plan.cpu.js" : undefined;
  const body = modelClass({ name, plan, cpuModule, size: code.size });
  const words = new Set(withoutText(body).match(/\w+/g));
  const uses = (word: string): boolean => words.has(word);
  const head = [
    `The model \`${oneLine(plan.model)}\`, compiled by Braid: \`plan\` says what runs, and \`${name}\` runs it.`,
    "",
    notice,
  ];
  const text = [
    comment(head),
    imports([...code.plan.builders, ...values.filter(uses)], ["Plan", ...types.filter(uses)]),
    `import * as calls from "./kernels.js";\n`,
    `${code.plan.text}\n`,
    body,
  ];
  return [["model.ts", lines(text)], kernelModule("kernels.ts", plan, code.kernels)];
}

function cpuModules(plan: Plan): readonly Module[] {
  const code = planCode(plan, []);
  const text = [
    comment([`What \`${oneLine(plan.model)}\` runs on the CPU; see model.ts.`, "", notice]),
    imports(code.plan.builders, ["Plan"]),
    `import * as calls from "./kernels.cpu.js";\n`,
    code.plan.text,
  ];
  return [["plan.cpu.ts", lines(text)], kernelModule("kernels.cpu.ts", plan, code.kernels)];
}

function kernelModule(file: string, plan: Plan, { text, builders }: Statements): Module {
  const where = plan.target === "gpu" ? "`kernels/<name>.wgsl` and `.cu`" : "`kernels.wasm`";
  const head = [
    `How the kernels of \`${oneLine(plan.model)}\` are called; their code is in ${where}. Each call says the`,
    "size of its work groups, its tensors, its numbers, and its schedules with their groups and",
    "floating-point operations.",
    "",
    notice,
  ];
  const types = ["PlanKernel", ...(text.includes(": Call = ") ? ["Call"] : [])];
  return [file, lines([comment(head), `${imports(builders, types)}\n`, text])];
}

const notice = "Written by `braid build`: build again rather than change it.";

function lines(parts: readonly string[]): string {
  return `${parts.join("\n").trimEnd()}\n`;
}

function comment(rows: readonly string[]): string {
  return `/**\n${rows.map((row) => ` * ${row}`.trimEnd()).join("\n")}\n */\n`;
}

/** One import of everything that is used, in alphabetical order. */
function imports(values: readonly string[], types: readonly string[]): string {
  const names = [
    ...values.map((name) => ({ name, text: name })),
    ...types.map((name) => ({ name, text: `type ${name}` })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  const rows: string[] = [];
  for (const { text } of names) {
    const last = rows.at(-1);
    if (last === undefined || last.length + text.length + 2 > 100) rows.push(`  ${text},`);
    else rows[rows.length - 1] = `${last} ${text},`;
  }
  return ["import {", ...rows, `} from "braid/runtime";`].join("\n");
}

/** The name of a model inside a comment. */
function oneLine(name: string): string {
  return name.replace(/[\s`*/]+/g, " ");
}
