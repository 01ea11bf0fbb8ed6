// scale[row] = 1 / sqrt(mean(x[row, :]²) + 1e-6)
struct Sizes { groups: i32, columns: i32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> scale: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;
var<workgroup> partial: array<f32, 8>;

@compute @workgroup_size(8)
fn rms_statistics(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) local_index: u32,
) {
  let group = i32(group_id.x + group_id.y * grid.x);
  if (group >= sizes.groups) { return; }
  let invocation = i32(local_index);
  let columns = sizes.columns;
  var total = 0.0f;
  let group_times_columns = group * columns;
  for (var column = invocation; column < columns; column += 8) {
    let value = x[group_times_columns + column];
    total += value * value;
  }
  partial[invocation] = total;
  workgroupBarrier();
  if (invocation < 4) {
    partial[invocation] = partial[invocation] + partial[invocation + 4];
  }
  workgroupBarrier();
  if (invocation < 2) {
    partial[invocation] = partial[invocation] + partial[invocation + 2];
  }
  workgroupBarrier();
  if (invocation < 1) {
    partial[invocation] = partial[invocation] + partial[invocation + 1];
  }
  workgroupBarrier();
  if (invocation == 0) {
    let mean = partial[0] / f32(columns);
    scale[group] = inverseSqrt(mean + 0.000001f);
  }
}
