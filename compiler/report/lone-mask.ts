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
    declaration === undefined
      ? rows.data.map((name) => ({ name, element: "int", axes: [shape.query] }))
      : [];
  const inputs = [...shape.inputs, ...others];
  const values = parameters
    .filter(isGiven)
    .map(({ name: { text } }) => `${text} = ${rows.settings.get(text) ?? text}`);
  const mask = values.length === 0 ? asked : `${asked}(${values.join(", ")})`;
  const ofRows = new Map([...rows.lengths].filter(([name]) => !shape.own.has(name)));
  const layout = layoutOf(segmentsIn(module, asked), shape, { ...rows, lengths: ofRows });
  if (layout.kind === "mistake") return layout;
  const tiles = [...shape.own].map(([axis, { row, by }]): [string, number | undefined] => {
    const count = layout.rows[row];
    return [axis, rows.lengths.get(axis) ?? (by === undefined ? undefined : Math.ceil(count / by))];
  });
  const [unknown] = tiles.find(([, count]) => count === undefined) ?? [];
  if (unknown !== undefined)
    return mistake(`\`${unknown}\` has no length`, `add it: \`--length ${unknown}=4\``);
  const lines = [
    ...layout.lines,
    ...inputs.map(({ name, element, axes }) => `input ${name}: ${element}[${axes.join(", ")}]`),
    `output seen = attend(${layout.attend}; mask = ${mask}, rows = ${shape.query})`,
  ];
  const text = `${source.text}\n\nmodel ${loneModel} {\n${lines.map((line) => `  ${line}`).join("\n")}\n}\n`;
  const lengths = [layout.lengths, ...tiles.map(([axis, count]) => `${axis}=${count}`)].join();
  return { kind: "model", source: { file: source.file, text }, lengths };
}

/** Data that the model is given, and over what. */
interface LoneInput {
  readonly name: string;
  readonly element: string;
  readonly axes: readonly string[];
}

interface Shape {
  readonly kind: "shape";
  /** The axis of the queries, and that of the keys where it is another. */
  readonly query: string;
  readonly key: string | undefined;
  readonly inputs: readonly LoneInput[];
  /** Axes of tables that are not read row by row. */
  readonly own: ReadonlyMap<string, Tiled>;
}

/** What a table is read at along an axis: a row of queries or keys, divided by `by` if that is known. */
interface Tiled {
  readonly row: "query" | "key";
  readonly by: number | undefined;
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
  const inputs: LoneInput[] = [];
  const own = new Map<string, Tiled>();
  for (const { name, type } of parameters) {
    if (type?.kind !== "shape") continue;
    const axes = type.axes.map((axis) => axis.name.text);
    if (axes.length > 2)
      return mistake(
        `\`${name.text}\` has ${axes.length} axes, and a picture is of one head and one prompt`,
        "write a mask without the other axes",
      );
    const places = declaration === undefined ? [] : placesIn(declaration.body, name.text);
    const read = (row: string | undefined, index: number): boolean =>
      row !== undefined && places.some((at) => at[index] !== undefined && isName(at[index], row));
    let isRead = false;
    for (const [index, axis] of axes.entries()) {
      const [atQuery, atKey] = [
        read(declaration?.query.text, index),
        read(declaration?.key.text, index),
      ];
      if (atQuery) query ??= axis;
      if (atKey) key ??= axis;
      isRead ||= atQuery || atKey;
      if (axes.length > 1 && !atQuery && !atKey)
        own.set(axis, tiledAt(places[0]?.[index], declaration?.key.text));
    }
    const over = axes.length > 1 || isRead ? axes : ["One"];
    inputs.push({ name: name.text, element: axes.length > 1 ? type.element : "int", axes: over });
  }
  const rows = query ?? key ?? names.find((each) => isAxis(each) && !own.has(each)) ?? "Rows";
  return { kind: "shape", query: rows, key: key === rows ? undefined : key, inputs, own };
}

/** What `q / n` says. */
function tiledAt(index: Expr | undefined, key: string | undefined): Tiled {
  if (index?.kind !== "binary") return { row: "query", by: undefined };
  const row = key !== undefined && isName(index.left, key) ? "key" : "query";
  const divides = index.operator === "/" && index.right.kind === "number";
  return { row, by: divides ? index.right.value : undefined };
}

/** Whether a name is that of an axis: these begin with a capital. */
function isAxis(name: string): boolean {
  return /^[A-Z]/.test(name);
}

/** A second axis that has a length is that of the keys. */
function withKeys(shape: Shape, names: readonly string[]): Shape {
  const key = names.find((name) => isAxis(name) && name !== shape.query && !shape.own.has(name));
  return shape.key === undefined && key !== undefined && names.includes(shape.query)
    ? { ...shape, key }
    : shape;
}

/** What `data` is read at in `expression`, axis by axis, each time that it is. */
function placesIn(expression: Expr, data: string): readonly (readonly Expr[])[] {
  const nested = expressionsIn(expression).flatMap((each) => placesIn(each, data));
  if (expression.kind !== "bracket" || !isName(expression.target, data)) return nested;
  const at = expression.items.flatMap((item) => (item.kind === "value" ? [item.value] : []));
  return [at, ...nested];
}

function isName(expression: Expr, text: string): boolean {
  return expression.kind === "name" && expression.text === text;
}

interface Layout {
  readonly kind: "layout";
  readonly lines: readonly string[];
  readonly attend: string;
  readonly lengths: string;
  /** How many there are. */
  readonly rows: Readonly<Record<"query" | "key", number>>;
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
    const count = (axis: string): number => values.get(axis) ?? usual;
    return {
      kind: "layout",
      lines: [
        `input rows: [${query}, One = 1, Width = 1]`,
        ...(key === undefined ? [] : [`input keys: [${key}, One, Width]`]),
      ],
      attend: `rows, ${seen}, ${seen} over ${keys}`,
      lengths: axes.map((axis) => `${axis}=${count(axis)}`).join(","),
      rows: { query: count(query), key: count(key ?? query) },
    };
  }
  if (key !== undefined) return otherRows(axes, [...lengths.keys()], inMask);
  const missing = [...inMask].filter((name) => !lengths.has(name));
  const [first] = missing;
  if (first !== undefined && lengths.size > 0) return noLength(first, inMask, lengths);
  const rows = lengths.size > 0 ? lengths : new Map([...inMask].map((name) => [name, usual]));
  const names = [...rows.keys()];
  const seen = `rows[${query} as Keys]`;
  const total = [...rows.values()].reduce((sum, count) => sum + count, 0);
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
    rows: { query: total, key: total },
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
  const example = lacking.map(({ name, type }) => {
    if (type?.kind !== "shape") return `--set ${name.text}=8`;
    if (type.axes.length < 2) return `--data ${name.text}=row/8`;
    const lengths = type.axes.map((axis) => `${axis.name.text}=2`).join();
    return `--length ${lengths} --data ${name.text}=1,0,1,1`;
  });
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
