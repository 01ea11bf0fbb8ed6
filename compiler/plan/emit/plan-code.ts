/**
 * A plan as TypeScript that makes an equal plan when it is evaluated: how each kernel is called,
 * each phase, and everything else.
 */

import type { Plan, PlanPhase, Size } from "../../../runtime/contract.ts";
import type { Calls } from "./calls.ts";
import { array, type Code, layOut, lines, literal, object } from "./code.ts";
import { constantCode, inputCode, stateCode, symbolsCode, weightsCode } from "./declarations.ts";
import { gather } from "./layers.ts";
import { Names } from "./names.ts";
import { phaseCode } from "./phases.ts";
import type { Statement } from "./module.ts";
import { labelled, Sizes } from "./sizes.ts";
import type { Tables } from "./tables.ts";

/** Every builder that the code may call; see `runtime/plan-builder.ts` and `call-builder.ts`. */
export const builders: readonly string[] = [
  ..."plus times ceil floor larger smaller layers alternate range fill i32 f32 f16 bf16".split(" "),
  ..."sizeOfInput measuredSize stored under panels within table tensor tokens positions".split(" "),
  ..."value cache ring result temporaries weight constant input state output layer".split(" "),
  ..."read write update upTo otherwise kernel declare schedule kernelsOf".split(" "),
  ..."step copy measure repeat".split(" "),
];

/** Names of modules and of what they export, which nothing else in a module may have. */
const modules: readonly string[] = ["calls", "tables", "plan", "phase", "kernels", "Call"];

/** Where a plan runs, for people. */
export const devices: Readonly<Record<Plan["target"], string>> = {
  cpu: "the CPU",
  gpu: "a GPU",
  cuda: "an NVIDIA GPU",
};

/** A plan being written. */
export interface Writing {
  readonly plan: Plan;
  readonly calls: Calls;
  readonly tables: Tables;
}

/** Statements, and the sizes as they write them. */
export interface Written {
  readonly statements: readonly Statement[];
  readonly size: (size: Size) => string;
}

/** An exported constant before it is laid out. */
interface Declared {
  readonly name: string;
  readonly type: string;
  readonly code: Code;
  readonly doc?: string;
}

type SizeCode = (size: Size) => string;

/** `export const q_proj: Call = kernel(…);` and so on, and `kernels`, the list of them all. */
export function writeKernels({ plan, calls }: Writing): Written {
  return withSizes(labelled(plan), calls.names, (size) => [
    ...calls.declarations(size).map(([name, code]) => ({ name, type: "Call", code })),
    {
      name: "kernels",
      type: "readonly PlanKernel[]",
      code: calls.kernels(),
      doc: "All kernels of the plan, in the order in which they are first needed.",
    },
  ]);
}

/** `export const phase: PlanPhase = { name: "image", … };` */
export function writePhase({ plan, calls }: Writing, phase: PlanPhase): Written {
  return withSizes(labelled(plan), [], (size) => [
    { name: "phase", type: "PlanPhase", code: phaseCode(phase, { size, calls }) },
  ]);
}

/**
 * `export const plan: Plan = { … };` where `phases` are the names of its phases; without, the
 * phases are written inside. `taken` are names that the module has for something else.
 */
export function writePlan(
  writing: Writing,
  phases: readonly string[] | undefined,
  taken: readonly string[],
): Written {
  const { plan, calls } = writing;
  const doc = `What runs on ${devices[plan.target]}: what is loaded and given, and the phases in order.`;
  const weights = array(weightsCode(plan.weights));
  return withSizes(labelled(plan), [...(phases ?? []), ...taken], (size) => {
    const list = phases ?? plan.phases.map((each) => phaseCode(each, { size, calls }));
    const code = planObject(writing, { weights, phases: list }, size);
    return [{ name: "plan", type: "Plan", code, doc }];
  });
}

/** Statements after the declaration of the sizes that they use more than once. */
function withSizes(
  wishes: readonly (readonly [string, Size])[],
  taken: readonly string[],
  write: (size: SizeCode) => readonly Declared[],
): Written {
  const names = new Names([...builders, ...modules, ...taken]);
  const sizes = new Sizes(names, wishes, write);
  const size = (each: Size): string => sizes.code(each);
  const items = sizes.constants.map(([name, value]) => `${name} = ${value}`);
  const declared = layOut({ kind: "list", open: "const ", items, close: ";", layout: "hang" });
  const written = write(size).map(({ name, type, code, doc }): Statement => {
    const column = `export const ${name}: ${type} = ;`.length;
    const value = layOut(code, 0, column);
    return { name, type, value, ...(doc === undefined ? {} : { doc }) };
  });
  return { statements: [...(items.length === 0 ? [] : [declared]), ...written], size };
}

function planObject(
  { plan, tables }: Writing,
  { weights, phases }: { readonly weights: Code; readonly phases: readonly Code[] },
  size: SizeCode,
): Code {
  const { generation } = plan;
  return object([
    ["version", `${plan.version}`],
    ["model", literal(plan.model)],
    ["target", literal(plan.target)],
    ["symbols", array(symbolsCode(plan))],
    ["weights", weights],
    ["constants", array(plan.constants.map((each) => constantCode(each, tables)))],
    ["inputs", lines(plan.inputs.map((each) => inputCode(each, size)))],
    ["segments", lines(plan.segments.map((each) => segmentCode(each, size)))],
    ["states", array(gather(plan.states.map((each) => stateCode(each, size))))],
    ...(plan.pages === undefined ? [] : [["pages", literal(plan.pages)] as const]),
    ["phases", lines(phases)],
    ["kernels", "calls.kernels"],
    ...(generation === undefined ? [] : [["generation", literal(generation)] as const]),
    ["configChecks", array(plan.configChecks.map(literal))],
  ]);
}

function segmentCode(segment: Plan["segments"][number], size: SizeCode): Code {
  const { name, positions, placeholder } = segment;
  return object([
    ["name", literal(name)],
    ["positions", literal(positions)],
    ...(placeholder === undefined ? [] : [["placeholder", literal(placeholder)] as const]),
    ["size", size(segment.size)],
  ]);
}
