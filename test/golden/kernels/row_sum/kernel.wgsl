// sum[row] = Σ x[row, column]
struct Sizes { groups: i32, columns: i32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sum: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(1)
fn row_sum(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
) {
  let group = i32(group_id.x + group_id.y * grid.x);
  if (group >= sizes.groups) { return; }
  let columns = sizes.columns;
  var total = 0.0f;
  let group_times_columns = group * columns;
  for (var column = 0; column < columns; column++) {
    total += x[group_times_columns + column];
  }
  sum[group] = total;
}
