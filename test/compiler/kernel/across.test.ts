/** What is taken across invocations: the same by group memory and by subgroups of every size. */

import { expect, test } from "vitest";
import { printWgsl } from "../../../compiler/codegen/index.ts";
import * as build from "../../../compiler/kernel/build.ts";
import { evaluateKernel, type Launch } from "../../../compiler/kernel/evaluate.ts";
import type { AcrossStatement, Kernel, Statement } from "../../../compiler/kernel/kernel.ts";
import { groupBytes } from "../../../compiler/kernel/memory.ts";
import {
  subgroupsOf,
  throughMemory,
  throughSubgroups,
} from "../../../compiler/kernel/passes/across.ts";
import { legalize } from "../../../compiler/kernel/passes/legalize.ts";
import { across, loop, store, tile, tileEach } from "../../../compiler/kernel/statements.ts";
import { verifyKernel } from "../../../compiler/kernel/verify.ts";
import { testWith } from "../../support/require.ts";
import {
  moduleErrors,
  runningDevice,
  runWgsl,
  subgroupsOfDevice,
  validatingDevice,
} from "../../support/web-gpu.ts";
import { values } from "./cases.ts";

const most = 64;
const rows = 4;
const rounds = 3;

type Fn = AcrossStatement["fn"];

/** Each invocation has `rows` numbers in each of `rounds`; what they share is stored by all of them. */
function sharing(
  fn: Fn,
  sharers: number,
  form: "value" | "tile",
  invocations: number = most,
): Kernel {
  const { add, multiply, variable, invocation } = build;
  const round = variable("round");
  const at = (row: ReturnType<typeof variable>) =>
    add(multiply(add(multiply(round, rows), row), invocations), invocation);
  const one: readonly Statement[] = [
    across("shared_value", build.load("x", at(build.int(0))), fn, sharers),
    store("y", at(build.int(0)), variable("shared_value", build.f32)),
  ];
  const four: readonly Statement[] = [
    tile("own", rows, 1, build.load("x", at(variable("row"))), "row", "column"),
    across("shared_tile", "own", fn, sharers),
    tileEach("shared_tile", "line", "place", [
      store("y", at(variable("line")), build.element("shared_tile")),
    ]),
  ];
  return {
    name: "sharing",
    comment: [],
    buffers: [
      { name: "x", element: "f32", access: "read" },
      { name: "y", element: "f32", access: "write" },
    ],
    scalars: [],
    arrays: [],
    workgroupSize: invocations,
    body: [loop("round", 0, rounds, form === "value" ? one : four)],
  };
}

function launchOf(
  invocations: number = most,
): Launch & { readonly buffers: { readonly x: Float32Array } } {
  const count = rounds * rows * invocations;
  return { groups: 1, buffers: { x: values(count, 1), y: new Float32Array(count) } };
}

/** The results from the definition in double precision; a sum of `sharers` rounds as often. */
function expectShared(
  launch: Launch,
  fn: Fn,
  sharers: number,
  form: "value" | "tile",
  invocations: number = most,
): void {
  const { x = [], y = [] } = launch.buffers;
  const wrong: string[] = [];
  for (let row = 0; row < rounds * rows; row++) {
    if (form === "value" && row % rows !== 0) continue;
    for (let i = 0; i < invocations; i++) {
      const first = row * invocations + i - (i % sharers);
      const run = [...x.slice(first, first + sharers)];
      const wanted = fn === "max" ? Math.max(...run) : run.reduce((sum, each) => sum + each, 0);
      const tolerance = fn === "max" ? 0 : sharers * sharers * 2 ** -24;
      const found = y[row * invocations + i] ?? Number.NaN;
      if (!(Math.abs(found - wanted) <= tolerance))
        wrong.push(`[${row}, ${i}]: ${found}, ${wanted}`);
    }
  }
  expect(wrong).toEqual([]);
}

const validating = await validatingDevice();
const running = await runningDevice();
const deviceRange = await subgroupsOfDevice();

