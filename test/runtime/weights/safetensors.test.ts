/** Safetensors files: what they say, and every way in which one can be broken. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { readFloats, readIntegers, readTensor } from "../../../runtime/weights/read.ts";
import { memoryReader } from "../../../runtime/weights/reader.ts";
import { openSafetensors, type SafetensorsFile } from "../../../runtime/weights/safetensors.ts";
import { storedBits } from "../../../runtime/weights/stored.ts";
import { failure, floatFile, safetensorsBytes } from "./sample-files.ts";

const openBytes = (bytes: Uint8Array): Promise<SafetensorsFile> =>
  openSafetensors(memoryReader("m.safetensors", bytes));

const entry = (dtype: unknown, shape: unknown, offsets: unknown): unknown => ({
  dtype,
  shape,
  data_offsets: offsets,
});

/** A file with one tensor `a` that holds `values` in their own byte order. */
async function one(
  dtype: string,
  values: ArrayBufferView,
  shape: readonly number[],
): Promise<SafetensorsFile> {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return openBytes(safetensorsBytes({ a: entry(dtype, shape, [0, data.length]) }, data));
}

function tensor(file: SafetensorsFile, name: string): Parameters<typeof readTensor>[0] {
  const found = file.tensors.get(name);
  if (found === undefined) throw new Error(`the test's file lacks ${name}`);
  return found;
}

test("tensors, shapes and metadata", async () => {
  const file = await openBytes(floatFile({ a: [2, 3], empty: [0, 4], scalar: [] }));
  expect(
    [...file.tensors.values()].map(({ name, dtype, shape, bytes }) => ({
      name,
      dtype,
      shape,
      bytes,
    })),
  ).toEqual([
    { name: "a", dtype: "F32", shape: [2, 3], bytes: 24 },
    { name: "empty", dtype: "F32", shape: [0, 4], bytes: 0 },
    { name: "scalar", dtype: "F32", shape: [], bytes: 4 },
  ]);
  expect([...file.metadata]).toEqual([["format", "pt"]]);
  expect([...(await readFloats(tensor(file, "a")))]).toEqual([0, 1, 2, 3, 4, 5]);
  expect([...(await readFloats(tensor(file, "empty")))]).toEqual([]);
});

test("a file without tensors, and a header padded with blanks", async () => {
  expect((await openBytes(safetensorsBytes("{}      "))).tensors.size).toBe(0);
});

const header = (fields: Readonly<Record<string, unknown>>, bytes = 4): Uint8Array =>
  safetensorsBytes(fields, new Uint8Array(bytes));
const a = entry("F32", [1], [0, 4]);

