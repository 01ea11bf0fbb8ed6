/** The language: text to tree, tree's mistakes to text, and the formatter. Knows nothing of tensors. */

export type * from "./ast.ts";
export * from "./diagnostic.ts";
export { type Parsed, parse } from "./parse.ts";
export * from "./source.ts";
export { expressionsIn } from "./walk.ts";
