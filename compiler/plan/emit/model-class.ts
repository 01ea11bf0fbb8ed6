/** The class of an emitted model: a typed method for each phase over the runtime's session. */

import { CodeBlockWriter } from "ts-morph";
import type { Plan, PlanAxis, PlanInput, PlanPhase, Size } from "../../../runtime/contract.ts";
import { isIdentifier, onOneLine, text } from "./code.ts";
import { camelCase } from "./names.ts";

type SizeCode = (size: Size) => string;

/** What the class is made for. */
export interface ModelFacts {
  /** The name of the class. */
  readonly name: string;
  readonly plan: Plan;
  /** The module with the plan for the CPU, if there is one. */
  readonly cpuModule: string | undefined;
  /** Sizes as the rest of the file writes them. */
  readonly size: SizeCode;
}

/** Names that the class may use of `braid/runtime`: values, then types. */
export const classWords: { readonly values: readonly string[]; readonly types: readonly string[] } =
  {
    values: ["openModel", "pick", "Conversation"],
    types: [
      ..."LoadOptions Session FloatTensor IntegerTensor OutputTensor GenerationEvent Turn".split(
        " ",
      ),
    ],
  };

/** The text of the class. */
export function modelClass(facts: ModelFacts): string {
  const { name, plan } = facts;
  const generates = plan.generation !== undefined;
  const writer = new CodeBlockWriter({ indentNumberOfSpaces: 2, newLine: "\n" });
  writeDoc(writer, classDoc(plan));
  writer.write(`export class ${name}`).block(() => {
    writeDoc(writer, ["For what is not typed here: caches, timings, memory, phases by name."]);
    writer.writeLine("readonly session: Session;");
    if (generates) writer.writeLine("readonly #conversation: Conversation;");
    writer.blankLine();
    writer.write("private constructor(session: Session)").block(() => {
      writer.writeLine("this.session = session;");
      if (generates) writer.writeLine("this.#conversation = new Conversation(session);");
    });
    writeLoad(writer, facts);
    const names = methodNames(plan);
    for (const [index, phase] of plan.phases.entries()) {
      writePhase(writer, names[index] ?? phase.name, phase, facts);
    }
    if (generates) writeGenerate(writer, plan);
    writer.blankLine();
    writeDoc(writer, ["Frees everything on the device."]);
    writer.write("close(): void").block(() => writer.writeLine("this.session.close();"));
  });
  return writer.toString();
}

function classDoc({ model, phases }: Plan): readonly string[] {
  const names = phases.map((phase) => `\`${phase.name}\``).join(", ");
  return [
    `The model \`${model}\` on a device: its weights, and the state of one conversation.`,
    "",
    `Its phases are ${names}. ${phaseRule}`,
  ];
}

const phaseRule =
  "Each first runs those before it that it needs; none runs again while its inputs are the same.";

function writeLoad(writer: CodeBlockWriter, { name, cpuModule }: ModelFacts): void {
  const cpu =
    cpuModule === undefined ? "" : `, cpu: async () => (await import(${quoted(cpuModule)})).plan`;
  writer.blankLine();
  writeDoc(writer, ["Chooses a device, compiles the kernels for it and loads the weights."]);
  writer.write(`static async load(options: LoadOptions): Promise<${name}>`).block(() => {
    writer.writeLine(`const files = { base: import.meta.url, gpu: plan${cpu} };`);
    writer.writeLine(`return new ${name}(await openModel(files, options));`);
  });
}

const generateRule =
  "Only what was not read before is computed. For questions in words: `Assistant.open(model.session, folder)`.";

function writeGenerate(writer: CodeBlockWriter, { generation }: Plan): void {
  writer.blankLine();
  writeDoc(writer, [`Answers token by token; \`${generation?.tokens}\` grows. ${generateRule}`]);
  const type = "AsyncGenerator<GenerationEvent, void, undefined>";
  writer.write(`generate(turn: Turn): ${type}`).block(() => {
    writer.writeLine("return this.#conversation.answer(turn);");
  });
}

/** Members that every class has, or that would be something else. */
const members: readonly string[] = ["constructor", "session", "generate", "close", "then"];

/** Names for the methods of the phases: `imagePhase` where `image` is taken. */
function methodNames({ phases }: Plan): readonly string[] {
  const taken = new Set(members);
  return phases.map((phase) => {
    const wanted = camelCase(phase.name);
    let name = wanted;
    for (let count = 1; taken.has(name); count++) {
      name = `${wanted}Phase${count === 1 ? "" : count}`;
    }
    taken.add(name);
    return name;
  });
}