const broken: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["nothing in it", new Uint8Array(0), /weights\/truncated: .*has 0 bytes/],
  ["half a length", new Uint8Array(7), /weights\/truncated/],
  [
    "header longer than the file",
    safetensorsBytes({ a }).subarray(0, 20),
    /weights\/truncated: .*header has \d+ bytes, but 12 follow/,
  ],
  ["huge header", new Uint8Array(8).fill(255), /weights\/header: .*18446744073709551615 bytes/],
  [
    "header beyond the limit",
    Uint8Array.of(1, 0xe1, 0xf5, 5, 0, 0, 0, 0),
    /weights\/header: .*100000001 bytes/,
  ],
  ["header not JSON", safetensorsBytes("{nonsense"), /weights\/header: .*not JSON/],
  ["header empty", safetensorsBytes(""), /weights\/header/],
  [
    "header not UTF-8",
    Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe),
    /weights\/header: .*UTF-8/,
  ],
  ["header a list", safetensorsBytes([]), /weights\/header: .*a list/],
  [
    "name twice",
    safetensorsBytes(
      `{"a":${JSON.stringify(a)},"\\u0061":${JSON.stringify(a)}}`,
      new Uint8Array(4),
    ),
    /weights\/header: .*`a` twice/,
  ],
  [
    "field twice",
    safetensorsBytes(
      `{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`,
      new Uint8Array(4),
    ),
    /weights\/header: .*`dtype` twice/,
  ],
  ["tensor not an object", header({ a: 3 }), /weights\/header: .*`a` by 3/],
  ["unknown type", header({ a: entry("F7", [1], [0, 4]) }), /weights\/type: .*"F7".*\n.*BF16/],
  ["type from a prototype", header({ a: entry("toString", [1], [0, 4]) }), /weights\/type/],
  ["no type", header({ a: { shape: [1], data_offsets: [0, 4] } }), /weights\/type: .*nothing/],
  ["shape not a list", header({ a: entry("F32", 1, [0, 4]) }), /weights\/shape/],
  ["negative size", header({ a: entry("F32", [-1], [0, 4]) }), /weights\/shape: .*\[-1\]/],
  ["broken size", header({ a: entry("F32", [0.5], [0, 4]) }), /weights\/shape/],
  ["size a string", header({ a: entry("F32", ["1"], [0, 4]) }), /weights\/shape/],
  [
    "product too large",
    header({ a: entry("F32", [2 ** 40, 2 ** 40], [0, 4]) }),
    /weights\/shape: .*impossible/,
  ],
  ["offsets not a pair", header({ a: entry("F32", [1], [0]) }), /weights\/offsets/],
  ["offsets backwards", header({ a: entry("F32", [1], [4, 0]) }), /weights\/offsets/],
  [
    "length too small",
    header({ a: entry("F32", [2], [0, 4]) }),
    /weights\/length: .*4 bytes.*takes 8/,
  ],
  ["length too large", header({ a: entry("F16", [1], [0, 4]) }), /weights\/length/],
  ["half a byte", header({ a: entry("F4", [7], [0, 4]) }), /weights\/length/],
  [
    "tensor past the end",
    header({ a: entry("F32", [2], [0, 8]) }),
    /weights\/truncated: .*4 bytes before the end of tensor `a`/,
  ],
  [
    "overlap",
    header({ a, b: entry("F32", [1], [2, 6]) }, 6),
    /weights\/offsets: .*`b` overlap tensor `a` by 2/,
  ],
  ["same place", header({ a, b: a }), /weights\/offsets: .*overlap/],
  [
    "gap before",
    header({ a: entry("F32", [1], [4, 8]) }, 8),
    /weights\/offsets: .*4 bytes between the header and/,
  ],
  [
    "gap between",
    header({ a, b: entry("F32", [1], [8, 12]) }, 12),
    /weights\/offsets: .*4 bytes between tensor `a`/,
  ],
  ["bytes left over", header({ a }, 7), /weights\/offsets: .*3 bytes after tensor `a`/],
  ["metadata not an object", header({ a, __metadata__: 1 }), /weights\/header: .*__metadata__/],
  ["metadata not strings", header({ a, __metadata__: { x: 1 } }), /weights\/header: .*`x`/],
];

test.each(broken)("refused: %s", async (_, bytes, expected) => {
  expect(await failure(() => openBytes(bytes))).toMatch(expected);
});

test("no truncation of a sound file is accepted or crashes", async () => {
  const whole = floatFile({ a: [2, 3], b: [4] });
  for (let length = 0; length < whole.length; length++) {
    expect(await failure(() => openBytes(whole.slice(0, length)))).toMatch(/^weights\//);
  }
});

test("a broken header is refused by name, whatever is broken in it", async () => {
  const sound = new TextDecoder().decode(floatFile({ "x.y": [2], "x.z": [1, 1] }).subarray(8, -12));
  const piece = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "-",
    "9",
    "1e9",
    "null",
    "\u0000",
    "é",
    "a",
  );
  const edit = fc.record({
    at: fc.nat(sound.length),
    cut: fc.nat(6),
    put: fc.array(piece, { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      fc.nat(16),
      async (edits, bytes) => {
        const text = edits.reduce(
          (now, { at, cut, put }) => now.slice(0, at) + put.join("") + now.slice(at + cut),
          sound,
        );
        expect(
          await failure(() => openBytes(safetensorsBytes(text, new Uint8Array(bytes)))),
        ).toMatch(/^(none$|weights\/)/);
      },
    ),
    { numRuns: 3000, seed: 1 },
  );
});

test("random bytes are refused by name", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
      expect(await failure(() => openBytes(bytes))).toMatch(/^(none$|weights\/)/);
    }),
    { numRuns: 1000, seed: 2 },
  );
});

