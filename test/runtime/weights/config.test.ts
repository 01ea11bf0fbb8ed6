/** Numbers of the model text against `config.json`. */

import { expect, test } from "vitest";
import { checkConfig } from "../../../runtime/weights/config.ts";
import { failure } from "./sample-files.ts";

const config = {
  hidden_size: null,
  text_config: { hidden_size: 128, rope_parameters: { rope_theta: 10000 } },
  vision_config: { hidden_size: 64 },
};

test("numbers that agree, at any depth, and those that the file lacks", () => {
  const checks = [
    { key: "rope_theta", value: 10000 },
    { key: "text_config.hidden_size", value: 128 },
    { key: "theta", value: 1 },
  ];
  expect(checkConfig(checks, config, "config.json")).toEqual(["theta"]);
});

test("all that disagree are reported", async () => {
  const checks = [
    { key: "rope_theta", value: 5 },
    { key: "hidden_size", value: 128 },
  ];
  expect(await failure(() => checkConfig(checks, config, "config.json"))).toMatchInlineSnapshot(`
    "weights/config: the model disagrees with config.json:
      text_config.rope_parameters.rope_theta is 10000, but the model says 5
      vision_config.hidden_size is 64, but the model says 128
      = hint: take another checkpoint, change the number, or name the part, as in \`from text_config.hidden_size\`"
  `);
});
