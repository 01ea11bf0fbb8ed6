/**
 * Files behind an address: servers that know ranges, servers that do not, and servers that fail.
 */

import { expect, test } from "vitest";
import { fetchFolder, readText } from "../../../runtime/weights/folder.ts";
import { type Fetch, fetchReader, memoryReader } from "../../../runtime/weights/reader.ts";
import { failure } from "./sample-files.ts";

const content = Uint8Array.of(10, 11, 12, 13, 14, 15);

/** A server with `content` at `/f`, that keeps a list of the ranges asked for. */
function server(ranges: boolean, asked: string[] = []): Fetch {
  return async (address, options) => {
    const range = new Headers(options?.headers).get("Range");
    asked.push(range ?? "all");
    if (!address.endsWith("/f")) return new Response(null, { status: 404 });
    const [, from, to] = range?.match(/^bytes=(\d+)-(\d+)$/) ?? [];
    if (!ranges || from === undefined) return new Response(content);
    const headers = { "Content-Range": `bytes ${from}-${to}/${content.length}` };
    return new Response(content.slice(Number(from), Number(to) + 1), { status: 206, headers });
  };
}

test("with ranges only what is read is fetched", async () => {
  const asked: string[] = [];
  const reader = await fetchReader("http://host/f", server(true, asked));
  expect(reader?.size).toBe(6);
  expect([...((await reader?.read(2, 3)) ?? [])]).toEqual([12, 13, 14]);
  expect([...((await reader?.read(6, 0)) ?? [1])]).toEqual([]);
  expect(asked).toEqual(["bytes=0-0", "bytes=2-4"]);
});

test("without ranges the whole is fetched once", async () => {
  const asked: string[] = [];
  const reader = await fetchReader("http://host/f", server(false, asked));
  expect(reader?.size).toBe(6);
  expect([...((await reader?.read(2, 3)) ?? [])]).toEqual([12, 13, 14]);
  expect(asked).toEqual(["bytes=0-0"]);
});

test("a folder behind an address", async () => {
  const folder = fetchFolder("http://host/model/", server(true));
  expect(folder.name).toBe("http://host/model");
  expect(await folder.open("absent")).toBeUndefined();
  expect(await readText(folder, "f")).toBe("\n\u000b\f\r\u000e\u000f");
});

test.each<readonly [string, Fetch, RegExp]>([
  [
    "refusal",
    async () => new Response(null, { status: 403, statusText: "Forbidden" }),
    /weights\/fetch: http:\/\/host\/f answered 403 Forbidden/,
  ],
  [
    "no connection",
    async () => Promise.reject(new TypeError("fetch failed")),
    /weights\/fetch: .*cannot be reached: fetch failed/,
  ],
  [
    "short answer",
    async (_, options) =>
      new Response(content.slice(0, 1), {
        status: 206,
        headers: { "Content-Range": "bytes 0-0/6" },
        ...(options && {}),
      }),
    /weights\/truncated: .*1 of 4 bytes/,
  ],
])("an address that fails: %s", async (_, ask, expected) => {
  const work = async (): Promise<unknown> => (await fetchReader("http://host/f", ask))?.read(1, 4);
  expect(await failure(work)).toMatch(expected);
});

test("an empty file behind a server that refuses its first byte", async () => {
  const ask: Fetch = async (_, options) =>
    new Headers(options?.headers).has("Range")
      ? new Response(null, { status: 416, headers: { "Content-Range": "bytes */0" } })
      : new Response(new Uint8Array(0));
  expect((await fetchReader("http://host/f", ask))?.size).toBe(0);
});

test("reading past the end is our own mistake", async () => {
  await expect(memoryReader("m", content).read(4, 3)).rejects.toThrow("Braid broke its own rule");
});
