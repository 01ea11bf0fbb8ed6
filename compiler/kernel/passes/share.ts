/**
 * Names what is computed more than once, and takes out of loops what does not change in them.
 *
 * Expressions are pure, so a value may be computed earlier and once, as long as nothing it reads
 * changes between: variables that are assigned and memory that is written have versions. An
 * expression without loads moves out of loops up to where its variables are declared (printers let a
 * division by zero pass); loads stay where they are, since they might be out of range where they were
 * not reached. Names that nothing reads any more are dropped.
 * Needs a kernel without tiles but those of warps; leaves one where address arithmetic is shared between unrolled
 * statements.
 */

import { invariant } from "../../../grammar/invariant.ts";
import { variable } from "../build.ts";
import { Interner } from "../intern.ts";
import type { Expr, Kernel, Statement } from "../kernel.ts";
import { childrenOf, mapChildren, mapExpressions, someExpr } from "../rewrite.ts";
import { kindOf, Names, wordOf } from "./names.ts";
import { dropUnused } from "./unused.ts";
import { Versions } from "./versions.ts";

/** `kernel` with shared values named; it computes the same. */
export function share(kernel: Kernel): Kernel {
  const versions = new Versions(kernel);
  const interner = new Interner(versions);
  const counter = new Walk(kernel, versions, interner);
  counter.run();
  versions.restart();
  const writer = new Walk(kernel, versions, interner, counter.named());
  return dropUnused({ ...kernel, body: writer.run() });
}

/** A block being walked: what it declares, and, when writing, what it has become so far. */
interface Block {
  readonly number: number;
  readonly isLoop: boolean;
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
  private readonly chosen: ReadonlySet<number> | undefined;
  private readonly uses = new Map<number, Use>();
  /** The values met so far, with the block where each would be computed. */
  private readonly met = new Set<number>();
  private readonly written = new Map<number, Expr>();
  /** Names that became another name for the same value. */
  private readonly aliases = new Map<string, Expr>();
  private readonly blocks: Block[] = [];
  private readonly depths = new Map<string, number>();
  /** What `earliest` has found. */
  private readonly depthOf = new Map<Expr, number>();
  private readonly versions: Versions;
  private readonly interner: Interner;
  private readonly names: Names;
  private blockCount = 0;

  constructor(
    kernel: Kernel,
    versions: Versions,
    interner: Interner,
    chosen?: ReadonlySet<number>,
  ) {
    this.kernel = kernel;
    this.chosen = chosen;
    this.versions = versions;
    this.interner = interner;
    this.names = new Names(kernel);
  }

  run(): readonly Statement[] {
    for (const name of this.kernel.scalars) this.depths.set(name, 0);
    return this.block(this.kernel.body, false);
  }

  /** The values worth a name: used twice, or computed outside a loop that uses them. */
  named(): ReadonlySet<number> {
    const found = [...this.uses].filter(([, use]) => use.count > 1 || use.moved);
    return new Set(found.map(([key]) => key));
  }

  private block(
    body: readonly Statement[],
    isLoop: boolean,
    ...bound: readonly string[]
  ): readonly Statement[] {
    const block: Block = { number: this.blockCount++, isLoop, out: [] };
    this.blocks.push(block);
    for (const name of bound) this.depths.set(name, this.blocks.length - 1);
    for (const statement of body) block.out.push(this.statement(statement));
    this.blocks.pop();
    return block.out;
  }

  private statement(statement: Statement): Statement {
    const depth = this.blocks.length - 1;
    // The end of a loop is read before each round.
    if (statement.kind === "for" || statement.kind === "tile_each") this.versions.enter(statement);
    if (statement.kind === "let") this.interner.define(statement.name, statement.value);
    const changed = this.ownExpressions(statement, depth);
    this.versions.pass(statement);
    switch (changed.kind) {
      case "var":
      case "across":
        this.depths.set(changed.name, depth);
        return changed;
      case "for": {
        const body = this.block(changed.body, true, changed.variable);
        this.versions.leave(statement);
        return { ...changed, body };
      }
      case "tile_each": {
        const body = this.block(changed.body, true, changed.row, changed.column);
        this.versions.leave(statement);
        return { ...changed, body };
      }
      case "if": {
        const then = this.block(changed.then, false);
        const otherwise = this.block(changed.otherwise, false);
        this.versions.leave(statement);
        return { ...changed, then, otherwise };
      }
      default:
        return changed;
    }
  }

  private ownExpressions(statement: Statement, depth: number): Statement {
    switch (statement.kind) {
      case "let":
        return { ...statement, value: this.definition(statement.name, statement.value, depth) };
      case "tile":
      case "tile_assign": {
        const at = new Set([statement.row, statement.column]);
        return mapExpressions(statement, (expr) => this.elementValue(expr, at, depth));
      }
      default:
        return mapExpressions(statement, (expr) => this.expression(expr, depth));
    }
  }

