/**
 * Numbers for expressions: equal expressions have equal numbers, whatever objects they are. Variables
 * that change are told apart by the version that `versionOf` gives them.
 */

import { unreachable } from "../../grammar/invariant.ts";
import type { Expr } from "./kernel.ts";

/** A table of expressions met so far. */
export class Interner {
  private readonly ids = new Map<string, number>();
  /** The version of a variable or memory whose content changes; nothing for the others. */
  private readonly versionOf: (name: string) => number | undefined;
  /** Remembers expressions without versions by object. */
  private readonly known = new WeakMap<Expr, number>();

  constructor(versionOf: (name: string) => number | undefined = () => undefined) {
    this.versionOf = versionOf;
  }

  /** The number of `expr`. */
  idOf(expr: Expr): number {
    return this.visit(expr)[0];
  }

  private visit(expr: Expr): readonly [id: number, stable: boolean] {
    const before = this.known.get(expr);
    if (before !== undefined) return [before, true];
    let stable = true;
    const idOf = (part: Expr): number => {
      const [id, same] = this.visit(part);
      stable &&= same;
      return id;
    };
    const versioned = (name: string): string => {
      const version = this.versionOf(name);
      if (version === undefined) return name;
      stable = false;
      return `${name}@${version}`;
    };
    const key = `${expr.type.scalar}${expr.type.lanes} ${keyOf(expr, idOf, versioned)}`;
    const id = this.ids.get(key) ?? this.ids.size;
    this.ids.set(key, id);
    if (stable) this.known.set(expr, id);
    return [id, stable];
  }
}

function keyOf(
  expr: Expr,
  idOf: (part: Expr) => number,
  versioned: (name: string) => string,
): string {
  switch (expr.kind) {
    case "const":
      return Object.is(expr.value, -0) ? "-0" : `${expr.value}`;
    case "var":
      return `var ${versioned(expr.name)}`;
    case "builtin":
      return `@${expr.name}`;
    case "load":
      return `load ${versioned(expr.buffer)} ${idOf(expr.index)}`;
    case "load_array":
      return `array ${versioned(expr.array)} ${idOf(expr.index)}`;
    case "unary":
      return `${expr.operator} ${idOf(expr.operand)}`;
    case "binary":
      return `${expr.operator} ${idOf(expr.left)} ${idOf(expr.right)}`;
    case "call":
      return `${expr.fn} ${expr.args.map(idOf).join(" ")}`;
    case "select":
      return `select ${idOf(expr.condition)} ${idOf(expr.then)} ${idOf(expr.otherwise)}`;
    case "cast":
      return `cast ${idOf(expr.operand)}`;
    case "splat":
      return `splat ${idOf(expr.operand)}`;
    case "vector":
      return `vector ${expr.items.map(idOf).join(" ")}`;
    case "lane":
      return `lane ${expr.index} ${idOf(expr.operand)}`;
    case "element":
      return `element ${expr.tile}`;
    default:
      return unreachable(expr);
  }
}
