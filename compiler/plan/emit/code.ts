/**
 * TypeScript as pieces that can be laid out: on one line where it fits, else with one indent more.
 *
 * Strings stay strings until printed, so that equal pieces for different layers can be found and
 * made one piece with the layer's number in it (`layers.ts`).
 */

/** The number of a layer inside a text: `scale * <variable> + offset`. */
export interface Slot {
  readonly variable: string;
  readonly scale: number;
  readonly offset: number;
}

/** A piece of TypeScript. A string is TypeScript as it stands. */
export type Code =
  | string
  /** A string literal, or a template where parts are slots. */
  | { readonly kind: "text"; readonly parts: readonly (string | Slot)[] }
  /**
   * Items between brackets. If they do not fit on one line: `lines` gives each a line of its own,
   * `fill` puts as many on a line as fit, and `hang` goes on like text, with the lines after the
   * first indented.
   */
  | {
      readonly kind: "list";
      readonly open: string;
      readonly items: readonly Code[];
      readonly close: string;
      readonly layout: "fill" | "lines" | "hang";
    }
  /** Pieces one after another; lists among them break from the last one on. */
  | { readonly kind: "sequence"; readonly parts: readonly Code[] };

/** A string literal. */
export function text(value: string): Code {
  return { kind: "text", parts: [value] };
}

/** Pieces one after another. */
export function sequence(...parts: readonly Code[]): Code {
  return { kind: "sequence", parts };
}

/** `[a, b]`, as many on a line as fit. */
export function array(items: readonly Code[]): Code {
  return { kind: "list", open: "[", items, close: "]", layout: "fill" };
}

/** `[a, b]`, one a line if they do not fit on one. */
export function lines(items: readonly Code[]): Code {
  return { kind: "list", open: "[", items, close: "]", layout: "lines" };
}

/** `name(a, b)`. */
export function call(name: string, ...items: readonly Code[]): Code {
  return { kind: "list", open: `${name}(`, items, close: ")", layout: "fill" };
}

/** `name(a, b)`, like text if it does not fit on one line. */
export function hangingCall(name: string, ...items: readonly Code[]): Code {
  return { kind: "list", open: `${name}(`, items, close: ")", layout: "hang" };
}

/** `{ key: value }`; a value that is its key's name stands alone. */
export function object(
  entries: readonly (readonly [string, Code])[],
  layout: "fill" | "lines" = "fill",
): Code {
  const items = entries.map(([key, value]) =>
    key === value && isIdentifier(key) ? key : sequence(propertyName(key), ": ", value),
  );
  if (items.length === 0) return "{}";
  return { kind: "list", open: "{ ", items, close: " }", layout };
}

/** Plain data as it is written in TypeScript. Undefined members are left out. */
export function literal(value: unknown): Code {
  if (typeof value === "string") return text(value);
  if (typeof value === "number") return numberText(value);
  if (Array.isArray(value)) return array(value.map(literal));
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return object(entries.map(([key, each]) => [key, literal(each)]));
}

/** A number, exactly. */
export function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Whether `name` can stand alone as the name of a member. */
export function isIdentifier(name: string): boolean {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name);
}

/** The name of a member as an object literal writes it; `__proto__` would not be a member. */
export function propertyName(name: string): Code {
  if (name === "__proto__") return '["__proto__"]';
  return isIdentifier(name) ? name : text(name);
}

const width = 120;

/** The piece as text, from `column` on, on lines that are indented by `indent`. */
export function layOut(code: Code, indent: number = 0, column: number = indent): string {
  if (typeof code === "string") return code;
  const flat = onOneLine(code);
  if (column + flat.length <= width || code.kind === "text") return flat;
  if (code.kind === "sequence") return layOutSequence(code.parts, indent, column);
  if (code.layout === "hang") return paragraph(words(code), indent + 4, column);
  const inner = indent + 2;
  const open = code.open.trimEnd();
  const body = code.layout === "lines" ? onLines(code.items, inner) : filled(code.items, inner);
  return `${open}\n${body}\n${" ".repeat(indent)}${code.close.trimStart()}`;
}