  /** The value of a warp's tile: only what is the same for all elements can have a name. */
  private elementValue(expr: Expr, at: ReadonlySet<string>, depth: number): Expr {
    const differs = someExpr(
      expr,
      (part) => part.kind === "element" || (part.kind === "var" && at.has(part.name)),
    );
    if (!differs) return this.expression(expr, depth);
    return mapChildren(expr, (part) => this.elementValue(part, at, depth));
  }

  /** The value of a `let`, whose own name serves where the value needs one. */
  private definition(name: string, value: Expr, depth: number): Expr {
    const place = this.sharedPlace(value, this.placeOf(value, depth));
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
      this.met.add(key);
      return mapChildren(value, (part) => this.expression(part, depth));
    }
    const changed = this.expression(value, depth);
    if (this.chosen.has(key)) this.aliases.set(name, changed);
    return changed;
  }

  /** The block around that has met `expr` already, or `place` itself. */
  private sharedPlace(expr: Expr, place: number): number {
    if (isFree(expr)) return place;
    const id = this.interner.idOf(expr);
    for (let at = place - 1; at >= 0; at--) {
      if (this.met.has(keyIn(this.blocks[at], id))) return at;
    }
    return place;
  }

  private keyOf(expr: Expr, place: number): number {
    return keyIn(this.blocks[place], this.interner.idOf(expr));
  }

  /** Counts or rewrites `expr`, which is used in the block at `depth`. */
  private expression(expr: Expr, depth: number): Expr {
    if (expr.kind === "var") return this.aliases.get(expr.name) ?? expr;
    if (isFree(expr)) return mapChildren(expr, (part) => this.expression(part, depth));
    const place = this.sharedPlace(expr, this.placeOf(expr, depth));
    const key = this.keyOf(expr, place);
    this.met.add(key);
    return this.chosen === undefined
      ? this.count(expr, key, place, depth)
      : this.rewrite(expr, key, place);
  }

  private count(expr: Expr, key: number, place: number, depth: number): Expr {
    const use = this.uses.get(key) ?? { count: 0, moved: false };
    use.count++;
    use.moved ||= place < depth;
    const isFirst = use.count === 1;
    this.uses.set(key, use);
    if (isFirst) for (const part of childrenOf(expr)) this.expression(part, place);
    return expr;
  }

  private rewrite(expr: Expr, key: number, place: number): Expr {
    const before = this.written.get(key);
    if (before !== undefined) return before;
    const value = mapChildren(expr, (part) => this.expression(part, place));
    if (!this.chosen?.has(key)) return value;
    const block = this.blocks[place];
    invariant(block !== undefined, "share: a value is computed in no block");
    const word = wordOf(value);
    const name = word === undefined ? this.names.numbered(kindOf(value)) : this.names.fresh(word);
    block.out.push({ kind: "let", name, value });
    const read = variable(name, value.type);
    this.written.set(key, read);
    return read;
  }

  /**
   * The depth of the block where `expr`, used at `depth`, is computed: just outside the outermost loop
   * that leaves it alone, even if an `if` stands between, since once is less than every round.
   */
  private placeOf(expr: Expr, depth: number): number {
    for (let at = this.earliest(expr) + 1; at <= depth; at++) {
      if (this.blocks[at]?.isLoop) return at - 1;
    }
    return depth;
  }

  /** The depth at which all that `expr` reads is there for good; none if it reads what changes. */
  private earliest(expr: Expr): number {
    const before = this.depthOf.get(expr);
    if (before !== undefined) return before;
    const found = this.findEarliest(expr);
    this.depthOf.set(expr, found);
    return found;
  }

  private findEarliest(expr: Expr): number {
    if (expr.kind === "load" || expr.kind === "load_array" || expr.kind === "element") {
      return Infinity;
    }
    if (expr.kind === "var") {
      const changes = this.versions.of(expr.name) !== undefined;
      return changes ? Infinity : (this.depths.get(expr.name) ?? Infinity);
    }
    let latest = 0;
    for (const part of childrenOf(expr)) latest = Math.max(latest, this.earliest(part));
    return latest;
  }
}

/** The value with that number, computed in that block. */
function keyIn(block: Block | undefined, id: number): number {
  invariant(block !== undefined, "share: a value is computed in no block");
  return block.number * mostValues + id;
}

/** More than a kernel computes; so many times its blocks is an exact number. */
const mostValues = 2 ** 28;

/** Expressions that cost nothing to repeat. */
function isFree(expr: Expr): boolean {
  if (expr.kind === "const" || expr.kind === "var" || expr.kind === "builtin") return true;
  return expr.kind === "lane" && isFree(expr.operand);
}
