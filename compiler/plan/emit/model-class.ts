/**
 * The class of an emitted model: a typed method for each phase over the runtime's session. It is
 * written in three forms from the same facts: TypeScript, JavaScript and declarations.
 */

import CodeBlockWriter from "code-block-writer";
import type { Plan, PlanAxis, PlanInput, PlanPhase, Size } from "../../../runtime/contract.ts";
import { isIdentifier, onOneLine, text } from "./code.ts";
import { camelCase } from "./names.ts";

type SizeCode = (size: Size) => string;

/** What a class is written as. */
export type Form = "typescript" | "javascript" | "declarations";

/** What the class is made for. */
export interface ModelFacts {
  /** The name of the class. */
  readonly name: string;
  readonly plan: Plan;
  /** The module with the plan for the CPU, if there is one. */
  readonly cpuModule: string | undefined;
  /** The architectures that there are cubins for. */
  readonly cubins: readonly string[];
  /** Sizes as the rest of the file writes them. */
  readonly size: SizeCode;
  readonly form: Form;
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
  const { name, plan, form } = facts;
  const generates = plan.generation !== undefined;
  const writer = new CodeBlockWriter({ indentNumberOfSpaces: 2, newLine: "\n" });
  writeDoc(writer, classDoc(plan));
  writer.write(`export ${form === "declarations" ? "declare " : ""}class ${name}`).block(() => {
    writeFields(writer, form, generates);
    writeLoad(writer, facts);
    const names = methodNames(plan);
    for (const [index, phase] of plan.phases.entries()) {
      writePhase(writer, names[index] ?? phase.name, phase, facts);
    }
    if (generates) writeGenerate(writer, facts);
    writeMethod(writer, form, {
      doc: ["Frees everything on the device."],
      name: "close",
      returns: "void",
      body: ["this.session.close();"],
    });
  });
  return writer.toString();
}

function writeFields(writer: CodeBlockWriter, form: Form, generates: boolean): void {
  const typed = form !== "javascript";
  if (form === "declarations" && generates) writer.writeLine("#private;");
  writeDoc(writer, ["For what is not typed here: caches, timings, memory, phases by name."]);
  writer.writeLine(typed ? "readonly session: Session;" : "session;");
  if (form === "declarations") {
    writer.writeLine("private constructor();");
    return;
  }
  if (generates)
    writer.writeLine(typed ? "readonly #conversation: Conversation;" : "#conversation;");
  writer.blankLine();
  writer
    .write(typed ? "private constructor(session: Session)" : "constructor(session)")
    .block(() => {
      writer.writeLine("this.session = session;");
      if (generates) writer.writeLine("this.#conversation = new Conversation(session);");
    });
}

interface Method {
  readonly doc: readonly string[];
  readonly name: string;
  /** `static`, `async`. */
  readonly modifiers?: readonly string[];
  readonly parameter?: {
    readonly name: string;
    readonly writeType: () => void;
    /** Its default, if it may be left out. */
    readonly initial?: string;
  };
  readonly returns: string;
  readonly body: readonly string[];
}

function writeMethod(writer: CodeBlockWriter, form: Form, method: Method): void {
  const { name, modifiers = [], parameter, returns, body } = method;
  const declared = form === "declarations";
  writer.blankLine();
  writeDoc(writer, method.doc);
  // A declaration says what a method gives, not how it comes about.
  const words = modifiers.filter((each) => !(declared && each === "async"));
  writer.write([...words, `${name}(`].join(" "));
  if (parameter !== undefined) {
    const optional = declared && parameter.initial !== undefined ? "?" : "";
    writer.write(`${parameter.name}${optional}`);
    if (form !== "javascript") {
      writer.write(": ");
      parameter.writeType();
    }
    if (!declared && parameter.initial !== undefined) writer.write(` = ${parameter.initial}`);
  }
  writer.write(form === "javascript" ? ")" : `): ${returns}`);
  if (declared) writer.write(";").newLine();
  else writer.block(() => body.forEach((line) => void writer.writeLine(line)));
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

function writeLoad(writer: CodeBlockWriter, { name, cpuModule, cubins, form }: ModelFacts): void {
  const cpu =
    cpuModule === undefined ? "" : `, cpu: async () => (await import(${quoted(cpuModule)})).plan`;
  const built = cubins.length === 0 ? "" : `, cubins: [${cubins.map(quoted).join(", ")}]`;
  writeMethod(writer, form, {
    doc: ["Chooses a device, compiles the kernels for it and loads the weights."],
    name: "load",
    modifiers: ["static", "async"],
    parameter: { name: "options", writeType: () => void writer.write("LoadOptions") },
    returns: `Promise<${name}>`,
    body: [
      `const files = { base: import.meta.url, gpu: plan${built}${cpu} };`,
      `return new ${name}(await openModel(files, options));`,
    ],
  });
}

const generateRule =
  "Only what was not read before is computed. For questions in words: `Assistant.open(model.session, folder)`.";

function writeGenerate(writer: CodeBlockWriter, { plan: { generation }, form }: ModelFacts): void {
  writeMethod(writer, form, {
    doc: [`Answers token by token; \`${generation?.tokens}\` grows. ${generateRule}`],
    name: "generate",
    parameter: { name: "turn", writeType: () => void writer.write("Turn") },
    returns: "AsyncGenerator<GenerationEvent, void, undefined>",
    body: ["return this.#conversation.answer(turn);"],
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
  { plan, size, form }: ModelFacts,
): void {
  const inputs = inputsOf(phase, plan);
  const given = inputs.length === 0 ? "" : ", inputs";
  const run = `await this.session.run(${quoted(phase.name)}${given})`;
  const names = phase.outputs.map((output) => quoted(output.name));
  const gives =
    names.length === 0 ? "void" : `Readonly<Record<${names.join(" | ")}, OutputTensor>>`;
  const writeType = (): void => {
    writer.inlineBlock(() => {
      for (const each of inputs) writeInput(writer, each, size);
    });
  };
  const optional = inputs.every((each) => each.known) ? { initial: "{}" } : {};
  writeMethod(writer, form, {
    doc: phaseDoc(phase, size),
    name,
    modifiers: ["async"],
    ...(inputs.length === 0 ? {} : { parameter: { name: "inputs", writeType, ...optional } }),
    returns: `Promise<${gives}>`,
    body: [names.length === 0 ? `${run};` : `return pick(${run}, [${names.join(", ")}]);`],
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
