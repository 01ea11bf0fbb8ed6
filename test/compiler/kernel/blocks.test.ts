/** Blocks keep to the shared memory and registers of every architecture. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  type ArchitectureName,
  architectures,
  cudaTarget,
} from "../../../compiler/kernel/architectures.ts";
import { checkModel, compileFor } from "../../../compiler/compile.ts";
import { groupBytes } from "../../../compiler/kernel/memory.ts";
import { visitBody } from "../../../compiler/kernel/rewrite.ts";
import { generalSchedule } from "../../../compiler/kernel/lower/schedule.ts";
import { attendBlock, blockFits } from "../../../compiler/kernel/schedule/attend-blocks.ts";
import { fitsInvocation, residentGroups } from "../../../compiler/kernel/schedule/registers.ts";

const names: readonly ArchitectureName[] = ["sm_80", "sm_86", "sm_89", "sm_90", "sm_100"];

test.each(names)("%s: attention up to head dimension 256 fits", (name) => {
  for (const math of ["f32", "tf32", "f16", "bf16"] as const) {
    for (const size of [16, 40, 64, 80, 96, 128, 192, 256]) {
      for (const fewRows of [false, true]) {
        const schedule = { ...generalSchedule(cudaTarget(name, math)), fewRows };
        const lengths = { depth: size, width: size, parts: 2 };
        const { warps, rows, keys, warpKeys, warpRows } = attendBlock(lengths, schedule);
        expect(blockFits(lengths, schedule), `${math} ${size} ${fewRows}`).toBe(true);
        expect(fewRows ? warps * warpKeys : warps * warpRows).toBe(fewRows ? keys : rows);
      }
    }
  }
});

/** A decoder layer: attention, products of one and of two matrices, with norms before and residuals after. */
const decoder = readFileSync(new URL("../../golden/cuda/decoder.braid", import.meta.url), "utf8");

test.each(names)(
  "%s: kernels keep to its shared memory, and slices wait in three stages",
  (name) => {
    const { value } = checkModel({ file: "decoder.braid", text: decoder });
    if (value === undefined) throw new RangeError("the model has mistakes");
    for (const math of ["f32", "tf32", "f16", "bf16"] as const) {
      const target = cudaTarget(name, math);
      for (const kernel of compileFor(value, target).kernels) {
        expect(groupBytes(kernel.arrays), `${math} ${kernel.name}`).toBeLessThanOrEqual(
          architectures[name].sharedPerBlock,
        );
        const pending: number[] = [];
        visitBody(kernel.body, (each) => {
          if (each.kind === "wait_copies") pending.push(each.pending);
        });
        // All but one of the slices that wait are still on their way.
        if (!/_contract(_few_rows)?(_\d+)?$/.test(kernel.name)) continue;
        expect(Math.max(...pending), kernel.name).toBeGreaterThan(0);
        if (kernel.name.includes("few_rows")) expect(kernel.residentGroups, kernel.name).toBe(2);
      }
    }
  },
);

test("registers that a few slices take early leave room for one group", () => {
  const residents = (inner: number): number | undefined => {
    const text = `
model Product[I = ${inner}] {
  weight first: [I, K = 256]
  weight second: [N = 256, I]
  input x: [M, K]
  input beside: [M, N]
  output result = x @ first @ second + beside
}
`;
    const { value } = checkModel({ file: "product.braid", text });
    if (value === undefined) throw new RangeError("the model has mistakes");
    return compileFor(value, cudaTarget("sm_80", "f16")).kernels.at(-1)?.residentGroups;
  };
  expect(residents(512)).toBe(2);
  expect(residents(128)).toBe(1);
  expect(residents(32)).toBe(1);
});

test("more shared memory gives larger tiles", () => {
  const keys = (name: ArchitectureName): number => {
    const schedule = generalSchedule(cudaTarget(name, "tf32"));
    return attendBlock({ depth: 128, width: 128, parts: 1 }, schedule).keys;
  };
  expect(architectures.sm_89.sharedPerBlock).toBeLessThan(architectures.sm_90.sharedPerBlock);
  expect(keys("sm_89")).toBeLessThan(keys("sm_90"));
});

test("attention up to head dimension 128 fits into registers, whatever its parts", () => {
  for (const fewRows of [false, true]) {
    const target = cudaTarget("sm_80", "f16");
    const schedule = { ...generalSchedule(target), fewRows };
    for (const parts of [1, 2, 3]) {
      const { registers } = attendBlock({ depth: 128, width: 128, parts }, schedule);
      expect(fitsInvocation(registers, target)).toBe(true);
    }
  }
});

test("as many warps split the keys of few rows as memory gives, whatever registers they fill", () => {
  const schedule = { ...generalSchedule(cudaTarget("sm_80", "f16")), fewRows: true };
  const warps = [1, 2, 5, 8].map(
    (parts) => attendBlock({ depth: 128, width: 128, parts }, schedule).warps,
  );
  expect(warps).toEqual([8, 8, 8, 8]);
});

test("groups share a multiprocessor where both registers and memory allow it", () => {
  const target = cudaTarget("sm_90", "f16");
  const resident = (invocations: number, registers: number, bytes: number): number =>
    residentGroups({ invocations, registers, bytes }, target);
  expect(resident(256, 128, 64 * 1024)).toBe(2);
  expect(resident(256, 129, 64 * 1024)).toBe(1);
  expect(resident(128, 250, 64 * 1024)).toBe(2);
  expect(resident(128, 100, 128 * 1024)).toBe(1);
});

test("what results read has registers of its own", () => {
  const groupsForManyRows = (result: string): number | undefined => {
    const tensors = ["a", "b", "c", "d", "e"].map((name) => `  input ${name}: [M, N]`);
    const text = `
model Block {
  input x: [M, K = 256]
  weight first: [Inner = 256, K]
  weight second: [N = 256, Inner]
${tensors.join("\n")}
  product = x @ first @ second
  output result = ${result}
}
`;
    const { value } = checkModel({ file: "block.braid", text });
    if (value === undefined) throw new RangeError("the model has mistakes");
    return compileFor(value, cudaTarget("sm_90", "f16")).kernels.at(-1)?.residentGroups;
  };
  expect(groupsForManyRows("product + a")).toBe(2);
  expect(groupsForManyRows("product * a + b * c + d + e")).toBe(1);
});
