import fc from "fast-check";
import { expect, test } from "vitest";
import { bufferAlignment } from "../../runtime/backend.ts";
import { type Placement, type PlaceRequest, place } from "../../runtime/place.ts";

function request(name: string, bytes: number, first: number, last: number): PlaceRequest {
  return { name, bytes, first, last };
}

function offsets(placement: Placement): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...placement.slots].map(([name, { pool, offset }]) => [name, `${pool}:${offset}`]),
  );
}

test("nothing takes no memory", () => {
  expect(place([])).toEqual({
    pools: [],
    slots: new Map(),
    arenaBytes: 0,
    largestLiveBytes: 0,
  });
});

test("a buffer takes the place of one that has died, not of one that ends where it begins", () => {
  const placement = place([
    request("a", 512, 0, 1),
    request("b", 512, 1, 2),
    request("c", 512, 2, 3),
  ]);
  expect(offsets(placement)).toEqual({ a: "0:0", b: "0:512", c: "0:0" });
  expect(placement.arenaBytes).toBe(1024);
  expect(placement.largestLiveBytes).toBe(1024);
});

test("offsets are aligned", () => {
  const placement = place([request("a", 300, 0, 1), request("b", 16, 0, 1)]);
  expect(offsets(placement)).toEqual({ a: "0:0", b: "0:512" });
});

test("the order in which buffers are given does not matter", () => {
  const requests = [request("a", 256, 0, 1), request("b", 256, 0, 3), request("c", 512, 2, 3)];
  expect(offsets(place(requests))).toEqual(offsets(place(requests.toReversed())));
});

test("what is to be kept apart lies in different pools", () => {
  const requests = [request("a", 256, 0, 1), request("b", 256, 1, 2), request("c", 256, 1, 2)];
  const placement = place(requests, [
    ["a", "b"],
    ["a", "c"],
  ]);
  expect(offsets(placement)).toEqual({ a: "0:0", b: "1:0", c: "1:256" });
  expect(placement.pools).toEqual([256, 512]);
});

const lives = fc
  .tuple(fc.integer({ min: 0, max: 5000 }), fc.nat({ max: 30 }), fc.nat({ max: 10 }))
  .map(([bytes, first, length]) => ({ bytes, first, last: first + length }));

const cases = fc.array(lives, { maxLength: 60 }).chain((items) => {
  const requests = items.map((item, index) => ({ ...item, name: `b${index}` }));
  const name = fc.nat({ max: Math.max(0, items.length - 1) }).map((index) => `b${index}`);
  const pairs = fc.array(fc.tuple(name, name), { maxLength: items.length });
  return pairs.map((all) => ({
    requests,
    apart: all.filter(([a, b]) => a !== b),
  }));
});

test("no two buffers that live at once overlap, and what is apart is in two pools", () => {
  fc.assert(
    fc.property(cases, ({ requests, apart }) => {
      const { slots, pools, arenaBytes, largestLiveBytes } = place(requests, apart);
      for (const [index, a] of requests.entries()) {
        const first = slots.get(a.name);
        expect(first?.bytes).toBe(a.bytes);
        expect((first?.offset ?? -1) % bufferAlignment).toBe(0);
        expect((first?.offset ?? 0) + a.bytes).toBeLessThanOrEqual(pools[first?.pool ?? -1] ?? -1);
        for (const b of requests.slice(index + 1)) {
          const second = slots.get(b.name);
          const together = a.first <= b.last && b.first <= a.last && first?.pool === second?.pool;
          if (!together || first === undefined || second === undefined) continue;
          const disjoint =
            first.offset + a.bytes <= second.offset || second.offset + b.bytes <= first.offset;
          expect(disjoint).toBe(true);
        }
      }
      for (const [a, b] of apart) expect(slots.get(a)?.pool).not.toBe(slots.get(b)?.pool);
      expect(arenaBytes).toBeGreaterThanOrEqual(largestLiveBytes);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("each of a thousand buffers is compared with those before it, once", () => {
  const count = 1000;
  let reads = 0;
  const counted = (each: PlaceRequest): PlaceRequest => ({
    name: each.name,
    bytes: each.bytes,
    get first() {
      reads++;
      return each.first;
    },
    get last() {
      reads++;
      return each.last;
    },
  });
  const requests = Array.from({ length: count }, (_, index) =>
    counted(request(`b${index}`, ((index * 7919) % 997) * 64 + 4, index, index + (index % 13))),
  );
  place(requests);
  // Two reads for each pair, and those of sorting, which are few.
  const pairs = (count * (count - 1)) / 2;
  expect(reads).toBeLessThan(2 * pairs + 40 * count);
});
