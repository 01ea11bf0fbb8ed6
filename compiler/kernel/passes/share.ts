/**
 * Names what is computed more than once, and takes out of loops what does not change in them.
 *
 * Expressions are pure, so a value may be computed earlier and once, as long as nothing it reads
 * changes between: variables that are assigned and memory that is written have versions. An
 * expression without loads moves out of loops up to where its variables are declared; nothing moves
 * out of an `if`, and neither loads nor divisions by a variable move at all, since they might fail
 * where they were not reached. Names that nothing reads any more are dropped. Needs a kernel without
 * tiles; leaves one where address arithmetic is shared between unrolled statements.
 */

import { invariant } from "../../../grammar/invariant.ts";
import { variable } from "../build.ts";
import { Interner } from "../intern.ts";
import type { Expr, Kernel, Statement } from "../kernel.ts";
import { childrenOf, mapChildren, mapExpressions } from "../rewrite.ts";
import { Names } from "./names.ts";
import { dropUnused } from "./unused.ts";
import { Versions } from "./versions.ts";

/** `kernel` with shared values named; it computes the same. */
export function share(kernel: Kernel): Kernel {
  const counter = new Walk(kernel);
  counter.run();
  const writer = new Walk(kernel, counter.named());
  return dropUnused({ ...kernel, body: writer.run() });
}

/** A block being walked: what it declares, and, when writing, what it has become so far. */
interface Block {
  readonly number: number;
  readonly isBranch: boolean;
  readonly out: Statement[];
}

interface Use {
  count: number;
  /** Whether it is used in a loop inside the block where it is computed. */
  moved: boolean;
}

/**
 * One walk over the kernel. The first only counts, for each value, the uses in the block where it
 * would be computed; the second knows which values get a name and rewrites. Both meet the same
 * blocks and versions in the same order, so their keys agree.
 */
class Walk {
  private readonly kernel: Kernel;
  private readonly chosen: ReadonlySet<string> | undefined;
  private readonly uses = new Map<string, Use>();
  private readonly written = new Map<string, Expr>();
  /** Names that became another name for the same value. */
  private readonly aliases = new Map<string, Expr>();
  private readonly blocks: Block[] = [];
  private readonly depths = new Map<string, number>();
  private readonly versions: Versions;
  private readonly interner: Interner;
  private readonly names: Names;
  private blockCount = 0;

  constructor(kernel: Kernel, chosen?: ReadonlySet<string>) {
    this.kernel = kernel;
    this.chosen = chosen;
    this.versions = new Versions(kernel);
    this.interner = new Interner((name) => this.versions.of(name));
    this.names = new Names(kernel);
  }

  run(): readonly Statement[] {
    for (const name of this.kernel.scalars) this.depths.set(name, 0);
    return this.block(this.kernel.body, false);
  }

  /** The values worth a name: used twice, or computed outside a loop that uses them. */
  named(): ReadonlySet<string> {
    const found = [...this.uses].filter(([, use]) => use.count > 1 || use.moved);
    return new Set(found.map(([key]) => key));
  }

  private block(
    body: readonly Statement[],
    isBranch: boolean,
    bound?: string,
  ): readonly Statement[] {
    const block: Block = { number: this.blockCount++, isBranch, out: [] };
    this.blocks.push(block);
    if (bound !== undefined) this.depths.set(bound, this.blocks.length - 1);
    for (const statement of body) block.out.push(this.statement(statement));
    this.blocks.pop();
    return block.out;
  }

  private statement(statement: Statement): Statement {
    const depth = this.blocks.length - 1;
    // The end of a loop is read before each round.
    if (statement.kind === "for") this.versions.enter(statement);
    const changed =
      statement.kind === "let"
        ? { ...statement, value: this.definition(statement.name, statement.value, depth) }
        : mapExpressions(statement, (expr) => this.expression(expr, depth));
    this.versions.pass(statement);
    switch (changed.kind) {
      case "var":
        this.depths.set(changed.name, depth);
        return changed;
      case "for": {
        const body = this.block(changed.body, false, changed.variable);
        this.versions.leave(statement);
        return { ...changed, body };
      }
      case "if": {
        const then = this.block(changed.then, true);
        const otherwise = this.block(changed.otherwise, true);
        this.versions.leave(statement);
        return { ...changed, then, otherwise };
      }
      default:
        return changed;
    }
  }

