/** Files fetched whole and side by side, with progress. */

import { BraidError, type Folder, memoryFolder } from "braid/runtime";
import type { ShippedFile } from "./shipped.ts";

/** Bytes that have come, and bytes that will have come at the end, as far as that is known. */
export type DownloadProgress = (done: number, total: number) => void;

/**
 * The files as a folder in memory. A checkpoint as small as this one comes soonest with one request
 * for each file; for a large one `fetchFolder` reads tensor by tensor.
 */
export async function downloadFolder(
  files: readonly ShippedFile[],
  progress: DownloadProgress,
): Promise<Folder> {
  const done = files.map(() => 0);
  const totals = files.map(() => 0);
  const tell = (): void => progress(sum(done), sum(totals));
  const contents = await Promise.all(
    files.map((file, index) =>
      download(file, (received, total) => {
        done[index] = received;
        totals[index] = Math.max(received, total);
        tell();
      }),
    ),
  );
  return memoryFolder(
    "weights",
    new Map(contents.map((bytes, at) => [files[at]?.name ?? "", bytes])),
  );
}

/** The bytes of one file. Throws `page/fetch` if they do not come. */
export async function download(
  { name, address }: ShippedFile,
  progress: DownloadProgress = () => undefined,
): Promise<Uint8Array> {
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`the server says ${answer.status} ${answer.statusText}`);
    const total = Number(answer.headers.get("Content-Length") ?? 0);
    const parts: Uint8Array[] = [];
    let received = 0;
    for await (const part of pieces(answer)) {
      parts.push(part);
      received += part.length;
      progress(received, total);
    }
    return joined(parts, received);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BraidError("page/fetch", `${name} cannot be fetched: ${reason}`, {
      hint: "check the connection, and that the page's files are served together",
      cause: error,
    });
  }
}

/** The body piece by piece; Safari's streams cannot be iterated over. */
async function* pieces(answer: Response): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = answer.body?.getReader();
  for (;;) {
    const next = await reader?.read();
    if (next === undefined || next.done) return;
    yield next.value;
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
