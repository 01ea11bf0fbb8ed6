/** A folder served over HTTP on this machine, as any server of static files would. */

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

/** What browsers insist on; everything else is bytes. */
const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

/** A server that listens. */
export interface Served {
  /** The address of the folder, with a slash at its end. */
  readonly address: string;
  /** Files with this ending are not found from now on; none are hidden with `undefined`. */
  hide(ending: string | undefined): void;
  close(): Promise<void>;
}

/** Serves `folder` below `/some/where/`, so that the page must not assume to lie at the top. */
export async function serve(folder: string): Promise<Served> {
  const prefix = "/some/where/";
  let hidden: string | undefined;
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    const inside = normalize(path.slice(prefix.length));
    const file = join(folder, inside === "." || inside === "" ? "index.html" : inside);
    const isHidden = hidden !== undefined && file.endsWith(hidden);
    const isInside = path.startsWith(prefix) && !inside.startsWith("..");
    if (isHidden || !isInside || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      "Content-Type": types[extname(file)] ?? "application/octet-stream",
      "Content-Length": statSync(file).size,
    });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return {
    address: `http://127.0.0.1:${port}${prefix}`,
    hide: (ending) => {
      hidden = ending;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
