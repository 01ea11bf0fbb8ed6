/** Fresh names for what passes declare. */

import type { Kernel } from "../kernel.ts";
import { declaredBy, visitBody } from "../rewrite.ts";

/** The names of one kernel; hands out new ones that no two declarations share. */
export class Names {
  private readonly used = new Set<string>();

  constructor(kernel: Kernel) {
    for (const { name } of [...kernel.buffers, ...kernel.arrays]) this.used.add(name);
    for (const name of [kernel.name, ...kernel.scalars]) this.used.add(name);
    visitBody(kernel.body, (statement) => {
      for (const name of declaredBy(statement)) this.used.add(name);
    });
  }

  /** `wanted` itself if it is free, else with the first number that makes it so. */
  fresh(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.used.has(name); count++) name = `${wanted}_${count}`;
    this.used.add(name);
    return name;
  }

  /** The first free of `wanted_0`, `wanted_1`, …. */
  numbered(wanted: string): string {
    let count = this.counts.get(wanted) ?? 0;
    while (this.used.has(`${wanted}_${count}`)) count++;
    this.counts.set(wanted, count + 1);
    this.used.add(`${wanted}_${count}`);
    return `${wanted}_${count}`;
  }

  private readonly counts = new Map<string, number>();
}
