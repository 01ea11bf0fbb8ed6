/** The language: text to tree, the tree's mistakes to text, and the formatter. Knows no tensors. */

export type * from "./ast.ts";
export * from "./diagnostic.ts";
export { type JsonDiagnostic, type JsonLabel, render, toJson } from "./errors.ts";
export { format } from "./format.ts";
export { type Parsed, parse } from "./parse.ts";
export * from "./source.ts";
export { expressionsIn } from "./walk.ts";
