/**
 * Numbers for expressions: equal expressions have equal numbers, whatever objects they are. Variables
 * that change are told apart by the version that `versionOf` gives them.
 */

import { unreachable } from "../../grammar/invariant.ts";
import type { Expr } from "./kernel.ts";

/** What changes while an interner is used: versions of names, and a count of all changes. */
export interface Changes {
  /** The version of a variable or memory whose content changes; nothing for the others. */
  readonly of: (name: string) => number | undefined;
  /** Grows whenever a version does. */
  readonly clock: number;
}

interface Known {
  readonly id: number;
  /** The clock at which this was found, or nothing if it holds for ever. */
  readonly clock: number | undefined;
}

/** A table of expressions met so far. */
export class Interner {
  private readonly ids = new Map<string, number>();
  private readonly changes: Changes;
  private readonly known = new Map<Expr, Known>();
  private readonly defined = new Map<string, number>();
  /** Whether what is being visited holds for ever. */
  private stable = true;

  constructor(changes: Changes) {
    this.changes = changes;
  }

  /** The number of `expr`. */
  idOf(expr: Expr): number {
    this.stable = true;
    return this.visit(expr);
  }

  /** From now on `name`, which never changes, has the number of its value. */
  define(name: string, value: Expr): void {
    this.defined.set(name, this.idOf(value));
  }

  private readonly visit = (expr: Expr): number => {
    const value = expr.kind === "var" ? this.defined.get(expr.name) : undefined;
    if (value !== undefined) return value;
    const before = this.known.get(expr);
    if (before !== undefined) {
      if (before.clock === undefined) return before.id;
      this.stable = false;
      if (before.clock === this.changes.clock) return before.id;
    }
    const outer = this.stable;
    this.stable = true;
    const { scalar, lanes } = expr.type;
    const key = `${scalar}${lanes} ${keyOf(expr, this.visit, this.versioned)}`;
    const id = this.ids.get(key) ?? this.ids.size;
    this.ids.set(key, id);
    this.known.set(expr, { id, clock: this.stable ? undefined : this.changes.clock });
    this.stable &&= outer;
    return id;
  };

  private readonly versioned = (name: string): string => {
    const version = this.changes.of(name);
    if (version === undefined) return name;
    this.stable = false;
    return `${name}@${version}`;
  };
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
