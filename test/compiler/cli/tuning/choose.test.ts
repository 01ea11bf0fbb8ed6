/** Which schedule is taken, by a clock that goes as the test says. */

import { expect, test } from "vitest";
import { fastest } from "../../../../compiler/cli/tuning/choose.ts";

/** Times that candidates take, one call after another; the last one is repeated. */
function clockOf(times: readonly (readonly number[])[]) {
  const calls = times.map(() => 0);
  const time = async (candidate: number): Promise<number> => {
    const own = times[candidate] ?? [];
    const call = calls[candidate] ?? 0;
    calls[candidate] = call + 1;
    return own[Math.min(call, own.length - 1)] ?? 0;
  };
  return { calls, time };
}

const always = () => true;

test("the fastest is taken, by its median", async () => {
  const { time } = clockOf([[10], [6], [5], [7]]);
  expect(await fastest(4, time, always)).toEqual({ medians: [10, 6, 5, 7], best: 2 });
});

test("the first call, which compiles, does not count", async () => {
  const { time } = clockOf([[10], [900, 5]]);
  expect(await fastest(2, time, always)).toEqual({ medians: [10, 5], best: 1 });
});

test("what gains less than the clock can tell changes nothing", async () => {
  const { time } = clockOf([[10], [9.8]]);
  expect((await fastest(2, time, always)).best).toBe(0);
});

test("what is only sometimes faster changes nothing", async () => {
  const { time } = clockOf([[10], [5, 5, 11, 5, 11, 5, 11, 5, 11, 5]]);
  expect((await fastest(2, time, always)).best).toBe(0);
});

test("a load that slows all down in turn does not decide", async () => {
  const { time } = clockOf([
    [10, 10, 40, 40, 10, 40, 10, 10, 40, 10],
    [8, 8, 32, 32, 8, 32, 8, 8, 32, 8],
  ]);
  expect((await fastest(2, time, always)).best).toBe(1);
});

test("what is hopeless is not timed to the end", async () => {
  const { calls, time } = clockOf([[10], [50], [9]]);
  await fastest(3, time, always);
  expect(calls).toEqual([10, 3, 10]);
});

test("without time for three rounds nothing is said", async () => {
  let rounds = 0;
  const { time } = clockOf([[10], [5]]);
  const found = await fastest(2, time, () => rounds++ < 3);
  expect(found).toEqual({ medians: [undefined, undefined], best: 0 });
});
