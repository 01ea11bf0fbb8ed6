/** Checkpoint paths: names with alternatives, loop indices, and axes along which tensors are stacked. */

import type { Expr, Path } from "../../grammar/ast.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant } from "../op/dimension.ts";
import { type Body, evaluate, fail } from "./context.ts";
import { axisOf } from "./labels.ts";
import { asSize } from "./number.ts";
import { describe } from "./value.ts";

/** A path with its indices put in; `stacked` marks where one tensor a row is meant. */
export interface ResolvedPath {
  /** As written, by which the weight is found again: `layers.3.gate`. */
  readonly key: string;
  /** Alternatives in order; each is split where the stacked axis's index goes. */
  readonly alternatives: readonly (readonly string[])[];
  readonly stacked?: AxisName;
}

/** Resolves a path in a body; reports indices that are neither numbers nor axes. */
export function resolvePath(body: Body, path: Path): ResolvedPath | undefined {
  let alternatives: readonly (readonly string[])[] = [[""]];
  let stacked: AxisName | undefined;
  const words: string[] = [];
  for (const [index, part] of path.parts.entries()) {
    if (part.kind === "word") {
      const named = index === 0 ? body.scope.paths.get(part.text) : undefined;
      alternatives = append(alternatives, named ?? [part.text]);
      words.push(part.text);
      continue;
    }
    const axis = stackedAxis(body, part.value);
    if (axis === "bad" || (axis !== undefined && stacked !== undefined)) return undefined;
    if (axis !== undefined) {
      stacked = axis;
      words.push(axis);
      alternatives = alternatives.map((pieces) => [...pieces, ""]);
      continue;
    }
    const number = indexOf(body, part.value);
    if (number === undefined) return undefined;
    alternatives = append(alternatives, [number]);
    words.push(number);
  }
  if (path.parts.length === 0) return undefined;
  return { key: words.join("."), alternatives, ...(stacked === undefined ? {} : { stacked }) };
}

/** Every alternative with every continuation, the latter fastest. */
function append(
  alternatives: readonly (readonly string[])[],
  words: readonly string[],
): readonly (readonly string[])[] {
  return alternatives.flatMap((pieces) =>
    words.map((word) => [...pieces.slice(0, -1), joinPath(pieces.at(-1) ?? "", word)]),
  );
}

/** Two pieces of a path, with a dot between unless one is empty. */
export function joinPath(first: string, second: string): string {
  return first === "" ? second : second === "" ? first : `${first}.${second}`;
}

function stackedAxis(body: Body, expr: Expr): AxisName | undefined | "bad" {
  if (expr.kind !== "name" || !/^_*[A-Z]/.test(expr.text)) return undefined;
  return axisOf(body, { text: expr.text, span: expr.span }) ?? "bad";
}

/** The number of an index as text; in a generic body a symbol stands for it. */
function indexOf(body: Body, expr: Expr): string | undefined {
  const value = evaluate(body, expr);
  const size = asSize(value);
  if (size !== undefined) return `${asConstant(size) ?? `[${size.key}]`}`;
  if (value.kind === "number") return "[?]";
  if (value.kind !== "unknown") {
    fail(body, "path/index", {
      message: `an index of a path is a number known at compile time, this is ${describe(value)}`,
      at: { span: expr.span, note: "" },
      hint: "use a loop variable or a number, or an axis to stack one tensor a row",
    });
  }
  return undefined;
}

/** The path of an instance: every alternative of its caller with every one of its own. */
export function instancePrefix(body: Body, path: Path | undefined): readonly string[] | undefined {
  if (path === undefined) return body.scope.prefix;
  const resolved = resolvePath(body, path);
  if (resolved === undefined) return undefined;
  if (resolved.stacked !== undefined) {
    fail(body, "path/stacked", {
      message: "a block stands at one path, not at one a row",
      at: { span: path.span, note: "" },
      hint: "stack weights: `weight experts[Expert].up.weight: [F, D]`",
    });
    return undefined;
  }
  const own = resolved.alternatives.map((pieces) => pieces.join(""));
  return body.scope.prefix.flatMap((prefix) => own.map((path) => joinPath(prefix, path)));
}