function writePhase(
  writer: CodeBlockWriter,
  name: string,
  phase: PlanPhase,
  { plan, size }: ModelFacts,
): void {
  const inputs = inputsOf(phase, plan);
  const given = inputs.length === 0 ? "" : ", inputs";
  const run = `await this.session.run(${quoted(phase.name)}${given})`;
  const names = phase.outputs.map((output) => quoted(output.name));
  const gives =
    names.length === 0 ? "void" : `Readonly<Record<${names.join(" | ")}, OutputTensor>>`;
  writer.blankLine();
  writeDoc(writer, phaseDoc(phase, size));
  writer.write(`async ${name}(`);
  if (inputs.length > 0) {
    writer.write("inputs: ").inlineBlock(() => {
      for (const each of inputs) writeInput(writer, each, size);
    });
    if (inputs.every((each) => each.known)) writer.write(" = {}");
  }
  writer.write(`): Promise<${gives}>`).block(() => {
    if (names.length === 0) writer.writeLine(`${run};`);
    else writer.writeLine(`return pick(${run}, [${names.join(", ")}]);`);
  });
}

interface PhaseInput {
  readonly input: PlanInput;
  /** Whether a phase before this one was given it, so that it need not be given again. */
  readonly known: boolean;
}

/** What the phase reads, and what the static phases read that it depends on. */
function inputsOf(phase: PlanPhase, plan: Plan): readonly PhaseInput[] {
  const earlier = new Set([...sourcesOf(phase, plan)].flatMap((each) => each.inputs));
  const own = new Set(phase.inputs);
  return plan.inputs
    .filter(({ name }) => own.has(name) || earlier.has(name))
    .map((input) => ({ input, known: earlier.has(input.name) }));
}

/** The static phases that `phase` depends on, itself aside. */
function sourcesOf(phase: PlanPhase, plan: Plan): ReadonlySet<PlanPhase> {
  const found = new Set<PlanPhase>();
  const visit = (reader: PlanPhase): void => {
    const read = plan.states.filter(({ name }) => reader.reads.includes(name));
    const makers = new Set(read.map((each) => each.phase));
    for (const each of plan.phases) {
      if (each === phase || each.kind !== "static" || !makers.has(each.name)) continue;
      if (found.has(each)) continue;
      found.add(each);
      visit(each);
    }
  };
  visit(phase);
  return found;
}

function writeInput(writer: CodeBlockWriter, { input, known }: PhaseInput, size: SizeCode): void {
  const tensor = input.element === "f32" ? "FloatTensor" : "IntegerTensor";
  const key = isIdentifier(input.name) ? input.name : quoted(input.name);
  writeDoc(writer, [inputDoc(input, size)]);
  writer.writeLine(`readonly ${key}${known ? "?" : ""}: ${tensor};`);
}

function inputDoc({ role, axes, bound, segment }: PlanInput, size: SizeCode): string {
  const shape = shapeText(axes, size);
  switch (role) {
    case "tensor":
      return shape;
    case "token":
      return `${shape}, tokens${bound === undefined ? "" : ` below ${bound}`}`;
    case "position":
      return `${shape}, positions${segment === undefined ? "" : ` of the rows of \`${segment}\``}`;
  }
}

function phaseDoc(phase: PlanPhase, size: SizeCode): readonly string[] {
  const outputs = phase.outputs.map(({ name, axes }) => `\`${name}\` ${shapeText(axes, size)}`);
  return outputs.length === 0 ? [phase.doc] : [phase.doc, "", `Gives ${outputs.join(", ")}.`];
}

/** `[Image, Channel = 3]`. */
function shapeText(axes: readonly PlanAxis[], write: SizeCode): string {
  const each = axes.map(({ label, size }) => {
    const shown = write(size);
    return shown === label ? label : `${label} = ${shown}`;
  });
  return `[${each.join(", ")}]`;
}

/** Lines of comments, without the marks around them. */
const commentWidth = 96;

/** A documentation comment; nothing in `paragraphs` can end it. */
function writeDoc(writer: CodeBlockWriter, paragraphs: readonly string[]): void {
  const rows = paragraphs.flatMap((each) => wrapped(each.replaceAll("*/", "* /")));
  const [first = ""] = rows;
  if (rows.length === 1) {
    writer.writeLine(`/** ${first} */`);
    return;
  }
  writer.writeLine("/**");
  for (const row of rows) writer.writeLine(row === "" ? " *" : ` * ${row}`);
  writer.writeLine(" */");
}

function wrapped(paragraph: string): readonly string[] {
  const rows: string[] = [];
  let row = "";
  for (const word of paragraph.split(/\s+/)) {
    if (row !== "" && row.length + 1 + word.length > commentWidth) {
      rows.push(row);
      row = word;
    } else {
      row = row === "" ? word : `${row} ${word}`;
    }
  }
  return [...rows, row];
}

function quoted(value: string): string {
  return onOneLine(text(value));
}
