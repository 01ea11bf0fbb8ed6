/**
 * WGSL with subgroup matrices for devices that have none: the text as it is printed, but that factors
 * are places in group memory, that each invocation has some elements of the sums, and that the
 * extension's functions are loops. What stands around them runs as it would; the instruction that
 * multiplies does not.
 */

import type { MatrixShape } from "../../runtime/contract.ts";

/** `text`, whose matrices are of `shape`, without the extension. */
export function emulatedMatrices(text: string, shape: MatrixShape): string {
  const loaded = new Set<string>();
  const stored = new Set<string>();
  const sums = `array<f32, ${(shape.rows * shape.columns) / 32}>`;
  const body = text
    .replace(/^(enable chromium|enable subgroup|requires ).*\n/gm, "")
    .replace(/@subgroup_size\(\d+\) /, "")
    .replace(/^ *@builtin\(subgroup_(id|invocation_id|size)\).*\n/gm, "")
    .replace(/^ *@builtin\(num_workgroups\)/m, "  @builtin(local_invocation_index) local: u32,\n$&")
    .replace(/^ *let subgroup_size =/m, `  ${places}\n$&`)
    .replace(
      /subgroupMatrixLoad<subgroup_matrix_(left|right)<[^>]*>, (row|col)_major>\(&(\w+), /g,
      (_, side: string, order: string, array: string) => {
        loaded.add(array);
        const across = (side === "left") === (order === "row") ? "line" : "inner";
        return `factor_by_${across}(${[...loaded].indexOf(array)}, `;
      },
    )
    .replace(/subgroupMatrixStore<row_major>\(&(\w+), /g, (_, array: string) => {
      stored.add(array);
      return `store_${array}(`;
    })
    .replaceAll("subgroupMatrixMultiplyAccumulate(", "multiply_accumulate(")
    .replace(/subgroup_matrix_result<[^>]*>/g, sums);
  const functions = [
    elements([...loaded]),
    ...[...stored].map((array) => storing(array, sums, shape)),
    multiplying(sums, shape),
  ];
  return `${body}\n${functions.join("\n")}\n`;
}

/** Invocations as subgroups of 32 number them. */
const places = [
  "let subgroup = local / 32; let subgroup_lane = local % 32; let subgroup_lanes = 32u;",
  "lane = i32(subgroup_lane);",
].join(" ");

/** A factor: which array it lies in, where, and the distances of its lines and of inner elements. */
function elements(arrays: readonly string[]): string {
  const cases = arrays.map((array, index) => `case ${index}: { return f32(${array}[at]); }`);
  return `var<private> lane: i32;
fn factor_by_line(array: i32, at: i32, stride: i32) -> vec4<i32> {
  return vec4(array, at, stride, 1);
}
fn factor_by_inner(array: i32, at: i32, stride: i32) -> vec4<i32> {
  return vec4(array, at, 1, stride);
}
fn factor_element(factor: vec4<i32>, line: i32, inner: i32) -> f32 {
  let at = factor.y + line * factor.z + inner * factor.w;
  switch factor.x { ${cases.join(" ")} default: { return 0; } }
}`;
}

function storing(array: string, sums: string, { columns }: MatrixShape): string {
  return `fn store_${array}(at: i32, given: ${sums}, stride: i32) {
  var own = given;
  ${overOwn(columns, sums, `${array}[at + row * stride + column] = own[i];`)}
}`;
}

function multiplying(sums: string, { columns, inner }: MatrixShape): string {
  const product = "factor_element(left, row, k) * factor_element(right, column, k)";
  return `fn multiply_accumulate(left: vec4<i32>, right: vec4<i32>, before: ${sums}) -> ${sums} {
  var own = before;
  ${overOwn(columns, sums, `for (var k = 0; k < ${inner}; k++) { own[i] += ${product}; }`)}
  return own;
}`;
}

/** A statement for each element that an invocation has. */
function overOwn(columns: number, sums: string, statement: string): string {
  const count = /, (\d+)>/.exec(sums)?.[1] ?? "0";
  return `for (var i = 0; i < ${count}; i++) {
    let row = (lane + i * 32) / ${columns};
    let column = (lane + i * 32) % ${columns};
    ${statement}
  }`;
}