test.each([
  ["F32", Float32Array.of(1.5, -2), [1.5, -2]],
  ["F16", Uint16Array.of(0x3e00, 0xc000), [1.5, -2]],
  ["BF16", Uint16Array.of(0x3fc0, 0xc000), [1.5, -2]],
  ["F64", Float64Array.of(0.1, -2), [Math.fround(0.1), -2]],
  ["I64", BigInt64Array.of(7n, -2n), [7, -2]],
  ["U8", Uint8Array.of(7, 255), [7, 255]],
  ["BOOL", Uint8Array.of(0, 1), [0, 1]],
])("%s read as floats", async (dtype, values, expected) => {
  const file = await one(dtype, values, [2]);
  const target = Float32Array.of(9, 9, 9, 9);
  expect([...(await readFloats(tensor(file, "a"), target, 1))]).toEqual([9, ...expected, 9]);
});

test.each([
  ["I8", Int8Array.of(-128, 127), [-128, 127]],
  ["I16", Int16Array.of(-5, 6), [-5, 6]],
  ["U16", Uint16Array.of(5, 65535), [5, 65535]],
  ["I32", Int32Array.of(-(2 ** 31), 2 ** 31 - 1), [-(2 ** 31), 2 ** 31 - 1]],
  ["U32", Uint32Array.of(0, 9), [0, 9]],
  ["I64", BigInt64Array.of(-(2n ** 31n), 1n), [-(2 ** 31), 1]],
  ["U64", BigUint64Array.of(3n, 1n), [3, 1]],
])("%s read as integers", async (dtype, values, expected) => {
  expect([...(await readIntegers(tensor(await one(dtype, values, [2]), "a")))]).toEqual(expected);
});

test.each([
  [
    "F64 beyond binary32",
    readFloats,
    "F64",
    Float64Array.of(1e300),
    /weights\/range: .*`a` holds 1e\+300/,
  ],
  [
    "integer no float has",
    readFloats,
    "I32",
    Int32Array.of(2 ** 24 + 1),
    /weights\/range: .*16777217/,
  ],
  [
    "integer beyond i32",
    readIntegers,
    "I64",
    BigInt64Array.of(2n ** 31n),
    /weights\/range: .*2147483648/,
  ],
  ["unsigned beyond i32", readIntegers, "U32", Uint32Array.of(2 ** 31), /weights\/range/],
  ["floats as integers", readIntegers, "F32", Float32Array.of(1), /weights\/type: .*F32/],
  ["8-bit floats", readFloats, "F8_E4M3", Uint8Array.of(1), /weights\/type: .*F8_E4M3/],
  ["complex numbers", readFloats, "C64", Float32Array.of(1, 2), /weights\/type: .*C64/],
] as const)("refused when read: %s", async (_, read, dtype, values, expected) => {
  const file = await one(dtype, values, [1]);
  expect(await failure(() => read(tensor(file, "a")))).toMatch(expected);
});

test("infinities and NaN of a checkpoint are read as they are", async () => {
  const values = Float64Array.of(Number.POSITIVE_INFINITY, Number.NaN);
  expect([...(await readFloats(tensor(await one("F64", values, [2]), "a")))]).toEqual([...values]);
});

test("every type of the format is accepted in a header", async () => {
  const types = Object.entries(storedBits);
  // Eight elements take as many bytes as one has bits.
  let at = 0;
  const fields = types.map(([dtype, bits]) => {
    at += bits;
    return [dtype, entry(dtype, [8], [at - bits, at])];
  });
  const file = await openBytes(safetensorsBytes(Object.fromEntries(fields), new Uint8Array(at)));
  expect(file.tensors.size).toBe(types.length);
});

test("a large tensor comes in pieces of whole elements", async () => {
  const file = await openBytes(floatFile({ odd: [3], a: [10] }));
  const pieces: (readonly [number, number])[] = [];
  await readTensor(
    tensor(file, "a"),
    (bytes, offset) => void pieces.push([offset, bytes.length]),
    16,
  );
  expect(pieces).toEqual([
    [0, 16],
    [16, 16],
    [32, 8],
  ]);
});
