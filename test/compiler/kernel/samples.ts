/** Kernels that several tests share, small and each with its own difficulty. */

import * as build from "../../../compiler/kernel/build.ts";
import type { Expr, Kernel, Statement } from "../../../compiler/kernel/kernel.ts";
import * as statements from "../../../compiler/kernel/statements.ts";

const { add, call, element, group, invocation, less, load, loadArray, multiply } = build;
const { minimum, quotient, real, remainder, select, subtract, variable } = build;
const { assign, barrier, declare, loop, mutable, store, storeArray, tile, tileAssign } = statements;
const { tileEach, tileMultiply, tileReduce, when } = statements;

const f32 = build.f32;

/** One group a row: sums a row of `columns` numbers one by one. */
export const rowSum: Kernel = {
  name: "row_sum",
  comment: ["sum[row] = Σ x[row, column]"],
  buffers: [
    { name: "x", element: "f32", access: "read" },
    { name: "sum", element: "f32", access: "write" },
  ],
  scalars: ["columns"],
  arrays: [],
  workgroupSize: 1,
  body: [
    mutable("total", real(0)),
    loop("column", 0, variable("columns"), [
      assign(
        "total",
        add(
          variable("total", f32),
          load("x", add(multiply(group, variable("columns")), variable("column"))),
        ),
      ),
    ]),
    store("sum", group, variable("total", f32)),
  ],
};

/** One group a row, 8 invocations: 1 / sqrt(mean square + ε), by a tree in group memory. */
export const rmsStatistics: Kernel = {
  name: "rms_statistics",
  comment: ["scale[row] = 1 / sqrt(mean(x[row, :]²) + 1e-6)"],
  buffers: [
    { name: "x", element: "f32", access: "read" },
    { name: "scale", element: "f32", access: "write" },
  ],
  scalars: ["columns"],
  arrays: [{ name: "partial", element: "f32", length: 8 }],
  workgroupSize: 8,
  body: [
    mutable("total", real(0)),
    loop(
      "column",
      invocation,
      variable("columns"),
      [
        declare("value", load("x", add(multiply(group, variable("columns")), variable("column")))),
        assign(
          "total",
          add(variable("total", f32), multiply(variable("value", f32), variable("value", f32))),
        ),
      ],
      8,
    ),
    storeArray("partial", invocation, variable("total", f32)),
    barrier,
    ...[4, 2, 1].flatMap((half) => [
      when(less(invocation, half), [
        storeArray(
          "partial",
          invocation,
          add(loadArray("partial", invocation), loadArray("partial", add(invocation, half))),
        ),
      ]),
      barrier,
    ]),
    when(build.equal(invocation, 0), [
      declare("mean", build.divide(loadArray("partial", 0), build.cast(variable("columns"), f32))),
      store("scale", group, call("inverse_sqrt", add(variable("mean", f32), 1e-6))),
    ]),
  ],
};

/**
 * `y[row, column] = Σ_k a[row, k] · w[column, k]` with tiles of `rows` × `columns` and 4 of k at a
 * time, one invocation a tile; rows beyond the last are clamped when read and not written.
 */
export function matmulTile(rows: number, columns: number, k: number, n: number): Kernel {
  const [row0, column0] = [variable("row0"), variable("column0")];
  const [row, column, m] = [variable("row"), variable("column"), variable("m")];
  const lastRow = subtract(m, 1);
  const at = (index: build.Operand, inner: build.Operand) =>
    add(multiply(build.integer(index), k), inner);
  const kc = 4;
  return {
    name: `matmul_${rows}x${columns}_${k}_${n}`,
    comment: ["y[row, column] = Σ a[row, k] · w[column, k]"],
    buffers: [
      { name: "a", element: "f32", access: "read" },
      { name: "w", element: "f32", access: "read" },
      { name: "y", element: "f32", access: "write" },
    ],
    scalars: ["m"],
    arrays: [],
    workgroupSize: 1,
    body: [
      declare("row0", multiply(quotient(group, n / columns), rows)),
      declare("column0", multiply(remainder(group, n / columns), columns)),
      tile("total", rows, columns, 0),
      loop(
        "k0",
        0,
        k,
        [
          tile(
            "left",
            rows,
            kc,
            load("a", at(minimum(add(row0, row), lastRow), add(variable("k0"), column))),
            "row",
            "column",
          ),
          tile(
            "right",
            kc,
            columns,
            load("w", at(add(column0, column), add(variable("k0"), row))),
            "row",
            "column",
          ),
          tileMultiply("total", "left", "right"),
        ],
        kc,
      ),
      tileEach("total", "row", "column", [
        when(less(add(row0, row), m), [
          store("y", add(multiply(add(row0, row), n), column0, column), element("total")),
        ]),
      ]),
    ],
  };
}

