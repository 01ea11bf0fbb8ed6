import { expect, test } from "vitest";
import { LossReport, weightsType } from "../../../compiler/cli/weights-type.ts";

test("a type of weights has bits, a group and perhaps offsets", () => {
  expect(weightsType("int8")).toEqual({ bits: 8, group: 32, symmetric: true });
  expect(weightsType("int4:64")).toEqual({ bits: 4, group: 64, symmetric: true });
  expect(weightsType("int4:asymmetric")).toEqual({ bits: 4, group: 32, symmetric: false });
  expect(weightsType("int8:128:asymmetric")).toEqual({ bits: 8, group: 128, symmetric: false });
});

for (const wrong of ["int3", "int8:7", "int4:64:", "f16", "int8:32:symmetric", ""]) {
  test(`\`${wrong}\` is refused with what to write`, () => {
    expect(() => weightsType(wrong)).toThrow(/write int8 or int4, .*int4:32:asymmetric/);
  });
}

test("what quantisation loses is one line, with the weight that lost most", () => {
  const report = new LossReport({ bits: 4, group: 64, symmetric: false });
  report.add("a", { squaredError: 1, squares: 10_000 });
  report.add("b", { squaredError: 24, squares: 2_500 });
  expect(report.text).toBe(
    "2 weights as int4 in groups of 64 with offsets: off by 4.5 % of their size (root mean square), most in b (9.8 %)",
  );
});