const cases = (["sum", "max"] as const).flatMap((fn) =>
  ([2, 4, 8, 16, 64] as const).flatMap((sharers) =>
    (["value", "tile"] as const).map((form) => ({ fn, sharers, form })),
  ),
);

for (const { fn, sharers, form } of cases) {
  const kernel = sharing(fn, sharers, form);
  const title = `${fn} of a ${form} across ${sharers}`;
  const range = subgroupsOf(kernel) ?? { min: 0, max: 0 };

  test(`${title} by definition, in group memory and in subgroups`, () => {
    for (const plain of [kernel, throughMemory(kernel), legalize(throughMemory(kernel), "wgsl")]) {
      const launch = launchOf();
      verifyKernel(plain);
      evaluateKernel(plain, launch);
      expectShared(launch, fn, sharers, form);
    }
    for (let subgroupSize = range.min; subgroupSize <= range.max; subgroupSize *= 2) {
      for (const made of [throughSubgroups(kernel), legalize(throughSubgroups(kernel), "wgsl")]) {
        const launch = { ...launchOf(), subgroupSize };
        verifyKernel(made);
        evaluateKernel(made, launch);
        expectShared(launch, fn, sharers, form);
      }
    }
  });

  testWith("webgpu", validating, `${title} is valid WGSL`, async (device) => {
    expect(await moduleErrors(device, printWgsl(kernel))).toEqual([]);
    if (device.features.has("subgroups"))
      expect(await moduleErrors(device, printWgsl(kernel, { subgroups: range }))).toEqual([]);
  });

  testWith("webgpu-device", running, `${title} on a device`, async (device) => {
    for (const text of new Set([
      printWgsl(kernel),
      printWgsl(kernel, { subgroups: deviceRange }),
    ])) {
      const launch = launchOf();
      await runWgsl(device, kernel, text, launch);
      expectShared(launch, fn, sharers, form);
    }
  });
}

test("a kernel says which sizes of subgroups it has a form for", () => {
  expect(subgroupsOf(sharing("sum", 64, "value"))).toEqual({ min: 4, max: 64 });
  expect(subgroupsOf(sharing("sum", 16, "value"))).toEqual({ min: 16, max: 64 });
  expect(subgroupsOf({ ...sharing("sum", 16, "value"), body: [] })).toBeUndefined();
  const text = (min: number, max: number): boolean =>
    printWgsl(sharing("sum", 16, "value"), { subgroups: { min, max } }).includes(
      "enable subgroups;",
    );
  expect([text(16, 32), text(32, 32), text(8, 32), text(32, 128)]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test.each([3, 6, 18, 31])("a group of %i shares as a whole, in group memory alone", (group) => {
  for (const fn of ["sum", "max"] as const) {
    for (const form of ["value", "tile"] as const) {
      const kernel = sharing(fn, group, form, group);
      expect(subgroupsOf(kernel)).toBeUndefined();
      for (const each of [kernel, throughMemory(kernel)]) {
        const launch = launchOf(group);
        verifyKernel(each);
        evaluateKernel(each, launch);
        expectShared(launch, fn, group, form, group);
      }
    }
  }
});

test("subgroups take less group memory", () => {
  const kernel = sharing("sum", 64, "tile");
  const bytes = (each: Kernel): number => groupBytes(each.arrays);
  expect(bytes(throughSubgroups(kernel)) * 4).toBe(bytes(throughMemory(kernel)));
});

test("invocations share by whole runs, all together", () => {
  const kernel = sharing("sum", 8, "value");
  const within = (body: readonly Statement[]): Kernel => ({ ...kernel, body });
  const shared = (sharers: number): Statement => across("s", build.real(1), "sum", sharers);
  expect(() => verifyKernel(within([shared(48)]))).toThrow("48 invocations share what 64 have");
  expect(() => verifyKernel(within([shared(128)]))).toThrow("128 invocations share");
  const some = build.less(build.invocation, 8);
  const branch: Statement = { kind: "if", condition: some, then: [shared(8)], otherwise: [] };
  expect(() => verifyKernel(within([branch]))).toThrow("not all invocations reach this");
});
