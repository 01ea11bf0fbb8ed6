/**
 * Versions of what changes while a kernel runs: variables that are assigned, buffers that are
 * written, group memory. Two reads with the same version, met in one walk, see the same content.
 */

import type { Kernel, Statement } from "../kernel.ts";
import { visitBody } from "../rewrite.ts";

/** Follows a walk over the statements of a kernel. */
export class Versions {
  /** Counts all changes. */
  clock = 0;
  private readonly versions = new Map<string, number>();
  /** All that another invocation may write, which is new after each barrier. */
  private readonly common: readonly string[];

  constructor(kernel: Kernel) {
    const written = kernel.buffers.filter((each) => each.access !== "read");
    this.common = [...written, ...kernel.arrays].map((each) => each.name);
    for (const name of this.common) this.versions.set(name, 0);
    visitBody(kernel.body, (each) => {
      if (each.kind === "var") this.versions.set(each.name, 0);
    });
  }

  /** Before another walk over the same kernel, which then meets the same versions. */
  restart(): void {
    this.clock = 0;
    for (const name of this.versions.keys()) this.versions.set(name, 0);
  }

  /** The present version of `name`, or nothing if it never changes. */
  of(name: string): number | undefined {
    return this.versions.get(name);
  }

  /** Before a loop: each round may see what the others left. */
  enter(loop: Statement): void {
    this.changeAllIn([loop]);
  }

  /** After the expressions of `statement`, before what it nests. */
  pass(statement: Statement): void {
    this.change(statement);
  }

  /** After what `statement` nests. */
  leave(statement: Statement): void {
    this.changeAllIn([statement]);
  }

  private changeAllIn(body: readonly Statement[]): void {
    visitBody(body, (each) => this.change(each));
  }

  private change(statement: Statement): void {
    if (statement.kind === "assign") this.advance(statement.name);
    if (statement.kind === "store") this.advance(statement.buffer);
    if (
      statement.kind === "store_array" ||
      statement.kind === "copy_async" ||
      statement.kind === "matrix_store"
    ) {
      this.advance(statement.array);
    }
    if (statement.kind === "barrier") for (const name of this.common) this.advance(name);
  }

  private advance(name: string): void {
    this.clock++;
    this.versions.set(name, (this.versions.get(name) ?? 0) + 1);
  }
}