/** One group a row of keys: softmax of 16 scores under a causal mask, in tiles of 1 × 8. */
export const maskedSoftmax: Kernel = {
  name: "masked_softmax",
  comment: ["p[row, :] = softmax(score[row, :] where column <= row)"],
  buffers: [
    { name: "score", element: "f32", access: "read" },
    { name: "p", element: "f32", access: "write" },
  ],
  scalars: [],
  arrays: [],
  workgroupSize: 1,
  body: [
    tile("largest", 1, 1, -3e38),
    tile("total", 1, 1, 0),
    loop(
      "column0",
      0,
      16,
      [
        tile("s", 1, 8, maskedScore(), "row", "column"),
        tileReduce("most", "s", "max"),
        tile("before", 1, 1, element("largest")),
        tileAssign("largest", build.maximum(element("before"), element("most")), "row", "column"),
        tileAssign("s", call("exp", subtract(element("s"), element("largest"))), "row", "column"),
        tileReduce("part", "s", "sum"),
        tileAssign(
          "total",
          add(
            multiply(
              element("total"),
              call("exp", subtract(element("before"), element("largest"))),
            ),
            element("part"),
          ),
          "row",
          "column",
        ),
      ],
      8,
    ),
    loop(
      "column1",
      0,
      16,
      [
        tile(
          "q",
          1,
          8,
          build.divide(
            call("exp", subtract(maskedScore("column1"), element("largest"))),
            element("total"),
          ),
          "row",
          "column",
        ),
        tileEach("q", "row", "column", [
          store(
            "p",
            add(multiply(group, 16), variable("column1"), variable("column")),
            element("q"),
          ),
        ]),
      ],
      8,
    ),
  ],
};

function maskedScore(start = "column0"): Expr {
  const column = add(variable(start), variable("column"));
  const value = load("score", add(multiply(group, 16), column));
  return select(build.lessEqual(column, group), value, real(-1e30));
}

/**
 * The same product by groups of 4 × 4 invocations: 8 × 8 outputs a group, tiles of `a` and `w` in
 * group memory, 2 × 2 outputs an invocation. `m` and `n` are multiples of 8, `k` of 8.
 */
export const matmulGroup: Kernel = {
  name: "matmul_group",
  comment: ["y[row, column] = Σ a[row, k] · w[column, k]"],
  buffers: [
    { name: "a", element: "f32", access: "read" },
    { name: "w", element: "f32", access: "read" },
    { name: "y", element: "f32", access: "write" },
  ],
  scalars: ["n", "k"],
  arrays: [
    { name: "a_part", element: "f32", length: 64 },
    { name: "w_part", element: "f32", length: 64 },
  ],
  workgroupSize: 16,
  body: [
    declare("across", quotient(variable("n"), 8)),
    declare("row0", multiply(quotient(group, variable("across")), 8)),
    declare("column0", multiply(remainder(group, variable("across")), 8)),
    declare("down", multiply(quotient(invocation, 4), 2)),
    declare("right", multiply(remainder(invocation, 4), 2)),
    tile("total", 2, 2, 0),
    loop(
      "k0",
      0,
      variable("k"),
      [
        loop("slot", invocation, 64, [copyPart("a", "row0"), copyPart("w", "column0")], 16),
        barrier,
        loop("kk", 0, 8, [
          tile("a_tile", 2, 1, loadArray("a_part", partAt("down", "row")), "row", "column"),
          tile("w_tile", 1, 2, loadArray("w_part", partAt("right", "column")), "row", "column"),
          tileMultiply("total", "a_tile", "w_tile"),
        ]),
        barrier,
      ],
      8,
    ),
    tileEach("total", "row", "column", [
      store(
        "y",
        add(
          multiply(add(variable("row0"), variable("down"), variable("row")), variable("n")),
          variable("column0"),
          variable("right"),
          variable("column"),
        ),
        element("total"),
      ),
    ]),
  ],
};

function copyPart(buffer: string, origin: string): Statement {
  const slot = variable("slot");
  const row = add(variable(origin), quotient(slot, 8));
  const index = add(multiply(row, variable("k")), variable("k0"), remainder(slot, 8));
  return storeArray(`${buffer}_part`, slot, load(buffer, index));
}

function partAt(origin: string, index: string): Expr {
  return add(multiply(add(variable(origin), variable(index)), 8), variable("kk"));
}

/** The samples by name. */
export const sampleKernels: Readonly<Record<string, Kernel>> = {
  rowSum,
  rmsStatistics,
  maskedSoftmax,
  matmulTile: matmulTile(4, 4, 12, 8),
  matmulGroup,
};