/** The pieces that a line break may not divide. */
function words(code: Code): readonly string[] {
  if (typeof code === "string" || code.kind !== "list" || code.items.length === 0)
    return [onOneLine(code)];
  const inside = code.items.map(words);
  return inside.flatMap((item, index) =>
    item.map((word, place) => {
      const open = index === 0 && place === 0 ? code.open : "";
      const ends = place === item.length - 1;
      const close = !ends ? "" : index === inside.length - 1 ? code.close : ",";
      return `${open}${word}${close}`;
    }),
  );
}

function paragraph(pieces: readonly string[], indent: number, column: number): string {
  let result = "";
  let end = column;
  for (const piece of pieces) {
    if (result === "") result = piece;
    else if (end + 1 + piece.length <= width) result += ` ${piece}`;
    else {
      result += `\n${" ".repeat(indent)}${piece}`;
      end = indent - 1 - 1;
    }
    end += piece.length + 1;
  }
  return result;
}

function layOutSequence(parts: readonly Code[], indent: number, column: number): string {
  let result = "";
  for (const [index, part] of parts.entries()) {
    const rest = parts
      .slice(index + 1)
      .map(onOneLine)
      .join("");
    const here = column + lastLine(result).length;
    // What follows a list on its last line counts for whether the list fits.
    result += layOut(part, indent, result.includes("\n") ? here : here + rest.length);
  }
  return result;
}

function onLines(items: readonly Code[], indent: number): string {
  const space = " ".repeat(indent);
  return items.map((item) => `${space}${layOut(item, indent, indent + 1)},`).join("\n");
}

function filled(items: readonly Code[], indent: number): string {
  const space = " ".repeat(indent);
  const rows: string[] = [];
  let row = "";
  for (const item of items) {
    const flat = `${onOneLine(item)},`;
    if (row !== "" && indent + row.length + 1 + flat.length > width) {
      rows.push(row);
      row = "";
    }
    const fits = indent + flat.length <= width;
    if (fits) row = row === "" ? flat : `${row} ${flat}`;
    else rows.push(`${layOut(item, indent, indent + 1)},`);
  }
  if (row !== "") rows.push(row);
  return rows.map((each) => `${space}${each}`).join("\n");
}

/** TypeScript with nothing left in its strings, templates and comments: what it uses by name. */
export function withoutText(code: string): string {
  return code.replace(/"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|\/\*[\s\S]*?\*\//g, '""');
}

/** The piece without line breaks. */
export function onOneLine(code: Code): string {
  if (typeof code === "string") return code;
  const before = flatTexts.get(code);
  if (before !== undefined) return before;
  const flat = flatText(code);
  flatTexts.set(code, flat);
  return flat;
}

/** Pieces never change, and each is asked for its flat form by everything that it is in. */
const flatTexts = new WeakMap<Exclude<Code, string>, string>();

function flatText(code: Exclude<Code, string>): string {
  switch (code.kind) {
    case "text":
      return textLiteral(code.parts);
    case "list":
      return `${code.open}${code.items.map(onOneLine).join(", ")}${code.close}`;
    case "sequence":
      return code.parts.map(onOneLine).join("");
  }
}

function textLiteral(parts: readonly (string | Slot)[]): string {
  if (parts.every((part) => typeof part === "string")) return quoted(parts.join(""));
  const inside = parts.map((part) =>
    typeof part === "string" ? templateText(part) : `\${${slotText(part)}}`,
  );
  return `\`${inside.join("")}\``;
}

/** JSON's escapes, and the two line ends that JSON lets stand. */
function quoted(value: string): string {
  return JSON.stringify(value).replace(/[\u2028\u2029]/g, escaped);
}

function templateText(value: string): string {
  const inside = quoted(value).slice(1, -1).replaceAll('\\"', '"');
  return inside.replace(/`|\$\{/g, (found) => `\\${found}`);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16)}`;
}

function slotText({ variable, scale, offset }: Slot): string {
  const product = scale === 1 ? variable : `${scale} * ${variable}`;
  if (offset === 0) return product;
  return offset < 0 ? `${product} - ${-offset}` : `${product} + ${offset}`;
}

function lastLine(value: string): string {
  return value.slice(value.lastIndexOf("\n") + 1);
}
