/** Dims, axes, sequences and models begin with a capital letter, everything else with a small one. */

import type { Name } from "./ast.ts";
import type { Context } from "./context.ts";
import { error } from "./diagnostic.ts";
import { isCapital } from "./term-parser.ts";

/** Reports a name that should begin with a capital letter; `what` is "an axis", "a model", … */
export function expectCapital(context: Context, name: Name, what: string): void {
  if (isCapital(name.text) || !isNew(context, name)) return;
  const written = name.text
    .split("_")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join("");
  context.remark(
    error("syntax/capital", {
      message: `\`${name.text}\` names ${what}, so it begins with a capital letter`,
      at: { span: name.span, note: "" },
      hint: `write \`${written}\``,
    }),
  );
}

/** Reports a name that should begin with a small letter; `what` is "a block", "a segment", … */
export function expectSmall(context: Context, name: Name, what: string): void {
  if (!isCapital(name.text) || !isNew(context, name)) return;
  const written = name.text
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .toLowerCase();
  context.remark(
    error("syntax/capital", {
      message: `\`${name.text}\` names ${what}, so it begins with a small letter`,
      at: { span: name.span, note: "" },
      hint: `write \`${written}\``,
    }),
  );
}

/** One mistake, said once: a name is reported where a declaration first has it. */
function isNew(context: Context, name: Name): boolean {
  if (name.text === "" || context.miscased.has(name.text)) return false;
  context.miscased.add(name.text);
  return true;
}
