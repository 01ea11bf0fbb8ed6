/**
 * The kernels of `matrix-trial.ts`, as the compiler prints them: written by
 * `npx vitest run test/runtime/matrices.test.ts --update`.
 */

/** The WGSL for each shape, by its name. */
export const trialTexts: Readonly<Record<string, string>> = {
  "f16-16x16x16": `
enable f16;
enable chromium_experimental_subgroup_matrix;
enable subgroups;
requires subgroup_id;

struct Sizes { groups: i32 }

@group(0) @binding(0) var<storage, read> left: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read> right: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read_write> contract: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
var<workgroup> left_block: array<f16, 768>;
var<workgroup> right_block: array<f16, 768>;
var<workgroup> block_sums: array<f32, 1280>;

@compute @workgroup_size(64)
fn trial(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
  @builtin(subgroup_size) subgroup_lanes: u32,
) {
  let group = i32(group_id.x + group_id.y * grid.x);
  if (group >= sizes.groups) { return; }
  let subgroup_size = i32(subgroup_lanes);
  let invocation = i32(subgroup * subgroup_lanes + subgroup_lane);
  let warp = i32(subgroup);
  var matrix: array<subgroup_matrix_result<f32, 16, 16>, 2>;
  let index_0 = (invocation & 3) * 4;
  let invocation_over_4 = invocation >> 2u;
  let index_1 = invocation_over_4 * 64;
  let index_4 = invocation_over_4 * 24 + index_0;
  let index_5 = index_4 + 384;
  let warp_times_384 = warp * 384;
  for (var k = 0; k < 64; k += 16) {
    let index_2 = k + index_0 + index_1;
    let staged_0 = vec4<f32>(left[index_2 >> 2u]);
    let index_3 = index_2 + 1024;
    let staged_1 = vec4<f32>(left[index_3 >> 2u]);
    { let lanes = vec4<f16>(staged_0); left_block[index_4] = lanes.x; left_block[index_4 + 1] = lanes.y; left_block[index_4 + 2] = lanes.z; left_block[index_4 + 3] = lanes.w; }
    { let lanes = vec4<f16>(staged_1); left_block[index_5] = lanes.x; left_block[index_5 + 1] = lanes.y; left_block[index_5 + 2] = lanes.z; left_block[index_5 + 3] = lanes.w; }
    let staged_2_0 = vec4<f32>(right[index_2 >> 2u]);
    let staged_2_1 = vec4<f32>(right[index_3 >> 2u]);
    { let lanes = vec4<f16>(staged_2_0); right_block[index_4] = lanes.x; right_block[index_4 + 1] = lanes.y; right_block[index_4 + 2] = lanes.z; right_block[index_4 + 3] = lanes.w; }
    { let lanes = vec4<f16>(staged_2_1); right_block[index_5] = lanes.x; right_block[index_5 + 1] = lanes.y; right_block[index_5 + 2] = lanes.z; right_block[index_5 + 3] = lanes.w; }
    workgroupBarrier();
    {
      let left_matrix_0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&left_block, warp_times_384, 24);
      let right_matrix_0 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&right_block, 0, 24);
      matrix[0] = subgroupMatrixMultiplyAccumulate(left_matrix_0, right_matrix_0, matrix[0]);
      let right_matrix_1 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&right_block, 384, 24);
      matrix[1] = subgroupMatrixMultiplyAccumulate(left_matrix_0, right_matrix_1, matrix[1]);
    }
    workgroupBarrier();
  }
  subgroupMatrixStore<row_major>(&block_sums, warp * 640, matrix[0], 40);
  subgroupMatrixStore<row_major>(&block_sums, warp * 640 + 16, matrix[1], 40);
  workgroupBarrier();
  let invocation_over_8 = invocation >> 3u;
  let invocation_modulo_8 = invocation & 7;
  let index_6 = invocation_over_8 * 40 + invocation_modulo_8;
  let sum_0 = block_sums[index_6];
  let sum_1 = block_sums[index_6 + 8];
  let sum_2_2 = block_sums[index_6 + 16];
  let sum_3_2 = block_sums[index_6 + 24];
  let sum_2_0 = block_sums[index_6 + 320];
  let sum_2_1 = block_sums[index_6 + 328];
  let sum_2_2_2 = block_sums[index_6 + 336];
  let sum_2_3 = block_sums[index_6 + 344];
  let sum_3_0 = block_sums[index_6 + 640];
  let sum_3_1 = block_sums[index_6 + 648];
  let sum_3_2_2 = block_sums[index_6 + 656];
  let sum_3_3 = block_sums[index_6 + 664];
  let sum_4_0 = block_sums[index_6 + 960];
  let sum_4_1 = block_sums[index_6 + 968];
  let sum_4_2 = block_sums[index_6 + 976];
  let sum_4_3 = block_sums[index_6 + 984];
  let index_7 = invocation_modulo_8 + invocation_over_8 * 32;
  contract[index_7] = sum_0;
  contract[index_7 + 8] = sum_1;
  contract[index_7 + 16] = sum_2_2;
  contract[index_7 + 24] = sum_3_2;
  contract[index_7 + 256] = sum_2_0;
  contract[index_7 + 264] = sum_2_1;
  contract[index_7 + 272] = sum_2_2_2;
  contract[index_7 + 280] = sum_2_3;
  contract[index_7 + 512] = sum_3_0;
  contract[index_7 + 520] = sum_3_1;
  contract[index_7 + 528] = sum_3_2_2;
  contract[index_7 + 536] = sum_3_3;
  contract[index_7 + 768] = sum_4_0;
  contract[index_7 + 776] = sum_4_1;
  contract[index_7 + 784] = sum_4_2;
  contract[index_7 + 792] = sum_4_3;
}
`,
  "f16-8x16x16": `
enable f16;
enable chromium_experimental_subgroup_matrix;
enable subgroups;
requires subgroup_id;

struct Sizes { groups: i32 }

@group(0) @binding(0) var<storage, read> left: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read> right: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read_write> contract: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
var<workgroup> left_block: array<f16, 768>;
var<workgroup> right_block: array<f16, 768>;
var<workgroup> block_sums: array<f32, 1280>;

@compute @workgroup_size(64)
fn trial(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
  @builtin(subgroup_size) subgroup_lanes: u32,
) {
  let group = i32(group_id.x + group_id.y * grid.x);
  if (group >= sizes.groups) { return; }
  let subgroup_size = i32(subgroup_lanes);
  let invocation = i32(subgroup * subgroup_lanes + subgroup_lane);
  let warp = i32(subgroup);
  var matrix: array<subgroup_matrix_result<f32, 16, 8>, 4>;
  let index_0 = (invocation & 3) * 4;
  let invocation_over_4 = invocation >> 2u;
  let index_1 = invocation_over_4 * 64;
  let index_4 = invocation_over_4 * 24 + index_0;
  let index_5 = index_4 + 384;
  let warp_times_384 = warp * 384;
  for (var k = 0; k < 64; k += 16) {
    let index_2 = k + index_0 + index_1;
    let staged_0 = vec4<f32>(left[index_2 >> 2u]);
    let index_3 = index_2 + 1024;
    let staged_1 = vec4<f32>(left[index_3 >> 2u]);
    { let lanes = vec4<f16>(staged_0); left_block[index_4] = lanes.x; left_block[index_4 + 1] = lanes.y; left_block[index_4 + 2] = lanes.z; left_block[index_4 + 3] = lanes.w; }
    { let lanes = vec4<f16>(staged_1); left_block[index_5] = lanes.x; left_block[index_5 + 1] = lanes.y; left_block[index_5 + 2] = lanes.z; left_block[index_5 + 3] = lanes.w; }
    let staged_2_0 = vec4<f32>(right[index_2 >> 2u]);
    let staged_2_1 = vec4<f32>(right[index_3 >> 2u]);
    { let lanes = vec4<f16>(staged_2_0); right_block[index_4] = lanes.x; right_block[index_4 + 1] = lanes.y; right_block[index_4 + 2] = lanes.z; right_block[index_4 + 3] = lanes.w; }
    { let lanes = vec4<f16>(staged_2_1); right_block[index_5] = lanes.x; right_block[index_5 + 1] = lanes.y; right_block[index_5 + 2] = lanes.z; right_block[index_5 + 3] = lanes.w; }
    workgroupBarrier();
    {
      let left_matrix_0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 8>, row_major>(&left_block, warp_times_384, 24);
      let left_matrix_1 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 8>, row_major>(&left_block, warp_times_384 + 192, 24);
      let right_matrix_0 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&right_block, 0, 24);
      matrix[0] = subgroupMatrixMultiplyAccumulate(left_matrix_0, right_matrix_0, matrix[0]);
      matrix[2] = subgroupMatrixMultiplyAccumulate(left_matrix_1, right_matrix_0, matrix[2]);
      let right_matrix_1 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&right_block, 384, 24);
      matrix[1] = subgroupMatrixMultiplyAccumulate(left_matrix_0, right_matrix_1, matrix[1]);
      matrix[3] = subgroupMatrixMultiplyAccumulate(left_matrix_1, right_matrix_1, matrix[3]);
    }
    workgroupBarrier();
  }
  subgroupMatrixStore<row_major>(&block_sums, warp * 640, matrix[0], 40);
  subgroupMatrixStore<row_major>(&block_sums, warp * 640 + 16, matrix[1], 40);
  subgroupMatrixStore<row_major>(&block_sums, warp * 640 + 320, matrix[2], 40);
  subgroupMatrixStore<row_major>(&block_sums, warp * 640 + 336, matrix[3], 40);
  workgroupBarrier();
  let invocation_over_8 = invocation >> 3u;
  let invocation_modulo_8 = invocation & 7;
  let index_6 = invocation_over_8 * 40 + invocation_modulo_8;
  let sum_0 = block_sums[index_6];
  let sum_1 = block_sums[index_6 + 8];
  let sum_2_2 = block_sums[index_6 + 16];
  let sum_3_2 = block_sums[index_6 + 24];
  let sum_2_0 = block_sums[index_6 + 320];
  let sum_2_1 = block_sums[index_6 + 328];
  let sum_2_2_2 = block_sums[index_6 + 336];
  let sum_2_3 = block_sums[index_6 + 344];
  let sum_3_0 = block_sums[index_6 + 640];
  let sum_3_1 = block_sums[index_6 + 648];
  let sum_3_2_2 = block_sums[index_6 + 656];
  let sum_3_3 = block_sums[index_6 + 664];
  let sum_4_0 = block_sums[index_6 + 960];
  let sum_4_1 = block_sums[index_6 + 968];
  let sum_4_2 = block_sums[index_6 + 976];
  let sum_4_3 = block_sums[index_6 + 984];
  let index_7 = invocation_modulo_8 + invocation_over_8 * 32;
  contract[index_7] = sum_0;
  contract[index_7 + 8] = sum_1;
  contract[index_7 + 16] = sum_2_2;
  contract[index_7 + 24] = sum_3_2;
  contract[index_7 + 256] = sum_2_0;
  contract[index_7 + 264] = sum_2_1;
  contract[index_7 + 272] = sum_2_2_2;
  contract[index_7 + 280] = sum_2_3;
  contract[index_7 + 512] = sum_3_0;
  contract[index_7 + 520] = sum_3_1;
  contract[index_7 + 528] = sum_3_2_2;
  contract[index_7 + 536] = sum_3_3;
  contract[index_7 + 768] = sum_4_0;
  contract[index_7 + 776] = sum_4_1;
  contract[index_7 + 784] = sum_4_2;
  contract[index_7 + 792] = sum_4_3;
}
`,
  "f32-8x8x8": `
enable chromium_experimental_subgroup_matrix;
enable subgroups;
requires subgroup_id;

struct Sizes { groups: i32 }

@group(0) @binding(0) var<storage, read> left: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> right: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> contract: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
var<workgroup> left_block: array<f32, 640>;
var<workgroup> right_block: array<f32, 640>;
var<workgroup> block_sums: array<f32, 1280>;

@compute @workgroup_size(64)
fn trial(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
  @builtin(subgroup_size) subgroup_lanes: u32,
) {
  let group = i32(group_id.x + group_id.y * grid.x);
  if (group >= sizes.groups) { return; }
  let subgroup_size = i32(subgroup_lanes);
  let invocation = i32(subgroup * subgroup_lanes + subgroup_lane);
  let warp = i32(subgroup);
  var matrix: array<subgroup_matrix_result<f32, 8, 8>, 8>;
  let index_0 = (invocation & 3) * 4;
  let invocation_over_4 = invocation >> 2u;
  let index_1 = invocation_over_4 * 64;
  let index_4 = invocation_over_4 * 20 + index_0;
  let index_5 = index_4 + 320;
  let warp_times_320 = warp * 320;
  for (var k = 0; k < 64; k += 16) {
    let index_2 = k + index_0 + index_1;
    let staged_0 = left[index_2 >> 2u];
    let index_3 = index_2 + 1024;
    let staged_1 = left[index_3 >> 2u];
    { let lanes = staged_0; left_block[index_4] = lanes.x; left_block[index_4 + 1] = lanes.y; left_block[index_4 + 2] = lanes.z; left_block[index_4 + 3] = lanes.w; }
    { let lanes = staged_1; left_block[index_5] = lanes.x; left_block[index_5 + 1] = lanes.y; left_block[index_5 + 2] = lanes.z; left_block[index_5 + 3] = lanes.w; }
    let staged_2_0 = right[index_2 >> 2u];
    let staged_2_1 = right[index_3 >> 2u];
    { let lanes = staged_2_0; right_block[index_4] = lanes.x; right_block[index_4 + 1] = lanes.y; right_block[index_4 + 2] = lanes.z; right_block[index_4 + 3] = lanes.w; }
    { let lanes = staged_2_1; right_block[index_5] = lanes.x; right_block[index_5 + 1] = lanes.y; right_block[index_5 + 2] = lanes.z; right_block[index_5 + 3] = lanes.w; }
    workgroupBarrier();
    {
      let left_matrix_0 = subgroupMatrixLoad<subgroup_matrix_left<f32, 8, 8>, row_major>(&left_block, warp_times_320, 20);
      let left_matrix_1 = subgroupMatrixLoad<subgroup_matrix_left<f32, 8, 8>, row_major>(&left_block, warp_times_320 + 160, 20);
      let right_matrix_0 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, col_major>(&right_block, 0, 20);
      matrix[0] = subgroupMatrixMultiplyAccumulate(left_matrix_0, right_matrix_0, matrix[0]);
      matrix[4] = subgroupMatrixMultiplyAccumulate(left_matrix_1, right_matrix_0, matrix[4]);
      let right_matrix_1 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, col_major>(&right_block, 160, 20);
      matrix[1] = subgroupMatrixMultiplyAccumulate(left_matrix_0, right_matrix_1, matrix[1]);
      matrix[5] = subgroupMatrixMultiplyAccumulate(left_matrix_1, right_matrix_1, matrix[5]);
      let right_matrix_2 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, col_major>(&right_block, 320, 20);
      matrix[2] = subgroupMatrixMultiplyAccumulate(left_matrix_0, right_matrix_2, matrix[2]);
      matrix[6] = subgroupMatrixMultiplyAccumulate(left_matrix_1, right_matrix_2, matrix[6]);
      let right_matrix_3 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, col_major>(&right_block, 480, 20);
      matrix[3] = subgroupMatrixMultiplyAccumulate(left_matrix_0, right_matrix_3, matrix[3]);
      matrix[7] = subgroupMatrixMultiplyAccumulate(left_matrix_1, right_matrix_3, matrix[7]);
    }
    {
      let left_matrix_0 = subgroupMatrixLoad<subgroup_matrix_left<f32, 8, 8>, row_major>(&left_block, warp_times_320 + 8, 20);
      let left_matrix_1 = subgroupMatrixLoad<subgroup_matrix_left<f32, 8, 8>, row_major>(&left_block, warp_times_320 + 168, 20);
      let right_matrix_0 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, col_major>(&right_block, 8, 20);
      matrix[0] = subgroupMatrixMultiplyAccumulate(left_matrix_0, right_matrix_0, matrix[0]);
      matrix[4] = subgroupMatrixMultiplyAccumulate(left_matrix_1, right_matrix_0, matrix[4]);
      let right_matrix_1 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, col_major>(&right_block, 168, 20);
      matrix[1] = subgroupMatrixMultiplyAccumulate(left_matrix_0, right_matrix_1, matrix[1]);
      matrix[5] = subgroupMatrixMultiplyAccumulate(left_matrix_1, right_matrix_1, matrix[5]);
      let right_matrix_2 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, col_major>(&right_block, 328, 20);
      matrix[2] = subgroupMatrixMultiplyAccumulate(left_matrix_0, right_matrix_2, matrix[2]);
      matrix[6] = subgroupMatrixMultiplyAccumulate(left_matrix_1, right_matrix_2, matrix[6]);
      let right_matrix_3 = subgroupMatrixLoad<subgroup_matrix_right<f32, 8, 8>, col_major>(&right_block, 488, 20);
      matrix[3] = subgroupMatrixMultiplyAccumulate(left_matrix_0, right_matrix_3, matrix[3]);
      matrix[7] = subgroupMatrixMultiplyAccumulate(left_matrix_1, right_matrix_3, matrix[7]);
    }
    workgroupBarrier();
  }
  subgroupMatrixStore<row_major>(&block_sums, warp * 640, matrix[0], 40);
  subgroupMatrixStore<row_major>(&block_sums, warp * 640 + 8, matrix[1], 40);
  subgroupMatrixStore<row_major>(&block_sums, warp * 640 + 16, matrix[2], 40);
  subgroupMatrixStore<row_major>(&block_sums, warp * 640 + 24, matrix[3], 40);
  subgroupMatrixStore<row_major>(&block_sums, warp * 640 + 320, matrix[4], 40);
  subgroupMatrixStore<row_major>(&block_sums, warp * 640 + 328, matrix[5], 40);
  subgroupMatrixStore<row_major>(&block_sums, warp * 640 + 336, matrix[6], 40);
  subgroupMatrixStore<row_major>(&block_sums, warp * 640 + 344, matrix[7], 40);
  workgroupBarrier();
  let invocation_over_8 = invocation >> 3u;
  let invocation_modulo_8 = invocation & 7;
  let index_6 = invocation_over_8 * 40 + invocation_modulo_8;
  let sum_0 = block_sums[index_6];
  let sum_1 = block_sums[index_6 + 8];
  let sum_2_2 = block_sums[index_6 + 16];
  let sum_3_2 = block_sums[index_6 + 24];
  let sum_2_0 = block_sums[index_6 + 320];
  let sum_2_1 = block_sums[index_6 + 328];
  let sum_2_2_2 = block_sums[index_6 + 336];
  let sum_2_3 = block_sums[index_6 + 344];
  let sum_3_0 = block_sums[index_6 + 640];
  let sum_3_1 = block_sums[index_6 + 648];
  let sum_3_2_2 = block_sums[index_6 + 656];
  let sum_3_3 = block_sums[index_6 + 664];
  let sum_4_0 = block_sums[index_6 + 960];
  let sum_4_1 = block_sums[index_6 + 968];
  let sum_4_2 = block_sums[index_6 + 976];
  let sum_4_3 = block_sums[index_6 + 984];
  let index_7 = invocation_modulo_8 + invocation_over_8 * 32;
  contract[index_7] = sum_0;
  contract[index_7 + 8] = sum_1;
  contract[index_7 + 16] = sum_2_2;
  contract[index_7 + 24] = sum_3_2;
  contract[index_7 + 256] = sum_2_0;
  contract[index_7 + 264] = sum_2_1;
  contract[index_7 + 272] = sum_2_2_2;
  contract[index_7 + 280] = sum_2_3;
  contract[index_7 + 512] = sum_3_0;
  contract[index_7 + 520] = sum_3_1;
  contract[index_7 + 528] = sum_3_2_2;
  contract[index_7 + 536] = sum_3_3;
  contract[index_7 + 768] = sum_4_0;
  contract[index_7 + 776] = sum_4_1;
  contract[index_7 + 784] = sum_4_2;
  contract[index_7 + 792] = sum_4_3;
}
`,
};
