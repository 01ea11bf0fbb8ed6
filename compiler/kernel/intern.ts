/**
 * Numbers for expressions: equal expressions have equal numbers, whatever objects they are. Variables
 * that change are told apart by the version that `versionOf` gives them.
 */

import { invariant, unreachable } from "../../grammar/invariant.ts";
import type { Expr, KernelType } from "./kernel.ts";

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

/**
 * A table of expressions met so far. Everything has a number: words, and pairs of numbers, which
 * longer things are made of from left to right. To put texts together would take several times as long.
 */
export class Interner {
  /** Words by the type of what they say something about; those that are names come last. */
  private readonly words: readonly Map<string, number>[] = Array.from(
    { length: 7 },
    () => new Map(),
  );
  /** For each number, the pairs that it is first in, by the second. */
  private readonly pairs: (Map<number, number> | undefined)[] = [];
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

  private visit(expr: Expr): number {
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
    const id = this.numberOf(expr);
    this.known.set(expr, { id, clock: this.stable ? undefined : this.changes.clock });
    this.stable &&= outer;
    return id;
  }

  private numberOf(expr: Expr): number {
    switch (expr.kind) {
      case "const":
        // Maps do not tell it from 0.
        if (Object.is(expr.value, -0)) return this.word("-0", expr.type);
        return this.pair(this.word("const", expr.type), expr.value);
      case "var":
        return this.pair(this.word("var", expr.type), this.versioned(expr.name));
      case "builtin":
        return this.pair(this.word("builtin", expr.type), this.name(expr.name));
      case "element":
        return this.pair(this.word("element", expr.type), this.name(expr.tile));
      case "load":
        return this.read(expr, this.versioned(expr.buffer), expr.index);
      case "load_array":
        return this.read(expr, this.versioned(expr.array), expr.index);
      case "unary":
        return this.pair(this.word(expr.operator, expr.type), this.visit(expr.operand));
      case "binary": {
        const start = this.pair(this.word(expr.operator, expr.type), this.visit(expr.left));
        return this.pair(start, this.visit(expr.right));
      }
      case "call":
        return this.all(this.word(expr.fn, expr.type), expr.args);
      case "select": {
        const start = this.pair(this.word("select", expr.type), this.visit(expr.condition));
        return this.pair(this.pair(start, this.visit(expr.then)), this.visit(expr.otherwise));
      }
      case "cast":
      case "splat":
        return this.pair(this.word(expr.kind, expr.type), this.visit(expr.operand));
      case "vector":
        return this.all(this.word("vector", expr.type), expr.items);
      case "lane":
        return this.pair(
          this.pair(this.word("lane", expr.type), this.visit(expr.operand)),
          expr.index,
        );
      default:
        return unreachable(expr);
    }
  }

  private read({ kind, type }: Expr, memory: number, index: Expr): number {
    return this.pair(this.pair(this.word(kind, type), memory), this.visit(index));
  }

  private all(start: number, parts: readonly Expr[]): number {
    return parts.reduce((number, part) => this.pair(number, this.visit(part)), start);
  }

  private versioned(name: string): number {
    const number = this.name(name);
    const version = this.changes.of(name);
    if (version === undefined) return number;
    this.stable = false;
    return this.pair(number, version);
  }

  private name(text: string): number {
    return this.numberIn(6, text);
  }

  /** What an expression of that type does. No operator, function or kind is called as another one is. */
  private word(text: string, { scalar, lanes }: KernelType): number {
    const first = scalar === "f32" ? 0 : scalar === "i32" ? 2 : 4;
    return this.numberIn(lanes === 1 ? first : first + 1, text);
  }

  private numberIn(table: number, text: string): number {
    const words = this.words[table];
    invariant(words !== undefined, "intern: a type of its own");
    return words.get(text) ?? this.fresh(words, text);
  }

  private pair(first: number, second: number): number {
    const pairs = this.pairs[first];
    const before = pairs?.get(second);
    if (before !== undefined) return before;
    const made = pairs ?? new Map<number, number>();
    this.pairs[first] = made;
    return this.fresh(made, second);
  }

  private fresh<Key>(table: Map<Key, number>, key: Key): number {
    const number = this.pairs.length;
    this.pairs.push(undefined);
    table.set(key, number);
    return number;
  }
}
