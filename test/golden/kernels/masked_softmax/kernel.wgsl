// p[row, :] = softmax(score[row, :] where column <= row)
struct Sizes { groups: i32 }

@group(0) @binding(0) var<storage, read> score: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> p: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

fn precise_exp4(x: vec4<f32>) -> vec4<f32> {
  let exp_in_0 = min(max(x, vec4<f32>(-104.0f)), vec4<f32>(89.0f));
  let exp_n_1 = round(exp_in_0 * 1.442695f);
  let exp_rest_2 = exp_in_0 - exp_n_1 * 0.6933594f + exp_n_1 * 0.00021219444f;
  let exp_power_3 = vec4<i32>(exp_n_1);
  let exp_half_4 = exp_power_3 >> vec4<u32>(1u);
  let result = ((((((exp_rest_2 * 0.00019875691f + 0.0013981999f) * exp_rest_2 + 0.008333452f) * exp_rest_2 + 0.041665796f) * exp_rest_2 + 0.16666666f) * exp_rest_2 + 0.5f) * (exp_rest_2 * exp_rest_2) + exp_rest_2 + 1.0f) * bitcast<vec4<f32>>((exp_half_4 + 127) << vec4<u32>(23u)) * bitcast<vec4<f32>>((exp_power_3 - exp_half_4 + 127) << vec4<u32>(23u));
  return result;
}

fn precise_exp(x: f32) -> f32 {
  let exp_in_0 = min(max(x, -104.0f), 89.0f);
  let exp_n_1 = round(exp_in_0 * 1.442695f);
  let exp_rest_2 = exp_in_0 - exp_n_1 * 0.6933594f + exp_n_1 * 0.00021219444f;
  let exp_power_3 = i32(exp_n_1);
  let exp_half_4 = exp_power_3 >> 1u;
  let result = ((((((exp_rest_2 * 0.00019875691f + 0.0013981999f) * exp_rest_2 + 0.008333452f) * exp_rest_2 + 0.041665796f) * exp_rest_2 + 0.16666666f) * exp_rest_2 + 0.5f) * (exp_rest_2 * exp_rest_2) + exp_rest_2 + 1.0f) * bitcast<f32>((exp_half_4 + 127) << 23u) * bitcast<f32>((exp_power_3 - exp_half_4 + 127) << 23u);
  return result;
}

@compute @workgroup_size(1)
fn masked_softmax(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
) {
  let group = i32(group_id.x + group_id.y * grid.x);
  if (group >= sizes.groups) { return; }
  var largest_value = -3e+38f;
  var total_value = 0.0f;
  let index_1 = vec4<i32>(0, 1, 2, 3);
  let index_2 = vec4<i32>(group);
  let group_times_16 = group * 16;
  let index_4 = vec4<i32>(4, 5, 6, 7);
  for (var column0 = 0; column0 < 16; column0 += 8) {
    let index_0 = vec4<i32>(column0);
    let index_3 = group_times_16 + column0;
    var s_0 = select(vec4<f32>(-1e+30f), score[index_3 >> 2u], index_0 + index_1 <= index_2);
    var s_1 = select(vec4<f32>(-1e+30f), score[(index_3 + 4) >> 2u], index_0 + index_4 <= index_2);
    let most_value_lanes = max(s_0, s_1);
    let most_value = max(max(most_value_lanes.x, most_value_lanes.z), max(most_value_lanes.y, most_value_lanes.w));
    let before_value = largest_value;
    largest_value = max(before_value, most_value);
    let value_0 = vec4<f32>(largest_value);
    s_0 = precise_exp4(s_0 - value_0);
    s_1 = precise_exp4(s_1 - value_0);
    let part_value_lanes = s_0 + s_1;
    let part_value = part_value_lanes.x + part_value_lanes.z + (part_value_lanes.y + part_value_lanes.w);
    total_value = total_value * precise_exp(before_value - largest_value) + part_value;
  }
  for (var column1 = 0; column1 < 16; column1 += 8) {
    let index_5 = vec4<i32>(column1);
    let index_6 = group_times_16 + column1;
    let value_1 = vec4<f32>(largest_value);
    let value_2 = vec4<f32>(total_value);
    let q_0 = precise_exp4(select(vec4<f32>(-1e+30f), score[index_6 >> 2u], index_5 + index_1 <= index_2) - value_1) / value_2;
    let index_7 = index_6 + 4;
    let q_1 = precise_exp4(select(vec4<f32>(-1e+30f), score[index_7 >> 2u], index_5 + index_4 <= index_2) - value_1) / value_2;
    p[index_6 >> 2u] = q_0;
    p[index_7 >> 2u] = q_1;
  }
}
