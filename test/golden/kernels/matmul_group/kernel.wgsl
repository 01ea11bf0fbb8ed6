// y[row, column] = Σ a[row, k] · w[column, k]
struct Sizes { groups: i32, n: i32, k: i32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;
var<workgroup> a_part: array<f32, 64>;
var<workgroup> w_part: array<f32, 64>;

@compute @workgroup_size(16)
fn matmul_group(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) local_index: u32,
) {
  let group = i32(group_id.x + group_id.y * grid.x);
  if (group >= sizes.groups) { return; }
  let invocation = i32(local_index);
  let n = sizes.n;
  let k = sizes.k;
  let across = n >> 3u;
  let row0 = group / across * 8;
  let column0 = group % across * 8;
  let down = (invocation >> 2u) * 2;
  let right = (invocation & 3) * 2;
  var total_0_0 = 0.0f;
  var total_0_1 = 0.0f;
  var total_1_0 = 0.0f;
  var total_1_1 = 0.0f;
  let down_times_8 = down * 8;
  let right_times_8 = right * 8;
  for (var k0 = 0; k0 < k; k0 += 8) {
    for (var slot = invocation; slot < 64; slot += 16) {
      let slot_over_8 = slot >> 3u;
      let slot_modulo_8 = slot & 7;
      a_part[slot] = a[(row0 + slot_over_8) * k + k0 + slot_modulo_8];
      w_part[slot] = w[(column0 + slot_over_8) * k + k0 + slot_modulo_8];
    }
    workgroupBarrier();
    for (var kk = 0; kk < 8; kk++) {
      let down_times_8_plus_kk = down_times_8 + kk;
      let a_tile_0 = a_part[down_times_8_plus_kk];
      let a_tile_1 = a_part[down_times_8_plus_kk + 8];
      let right_times_8_plus_kk = right_times_8 + kk;
      let w_tile_0 = w_part[right_times_8_plus_kk];
      let w_tile_1 = w_part[right_times_8_plus_kk + 8];
      total_0_0 += a_tile_0 * w_tile_0;
      total_0_1 += a_tile_0 * w_tile_1;
      total_1_0 += a_tile_1 * w_tile_0;
      total_1_1 += a_tile_1 * w_tile_1;
    }
    workgroupBarrier();
  }
  let row0_plus_down = row0 + down;
  let index_0 = row0_plus_down * n + column0 + right;
  y[index_0] = total_0_0;
  y[index_0 + 1] = total_0_1;
  let index_1 = (row0_plus_down + 1) * n + column0 + right;
  y[index_1] = total_1_0;
  y[index_1 + 1] = total_1_1;
}
