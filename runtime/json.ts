/**
 * JSON from files that somebody else wrote: nothing in it is trusted to have a type.
 *
 * Readers ask for a member with the type that they need and get it, `undefined` (absent or null),
 * or an error that names the file, the member and what stood there.
 */

import { BraidError, reasonOf } from "./errors.ts";

/** A JSON object whose members nobody has looked at yet. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** Whether `value` is a JSON object (not null, not an array). */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The member `key` of `record` itself, never one inherited from `Object.prototype`. */
export function member(record: JsonRecord, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** The object in `text`; `file` is what errors (`json/syntax`, `json/type`) call it. */
export function parseRecord(text: string, file: string): JsonRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BraidError("json/syntax", `${file} is not JSON: ${reasonOf(error)}`, {
      hint: "fetch the file again; a half-finished download looks like this",
      cause: error,
    });
  }
  if (!isRecord(value)) {
    throw new BraidError("json/type", `${file} holds ${describe(value)} where an object belongs`);
  }
  return value;
}

/** The string at `key`, or undefined where it is absent or null; else `json/type`. */
export function stringAt(record: JsonRecord, key: string, file: string): string | undefined {
  return typedAt(record, key, file, "a string", (value) => typeof value === "string");
}

/** The finite number at `key`, or undefined where it is absent or null; else `json/type`. */
export function numberAt(record: JsonRecord, key: string, file: string): number | undefined {
  return typedAt(record, key, file, "a number", (value) => typeof value === "number");
}

/** The boolean at `key`, or undefined where it is absent or null; else `json/type`. */
export function booleanAt(record: JsonRecord, key: string, file: string): boolean | undefined {
  return typedAt(record, key, file, "true or false", (value) => typeof value === "boolean");
}

/** The object at `key`, or undefined where it is absent or null; else `json/type`. */
export function recordAt(record: JsonRecord, key: string, file: string): JsonRecord | undefined {
  return typedAt(record, key, file, "an object", isRecord);
}

/** The list at `key`, or undefined where it is absent or null; else `json/type`. */
export function listAt(
  record: JsonRecord,
  key: string,
  file: string,
): readonly unknown[] | undefined {
  return typedAt(record, key, file, "a list", (value): value is readonly unknown[] =>
    Array.isArray(value),
  );
}

/** What stands where something else was wanted, short enough for a message. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isRecord(value)) return "an object";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function typedAt<T>(
  record: JsonRecord,
  key: string,
  file: string,
  wanted: string,
  is: (value: unknown) => value is T,
): T | undefined {
  const value = member(record, key) ?? undefined;
  if (value === undefined) return undefined;
  if (is(value)) return value;
  throw new BraidError("json/type", `\`${key}\` in ${file} is ${describe(value)}, not ${wanted}`);
}

/**
 * The first key that an object of `text` repeats, if any. `JSON.parse` keeps the last of two equal
 * keys without a word, which would let a file say two things. `text` must already have parsed.
 */
export function repeatedKey(text: string): string | undefined {
  // One set of keys for each open object, `undefined` for each open list.
  const open: (Set<string> | undefined)[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text[at];
    at++;
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(undefined);
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const end = closingQuote(text, at);
      const keys = open.at(-1);
      if (keys !== undefined && isKey(text, end + 1)) {
        const key: string = JSON.parse(text.slice(at - 1, end + 1));
        if (keys.has(key)) return key;
        keys.add(key);
      }
      at = end + 1;
    }
  }
  return undefined;
}

/** Where the string whose first character is at `from` ends. */
function closingQuote(text: string, from: number): number {
  let at = from;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

/** In valid JSON a string is a key exactly when a colon follows it. */
function isKey(text: string, from: number): boolean {
  let at = from;
  while (" \t\r\n".includes(text[at] ?? ":")) at++;
  return text[at] === ":";
}
