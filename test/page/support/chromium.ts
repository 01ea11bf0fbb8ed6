/**
 * A headless Chromium, spoken to over the pipe of its DevTools protocol: JSON messages with a zero
 * byte after each, in on descriptor 3 and out on descriptor 4.
 *
 * https://chromedevtools.github.io/devtools-protocol
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { Missing } from "../../support/require.ts";

/** The program's path, or why there is none. `BRAID_CHROMIUM` names one that is elsewhere. */
export function findChromium(): string | Missing {
  const names = [
    process.env["BRAID_CHROMIUM"] ?? "",
    "chromium",
    "chromium-browser",
    "google-chrome",
  ];
  const tried = names.filter((name) => name !== "");
  const found = tried.find((name) => spawnSync(name, ["--version"]).status === 0);
  return found ?? new Missing(`none of ${tried.join(", ")} starts`);
}

/** Starts without asking for anything and without talking to anybody. */
const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--remote-debugging-pipe",
];

/** Which WebGPU the browser has. */
export type BrowserGpu = "software" | "none";

const gpuFlags: Readonly<Record<BrowserGpu, readonly string[]>> = {
  software: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
  none: ["--disable-gpu"],
};

/** A browser with one page. */
export class Browser {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #send: Writable;
  readonly #complaints: string[] = [];
  readonly #waiting: Map<number, (answer: Message) => void> = new Map();
  #session: string | undefined;
  #count: number = 0;

  private constructor(program: string, gpu: BrowserGpu) {
    this.#profile = mkdtempSync(join(tmpdir(), "braid-page-"));
    const args = [...flags, ...gpuFlags[gpu], `--user-data-dir=${this.#profile}`, "about:blank"];
    this.#process = spawn(program, args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const [, , , send, receive] = this.#process.stdio;
    if (!(send instanceof Writable && receive instanceof Readable)) throw new Error("no pipes");
    this.#send = send;
    this.#process.once("close", () => {
      for (const settle of this.#waiting.values()) settle({ error: { message: "it has ended" } });
    });
    let rest = Buffer.alloc(0);
    receive.on("data", (part: Buffer) => {
      rest = Buffer.concat([rest, part]);
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
        this.#receive(rest.toString("utf8", 0, end));
        rest = rest.subarray(end + 1);
      }
    });
  }

  /** Starts Chromium and opens an empty page. */
  static async start(program: string, gpu: BrowserGpu): Promise<Browser> {
    const browser = new Browser(program, gpu);
    const { targetId } = await browser.call("Target.createTarget", { url: "about:blank" });
    const attached = await browser.call("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = String(attached["sessionId"]);
    for (const domain of ["Page", "Runtime", "Log"]) await browser.call(`${domain}.enable`, {});
    return browser;
  }

  /** What the page threw and nobody caught, and what the browser logged as an error. */
  get complaints(): readonly string[] {
    return this.#complaints;
  }

  /** Calls a method of the protocol on the page. */
  call(method: string, params: Readonly<Record<string, unknown>>): Promise<Result> {
    this.#count++;
    const id = this.#count;
    const sessionId = this.#session;
    const message = { id, method, params, ...(sessionId === undefined ? {} : { sessionId }) };
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
      this.#send.write(`${JSON.stringify(message)}\0`);
    });
  }

  /** Opens an address; resolves when the document and its scripts are there. */
  async open(address: string): Promise<void> {
    const { errorText } = await this.call("Page.navigate", { url: address });
    if (errorText !== undefined) throw new Error(`${address}: ${String(errorText)}`);
    await this.until(`location.href !== "about:blank" && document.readyState === "complete"`);
  }

  /** The value of an expression in the page; promises are waited for. */
  async evaluate(expression: string): Promise<unknown> {
    const settings = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", settings);
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return typeof result === "object" && result !== null && "value" in result
      ? result.value
      : undefined;
  }

  /** Waits until an expression in the page holds; says what it was if that takes too long. */
  async until(expression: string, milliseconds: number = 60_000): Promise<void> {
    const end = Date.now() + milliseconds;
    while ((await this.evaluate(`Boolean(${expression})`)) !== true) {
      if (Date.now() > end) {
        const text = String(await this.evaluate("document.body?.innerText"));
        throw new Error(`the page did not come to: ${expression}\nIt shows:\n${text}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends Chromium, by force if it does not go by itself, and removes its profile. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("close", resolve));
    this.#session = undefined;
    const patience = setTimeout(() => this.#process.kill("SIGKILL"), 10_000);
    await Promise.all([ended, this.call("Browser.close", {}).catch(() => undefined)]);
    clearTimeout(patience);
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  #receive(text: string): void {
    const answer: Message = JSON.parse(text);
    if (answer.id !== undefined) {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    }
    const entry = answer.params?.entry;
    const thrown = answer.method === "Runtime.exceptionThrown";
    if (thrown || entry?.level === "error") this.#complaints.push(text);
  }
}

type Result = Readonly<Record<string, unknown>>;

/** An answer to a call, or an event. */
interface Message {
  readonly id?: number;
  readonly result?: Result;
  readonly error?: { readonly message: string };
  readonly method?: string;
  readonly params?: { readonly entry?: { readonly level: string } };
}
