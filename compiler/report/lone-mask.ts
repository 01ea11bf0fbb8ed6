/**
 * A mask by itself as a small model that attends with it, so that everything that is said of a
 * model's mask can be said of it. The model is text that follows the mask's own file: it is checked
 * as any other, and names mean what they mean there.
 */

import type { Expr, MaskDeclaration, Parameter } from "../../grammar/ast.ts";
import { didYouMean } from "../../grammar/diagnostic.ts";
import { expressionsIn, parse, type Source } from "../../grammar/index.ts";
import type { ResolvedModule } from "../elaborate/program.ts";

/** What the model is called. */
export const loneModel = "MaskByItself";

/** What a person says of the rows. */
export interface LoneRows {
  /** In storage order: how many rows each segment or axis has. */
  readonly lengths: ReadonlyMap<string, number>;
  /** The names of the data that is given. */
  readonly data: readonly string[];
  /** The mask's other parameters, as text. */
  readonly settings: ReadonlyMap<string, string>;
  /** How many rows there are where nobody says. */
  readonly usual: number;
}

/** The model, or what is wrong with the words. */
export type LoneMask =
  | {
      readonly kind: "model";
      readonly source: Source;
      /** Values for `readLengths` of the model. */
      readonly lengths: string;
    }
  | { readonly kind: "mistake"; readonly message: string; readonly hint: string };

/** The model that attends with `asked`, a mask's name or an expression of masks, in `source`. */
export function loneMask(
  source: Source,
  module: ResolvedModule,
  asked: string,
  rows: LoneRows,
): LoneMask {
  const named = module.names.get(asked);
  const declaration = named?.kind === "mask" ? named.declaration : undefined;
  const parameters = declaration?.parameters ?? [];
  const isGiven = ({ name, type }: Parameter): boolean =>
    type?.kind === "shape" ? rows.data.includes(name.text) : rows.settings.has(name.text);
  const lacking = parameters.filter((each) => each.value === undefined && !isGiven(each));
  if (lacking.length > 0) return lacks(asked, lacking, [...rows.data, ...rows.settings.keys()]);
  const given = parameters.filter((each) => each.type?.kind === "shape" && isGiven(each));
  const read = shapeOf(given, declaration, [...rows.lengths.keys()]);
  if (read.kind === "mistake") return read;
  const shape = withKeys(read, [...rows.lengths.keys()]);
  const others =
    declaration === undefined ? rows.data.map((name) => ({ name, axis: shape.query })) : [];
  const inputs = [...shape.inputs, ...others];
  const values = parameters
    .filter(isGiven)
    .map(({ name: { text } }) => `${text} = ${rows.settings.get(text) ?? text}`);
  const mask = values.length === 0 ? asked : `${asked}(${values.join(", ")})`;
  const layout = layoutOf(segmentsIn(module, asked), shape, rows);
  if (layout.kind === "mistake") return layout;
  const lines = [
    ...layout.lines,
    ...inputs.map(({ name, axis }) => `input ${name}: int[${axis === single ? "One" : axis}]`),
    `output seen = attend(${layout.attend}; mask = ${mask}, rows = ${shape.query})`,
  ];
  const text = `${source.text}\n\nmodel ${loneModel} {\n${lines.map((line) => `  ${line}`).join("\n")}\n}\n`;
  return { kind: "model", source: { file: source.file, text }, lengths: layout.lengths };
}

/** Stands for the axis of data that is one number. */
const single = "";

interface Shape {
  readonly kind: "shape";
  /** The axis of the queries, and that of the keys where it is another. */
  readonly query: string;
  readonly key: string | undefined;
  readonly inputs: readonly { readonly name: string; readonly axis: string }[];
}

type Mistake = Extract<LoneMask, { kind: "mistake" }>;

/** The axes of the rows, from where the mask reads its data. */
function shapeOf(
  parameters: readonly Parameter[],
  declaration: MaskDeclaration | undefined,
  names: readonly string[],
): Shape | Mistake {
  let query: string | undefined;
  let key: string | undefined;
  const inputs: { name: string; axis: string }[] = [];
  for (const { name, type } of parameters) {
    const axes = type?.kind === "shape" ? type.axes.map((axis) => axis.name.text) : [];
    const [axis = single, more] = axes;
    if (more !== undefined)
      return mistake(
        `\`${name.text}\` has ${axes.length} axes, and a picture is of one head and one prompt`,
        "write a mask without the other axes",
      );
    const body = declaration?.body;
    const reads = (row: string | undefined): boolean =>
      body !== undefined && row !== undefined && readsAt(body, name.text, row);
    const [atQuery, atKey] = [reads(declaration?.query.text), reads(declaration?.key.text)];
    if (atQuery) query ??= axis;
    if (atKey) key ??= axis;
    inputs.push({ name: name.text, axis: atQuery || atKey ? axis : single });
  }
  const rows = query ?? key ?? names.find(isAxis) ?? "Rows";
  return { kind: "shape", query: rows, key: key === rows ? undefined : key, inputs };
}

/** Whether a name is that of an axis: these begin with a capital. */
function isAxis(name: string): boolean {
  return /^[A-Z]/.test(name);
}

/** A second axis that has a length is that of the keys. */
function withKeys(shape: Shape, names: readonly string[]): Shape {
  const key = names.find((name) => isAxis(name) && name !== shape.query);
  return shape.key === undefined && key !== undefined && names.includes(shape.query)
    ? { ...shape, key }
    : shape;
}

function readsAt(expression: Expr, data: string, row: string): boolean {
  const here =
    expression.kind === "bracket" &&
    isName(expression.target, data) &&
    expression.items.some((item) => item.kind === "value" && isName(item.value, row));
  return here || expressionsIn(expression).some((each) => readsAt(each, data, row));
}

