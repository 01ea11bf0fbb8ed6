/** The kernels of the toy plan as WGSL, bound as `contract.ts` says. */

import { toyPlan } from "./toy-plan.ts";

const bodies: Readonly<Record<string, string>> = {
  scale: "y[group] = x[group] * f32(call.factor);",
  spread: "y[group] = x[group / 6 * 2 + group % 2];",
  shift: "y[group] = x[group] + f32(positions[group / 2]);",
  gather: "y[group] = table[tokens[group / 2] * 2 + group % 2];",
  append: "keys[call.past * 2 + group] = x[group] + offset[group % 2];",
  score: `
  let row = group / 8;
  var sum: f32 = 0.0;
  for (var i: i32 = 0; i < call.visual; i++) { sum = sum + placed[i]; }
  for (var i: i32 = 0; i < (call.past + row + 1) * 2; i++) { sum = sum + keys[i]; }
  let wanted = sum - 8.0 * floor(sum / 8.0);
  let difference = f32(group % 8) - wanted;
  logits[group] = -(difference * difference);`,
};

/** WGSL by the name of the kernel. */
export const toyWgsl: ReadonlyMap<string, string> = new Map(
  toyPlan("gpu").kernels.map(({ name, buffers, scalars }) => {
    const bindings = buffers.map(({ name: buffer, element, access }, index) => {
      const mode = access === "read" ? "read" : "read_write";
      return `@group(0) @binding(${index}) var<storage, ${mode}> ${buffer}: array<${element}>;`;
    });
    const text = `struct Call { ${["groups", ...scalars].map((each) => `${each}: i32,`).join(" ")} }
${bindings.join("\n")}
@group(0) @binding(${buffers.length}) var<uniform> call: Call;
@compute @workgroup_size(1)
fn ${name}(
  @builtin(workgroup_id) place: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
) {
  let group = i32(place.y * grid.x + place.x);
  if (group >= call.groups) { return; }
  ${bodies[name]}
}
`;
    return [name, text];
  }),
);
