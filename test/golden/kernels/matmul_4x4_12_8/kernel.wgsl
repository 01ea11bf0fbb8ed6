// y[row, column] = Σ a[row, k] · w[column, k]
struct Sizes { groups: i32, m: i32 }

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(1)
fn matmul_4x4_12_8(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
) {
  let group = i32(group_id.x + group_id.y * grid.x);
  if (group >= sizes.groups) { return; }
  let m = sizes.m;
  let row0 = (group >> 1u) * 4;
  let column0 = (group & 1) * 4;
  var total_0_0 = 0.0f;
  var total_0_1 = 0.0f;
  var total_0_2 = 0.0f;
  var total_0_3 = 0.0f;
  var total_1_0 = 0.0f;
  var total_1_1 = 0.0f;
  var total_1_2 = 0.0f;
  var total_1_3 = 0.0f;
  var total_2_0 = 0.0f;
  var total_2_1 = 0.0f;
  var total_2_2 = 0.0f;
  var total_2_3 = 0.0f;
  var total_3_0 = 0.0f;
  var total_3_1 = 0.0f;
  var total_3_2 = 0.0f;
  var total_3_3 = 0.0f;
  let m_minus_1 = m - 1;
  let index_0 = min(row0, m_minus_1) * 12;
  let row0_plus_1 = row0 + 1;
  let index_1 = min(row0_plus_1, m_minus_1) * 12;
  let row0_plus_2 = row0 + 2;
  let index_2 = min(row0_plus_2, m_minus_1) * 12;
  let row0_plus_3 = row0 + 3;
  let index_3 = min(row0_plus_3, m_minus_1) * 12;
  let column0_times_12 = column0 * 12;
  for (var k0 = 0; k0 < 12; k0 += 4) {
    let left_0 = a[(index_0 + k0) >> 2u];
    let left_1 = a[(index_1 + k0) >> 2u];
    let left_2 = a[(index_2 + k0) >> 2u];
    let left_3 = a[(index_3 + k0) >> 2u];
    let column0_times_12_plus_k0 = column0_times_12 + k0;
    let right_0 = w[column0_times_12_plus_k0 >> 2u];
    let right_1 = w[(column0_times_12_plus_k0 + 12) >> 2u];
    let right_2 = w[(column0_times_12_plus_k0 + 24) >> 2u];
    let right_3 = w[(column0_times_12_plus_k0 + 36) >> 2u];
    total_0_0 = total_0_0 + left_0.x * right_0.x + left_0.y * right_0.y + left_0.z * right_0.z + left_0.w * right_0.w;
    total_0_1 = total_0_1 + left_0.x * right_1.x + left_0.y * right_1.y + left_0.z * right_1.z + left_0.w * right_1.w;
    total_0_2 = total_0_2 + left_0.x * right_2.x + left_0.y * right_2.y + left_0.z * right_2.z + left_0.w * right_2.w;
    total_0_3 = total_0_3 + left_0.x * right_3.x + left_0.y * right_3.y + left_0.z * right_3.z + left_0.w * right_3.w;
    total_1_0 = total_1_0 + left_1.x * right_0.x + left_1.y * right_0.y + left_1.z * right_0.z + left_1.w * right_0.w;
    total_1_1 = total_1_1 + left_1.x * right_1.x + left_1.y * right_1.y + left_1.z * right_1.z + left_1.w * right_1.w;
    total_1_2 = total_1_2 + left_1.x * right_2.x + left_1.y * right_2.y + left_1.z * right_2.z + left_1.w * right_2.w;
    total_1_3 = total_1_3 + left_1.x * right_3.x + left_1.y * right_3.y + left_1.z * right_3.z + left_1.w * right_3.w;
    total_2_0 = total_2_0 + left_2.x * right_0.x + left_2.y * right_0.y + left_2.z * right_0.z + left_2.w * right_0.w;
    total_2_1 = total_2_1 + left_2.x * right_1.x + left_2.y * right_1.y + left_2.z * right_1.z + left_2.w * right_1.w;
    total_2_2 = total_2_2 + left_2.x * right_2.x + left_2.y * right_2.y + left_2.z * right_2.z + left_2.w * right_2.w;
    total_2_3 = total_2_3 + left_2.x * right_3.x + left_2.y * right_3.y + left_2.z * right_3.z + left_2.w * right_3.w;
    total_3_0 = total_3_0 + left_3.x * right_0.x + left_3.y * right_0.y + left_3.z * right_0.z + left_3.w * right_0.w;
    total_3_1 = total_3_1 + left_3.x * right_1.x + left_3.y * right_1.y + left_3.z * right_1.z + left_3.w * right_1.w;
    total_3_2 = total_3_2 + left_3.x * right_2.x + left_3.y * right_2.y + left_3.z * right_2.z + left_3.w * right_2.w;
    total_3_3 = total_3_3 + left_3.x * right_3.x + left_3.y * right_3.y + left_3.z * right_3.z + left_3.w * right_3.w;
  }
  if (row0 < m) {
    let index_4 = row0 * 8 + column0;
    y[index_4] = total_0_0;
    y[index_4 + 1] = total_0_1;
    y[index_4 + 2] = total_0_2;
    y[index_4 + 3] = total_0_3;
  }
  if (row0_plus_1 < m) {
    let index_5 = row0 * 8 + column0;
    y[index_5 + 8] = total_1_0;
    y[index_5 + 9] = total_1_1;
    y[index_5 + 10] = total_1_2;
    y[index_5 + 11] = total_1_3;
  }
  if (row0_plus_2 < m) {
    let index_6 = row0 * 8 + column0;
    y[index_6 + 16] = total_2_0;
    y[index_6 + 17] = total_2_1;
    y[index_6 + 18] = total_2_2;
    y[index_6 + 19] = total_2_3;
  }
  if (row0_plus_3 < m) {
    let index_7 = row0 * 8 + column0;
    y[index_7 + 24] = total_3_0;
    y[index_7 + 25] = total_3_1;
    y[index_7 + 26] = total_3_2;
    y[index_7 + 27] = total_3_3;
  }
}