function isName(expression: Expr, text: string): boolean {
  return expression.kind === "name" && expression.text === text;
}

interface Layout {
  readonly kind: "layout";
  readonly lines: readonly string[];
  readonly attend: string;
  readonly lengths: string;
}

/** The rows of the model: a sequence of segments, or axes without any. */
function layoutOf(
  inMask: ReadonlySet<string>,
  { query, key }: Shape,
  { lengths, usual }: LoneRows,
): Layout | Mistake {
  const axes = [query, ...(key === undefined ? [] : [key])];
  const axisOf = (name: string): string | undefined =>
    axes.find((axis) => axis.toLowerCase() === name.toLowerCase());
  const plain = [...lengths.keys()].every((name) => axisOf(name) !== undefined);
  if (inMask.size === 0 && plain) {
    const values = new Map([...lengths].map(([name, rows]) => [axisOf(name) ?? name, rows]));
    const keys = key ?? "Keys";
    const seen = key === undefined ? `rows[${query} as Keys]` : "keys";
    return {
      kind: "layout",
      lines: [
        `input rows: [${query}, One = 1, Width = 1]`,
        ...(key === undefined ? [] : [`input keys: [${key}, One, Width]`]),
      ],
      attend: `rows, ${seen}, ${seen} over ${keys}`,
      lengths: axes.map((axis) => `${axis}=${values.get(axis) ?? usual}`).join(","),
    };
  }
  if (key !== undefined) return otherRows(axes, [...lengths.keys()], inMask);
  const missing = [...inMask].filter((name) => !lengths.has(name));
  const [first] = missing;
  if (first !== undefined && lengths.size > 0) return noLength(first, inMask, lengths);
  const rows = lengths.size > 0 ? lengths : new Map([...inMask].map((name) => [name, usual]));
  const names = [...rows.keys()];
  const seen = `rows[${query} as Keys]`;
  return {
    kind: "layout",
    lines: [
      ...names.map(
        (name, index) =>
          `input ${name}_rows: [${capital(name)}, ${index === 0 ? "One = 1, Width = 1" : "One, Width"}]`,
      ),
      `sequence ${query} = ${names.map((name) => `${name}: ${capital(name)}`).join(", ")}`,
      `rows = join ${query}(${names.map((name) => `${name} = ${name}_rows`).join(", ")})`,
    ],
    attend: `rows, ${seen}, ${seen} over Keys`,
    lengths: [...rows].map(([name, count]) => `${name}=${count}`).join(","),
  };
}

/** The axis of a segment: a name that a person is not likely to use. */
function capital(segment: string): string {
  return `Of${segment.slice(0, 1).toUpperCase()}${segment.slice(1)}`;
}

/** The segments that a mask, or one that it names, asks for. */
function segmentsIn(module: ResolvedModule, asked: string): ReadonlySet<string> {
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (expression: Expr): void => {
    if (expression.kind === "binary" && expression.operator === "in") {
      if (expression.right.kind === "name" && expression.right.text !== "given")
        found.add(expression.right.text);
      return;
    }
    const named = expression.kind === "name" ? module.names.get(expression.text) : undefined;
    if (expression.kind === "name" && named?.kind === "mask" && !done.has(expression.text)) {
      done.add(expression.text);
      visit(named.declaration.body);
    }
    for (const each of expressionsIn(expression)) visit(each);
  };
  const text = `mask asked(q, k) = ${asked}\n`;
  for (const each of parse({ file: module.file, text }).module.declarations)
    if (each.kind === "mask") visit(each.body);
  return found;
}

function lacks(mask: string, lacking: readonly Parameter[], given: readonly string[]): Mistake {
  const names = lacking.map(({ name }) => name.text);
  const example = lacking.map(({ name, type }) =>
    type?.kind === "shape" ? `--data ${name.text}=0x8,1x8` : `--set ${name.text}=8`,
  );
  const meant = given.flatMap((name) => {
    const near = names.find((each) => didYouMean(name, [each]) !== undefined);
    return near === undefined ? [] : [`did you mean \`${near}\` by \`${name}\`?`];
  });
  return mistake(
    `\`${mask}\` lacks its ${names.map((name) => `\`${name}\``).join(" and ")}`,
    meant[0] ??
      `give ${lacking.length === 1 ? "it" : "them"}, for example \`${example.join(" ")}\``,
  );
}

function noLength(
  segment: string,
  inMask: ReadonlySet<string>,
  lengths: ReadonlyMap<string, number>,
): Mistake {
  const other = [...lengths.keys()].find(
    (name) => !inMask.has(name) && didYouMean(name, [segment]) !== undefined,
  );
  const hint =
    other === undefined
      ? `add it: \`--length ${[...lengths].map(([name, rows]) => `${name}=${rows},`).join("")}${segment}=16\``
      : `did you mean \`${segment}\` by \`${other}\`?`;
  return mistake(`the mask speaks of \`${segment}\`, which has no length`, hint);
}

function otherRows(
  axes: readonly string[],
  names: readonly string[],
  inMask: ReadonlySet<string>,
): Mistake {
  const wrong = [...names, ...inMask].find((name) => !axes.includes(name)) ?? "";
  return mistake(
    `\`${wrong}\` is no axis of this mask, whose queries and keys are ${axes.join(" and ")}`,
    didYouMean(wrong, axes) ?? `write \`--length ${axes.map((axis) => `${axis}=16`).join(",")}\``,
  );
}

function mistake(message: string, hint: string): Mistake {
  return { kind: "mistake", message, hint };
}