  /** The value of a `let`, whose own name serves where the value needs one. */
  private definition(name: string, value: Expr, depth: number): Expr {
    const place = this.placeOf(value, depth);
    this.depths.set(name, place);
    if (isFree(value)) {
      const changed = this.expression(value, depth);
      const isFixed = value.kind === "var" && this.versions.of(value.name) === undefined;
      if (isFixed || value.kind === "const") this.aliases.set(name, changed);
      return changed;
    }
    if (this.chosen === undefined) return this.expression(value, depth);
    const key = this.keyOf(value, place);
    if (this.chosen.has(key) && !this.written.has(key) && place === depth) {
      this.written.set(key, variable(name, value.type));
      return mapChildren(value, (part) => this.expression(part, depth));
    }
    const changed = this.expression(value, depth);
    if (this.chosen.has(key)) this.aliases.set(name, changed);
    return changed;
  }

  private keyOf(expr: Expr, place: number): string {
    return `${this.blocks[place]?.number}:${this.interner.idOf(expr)}`;
  }

  /** Counts or rewrites `expr`, which is used in the block at `depth`. */
  private expression(expr: Expr, depth: number): Expr {
    if (expr.kind === "var") return this.aliases.get(expr.name) ?? expr;
    if (isFree(expr)) return mapChildren(expr, (part) => this.expression(part, depth));
    const place = this.placeOf(expr, depth);
    const key = this.keyOf(expr, place);
    return this.chosen === undefined
      ? this.count(expr, key, place, depth)
      : this.rewrite(expr, key, place);
  }

  private count(expr: Expr, key: string, place: number, depth: number): Expr {
    const use = this.uses.get(key) ?? { count: 0, moved: false };
    use.count++;
    use.moved ||= place < depth;
    const isFirst = use.count === 1;
    this.uses.set(key, use);
    if (isFirst) for (const part of childrenOf(expr)) this.expression(part, place);
    return expr;
  }

  private rewrite(expr: Expr, key: string, place: number): Expr {
    const before = this.written.get(key);
    if (before !== undefined) return before;
    const value = mapChildren(expr, (part) => this.expression(part, place));
    if (!this.chosen?.has(key)) return value;
    const block = this.blocks[place];
    invariant(block !== undefined, "share: a value is computed in no block");
    const name = this.names.numbered(wordFor(value));
    block.out.push({ kind: "let", name, value });
    const read = variable(name, value.type);
    this.written.set(key, read);
    return read;
  }

  /** The depth of the outermost block where `expr` may be computed if it is used at `depth`. */
  private placeOf(expr: Expr, depth: number): number {
    let lowest = 0;
    for (let at = depth; at > 0; at--) {
      if (this.blocks[at]?.isBranch) {
        lowest = at;
        break;
      }
    }
    return Math.min(depth, Math.max(lowest, this.earliest(expr, depth)));
  }

  private earliest(expr: Expr, depth: number): number {
    switch (expr.kind) {
      case "const":
      case "builtin":
        return 0;
      case "var":
        return this.versions.of(expr.name) === undefined
          ? (this.depths.get(expr.name) ?? depth)
          : depth;
      case "load":
      case "load_array":
        return depth;
      default: {
        if (mayFail(expr)) return depth;
        return Math.max(0, ...childrenOf(expr).map((part) => this.earliest(part, depth)));
      }
    }
  }
}

/** Expressions that cost nothing to repeat. */
function isFree(expr: Expr): boolean {
  if (expr.kind === "const" || expr.kind === "var" || expr.kind === "builtin") return true;
  return expr.kind === "lane" && isFree(expr.operand);
}

/** A division fails where its divisor is zero. */
function mayFail(expr: Expr): boolean {
  if (expr.kind !== "binary" || expr.type.scalar !== "i32") return false;
  const divides = expr.operator === "quotient" || expr.operator === "remainder";
  return divides && expr.right.kind !== "const";
}

function wordFor(expr: Expr): string {
  if (expr.kind === "load") return expr.buffer;
  if (expr.kind === "load_array") return expr.array;
  if (expr.type.scalar === "i32") return "index";
  return expr.type.scalar === "bool" ? "condition" : "value";
}
