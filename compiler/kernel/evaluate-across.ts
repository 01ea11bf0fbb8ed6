/** What invocations of a group do together: the definitions. */

import { invariant } from "../../grammar/invariant.ts";
import type { Frame } from "./evaluate-expression.ts";
import type { AcrossStatement } from "./kernel.ts";

/** Where all invocations of a group must meet; what they then do with each other's numbers, if anything. */
export interface Meeting {
  /** Whether what they wrote before is seen after. */
  readonly isBarrier: boolean;
  readonly exchange?: (frames: readonly Frame[]) => void;
}

/** The sum as f32. */
export const addRounded = (left: number, right: number): number => Math.fround(left + right);

/** `own` puts an invocation's numbers in `count` slots, where the result of its sharers will be. */
export function exchanging(
  { fn, sharers }: AcrossStatement,
  workgroupSize: number,
  {
    slot,
    count,
    own,
  }: {
    readonly slot: number;
    readonly count: number;
    readonly own: (frame: Frame) => void;
  },
): (frame: Frame) => Generator<Meeting, void> {
  const combine = fn === "sum" ? addRounded : (a: number, b: number) => Math.max(a, b);
  const meeting: Meeting = {
    isBarrier: sharers === workgroupSize,
    exchange: (frames) => {
      const length = sharers === "subgroup" ? (frames[0]?.subgroupSize ?? Number.NaN) : sharers;
      invariant(frames.length % length === 0, `subgroups of ${length} in ${frames.length}`);
      for (let first = 0; first < frames.length; first += length) {
        const run = frames.slice(first, first + length);
        for (let at = slot; at < slot + count; at++) {
          const result = run
            .map(({ slots }) => slots[at] ?? Number.NaN)
            .reduce((a, b) => combine(a, b));
          for (const { slots } of run) slots[at] = result;
        }
      }
    },
  };
  return function* (frame) {
    own(frame);
    yield meeting;
  };
}
