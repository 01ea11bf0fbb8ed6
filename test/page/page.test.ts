/** The page in headless Chromium, on the CPU and on WebGPU, answers as the runtime does in Node. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect } from "vitest";
import { Assistant } from "../../runtime/assistant.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { diskFolder } from "../../runtime/node/index.ts";
import { Session } from "../../runtime/session.ts";
import { checkpointWeights } from "../../runtime/weight-source.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { matchWeights } from "../../runtime/weights/match.ts";
import { Missing, testWith } from "../support/require.ts";
import { type BuiltPage, buildPage } from "./support/build-page.ts";
import { Browser, type BrowserGpu, findChromium } from "./support/chromium.ts";
import { type Served, serve } from "./support/serve.ts";
import { Visitor } from "./support/visitor.ts";

const example = "examples/ee-mllm";
const chromium = findChromium();
let page: BuiltPage;
let served: Served;

beforeAll(async () => {
  if (chromium instanceof Missing) return;
  page = buildPage();
  served = await serve(page.folder);
});

afterAll(async () => {
  await served?.close();
  page?.remove();
});

for (const [device, gpu, query] of [
  ["CPU", "none", ""],
  ["WebGPU", "software", "?backend=webgpu"],
] as const) {
  testWith("chromium", chromium, `questions about a picture, on ${device}`, (program) =>
    visit(program, gpu, query, async (visitor) => {
      expect(await visitor.device()).toMatch(
        device === "CPU" ? "No WebGPU adapter: using the CPU." : /^Using WebGPU on .*, as asked\.$/,
      );
      await visitor.pick("0.png");
      const questions = ["how many objects are there?", reference.question];
      const expected = await answersInNode(readFileSync(`${example}/images/0.png`), questions);
      const first = await visitor.ask("how many objects are there?");
      expect(first.answer).toBe(expected[0]);
      expect(first.ran).toMatchObject({ image: true, place: true, prompt: true });
      const second = await visitor.ask(reference.question);
      expect(second.answer).toBe(expected[1]);
      expect(second.ran).toMatchObject({ image: false, place: false, prompt: true });
      await visitor.drop("holiday.png", readFileSync(`${example}/images/0.png`).subarray(0, 900));
      await visitor.browser.until(`!document.querySelector("#error").hidden`);
      expect(await visitor.error()).toBe(
        "holiday.png ends in the middle of the image. Fetch or save the image again.",
      );
      const third = await visitor.ask("how many objects are there?");
      expect(third.ran).toMatchObject({ image: false, place: false });
    }),
  );
}

testWith("chromium", chromium, "a reference answer", (program) =>
  visit(program, "none", "", async (visitor) => {
    await visitor.pick("0.png");
    expect((await visitor.ask(reference.question)).answer).toBe(reference.answer);
  }),
);

testWith("chromium", chromium, "a picture of the visitor's own", (program) =>
  visit(program, "none", "", async (visitor) => {
    const bytes = readFileSync(`${example}/images/5.png`);
    const question = "what color is the triangle?";
    await visitor.drop("mine.png", bytes);
    await visitor.browser.until(`document.querySelector("#shown").alt.includes("mine.png")`);
    const { answer, ran } = await visitor.ask(question);
    expect([answer]).toEqual(await answersInNode(bytes, [question]));
    expect(ran).toMatchObject({ image: true });
    await visitor.drop("mine.gif", new TextEncoder().encode("GIF89a"));
    await visitor.browser.until(`!document.querySelector("#error").hidden`);
    expect(await visitor.error()).toBe(
      "mine.gif is a GIF image, not a PNG or JPEG image. Save it as PNG or JPEG.",
    );
    await visitor.pick("0.png");
    expect(await visitor.error()).toBe("");
  }),
);

testWith("chromium", chromium, "a device that is not there, then one that is", (program) =>
  visit(program, "none", "?backend=webgpu", async (visitor) => {
    expect(await visitor.error()).toBe(
      "There is no WebGPU adapter here. Choose another device above.",
    );
    await visitor.choose("cpu");
    expect(await visitor.error()).toBe("");
    expect(await visitor.device()).toBe("Using the CPU, as asked.");
    expect((await visitor.ask("how many objects are there?")).answer).not.toBe("");
  }),
);

testWith(
  "chromium",
  chromium,
  "a question before the model is open waits, and nothing moves",
  (program) =>
    visit(program, "none", "", async (visitor) => {
      await visitor.browser.open(served.address);
      await visitor.browser.evaluate(`document.querySelector(".suggestion").click()`);
      expect((await visitor.answered(0)).ran).toMatchObject({ image: true });
      expect(await visitor.moved()).toEqual([]);
    }),
);

testWith(
  "chromium",
  chromium,
  "weights that do not come are fetched again on demand",
  async (program) => {
    const browser = await Browser.start(program, "none");
    const visitor = new Visitor(browser);
    try {
      served.hide(".safetensors");
      await visitor.open(served.address);
      expect(await visitor.error()).toBe(
        "model.safetensors cannot be fetched: the server says 404 Not Found. Check the connection, and that the page's files are served together.",
      );
      served.hide(undefined);
      await browser.evaluate(`document.querySelector("#retry").click()`);
      await visitor.settled();
      expect(await visitor.error()).toBe("");
      expect((await visitor.ask("how many objects are there?")).answer).not.toBe("");
    } finally {
      served.hide(undefined);
      await browser.close();
    }
  },
);

/** A question about `images/0.png` with the answer of the training framework. */
const reference = {
  question: "how many green objects are there?",
  answer: evaluationAnswer("images/0.png", "how many green objects are there?"),
};

function evaluationAnswer(image: string, question: string): string {
  const { questions }: Evaluation = JSON.parse(readFileSync(`${example}/evaluation.json`, "utf8"));
  const found = questions.find((each) => each.image === image && each.question === question);
  if (found === undefined) throw new Error(`no reference for ${question}`);
  return found.reference;
}

interface Evaluation {
  readonly questions: readonly {
    readonly image: string;
    readonly question: string;
    readonly reference: string;
  }[];
}

/** The page in a fresh browser; nothing may be thrown or logged as an error meanwhile. */
async function visit(
  program: string,
  gpu: BrowserGpu,
  query: string,
  body: (visitor: Visitor) => Promise<void>,
): Promise<void> {
  const browser = await Browser.start(program, gpu);
  try {
    const visitor = new Visitor(browser);
    await visitor.open(`${served.address}${query}`);
    await body(visitor);
    expect(browser.complaints).toEqual([]);
  } finally {
    await browser.close();
  }
}

/** The answers of one conversation about an image, on the CPU in this process. */
async function answersInNode(
  bytes: Uint8Array,
  questions: readonly string[],
): Promise<readonly string[]> {
  const folder = diskFolder(`${example}/weights`);
  const checkpoint = await openCheckpoint(folder);
  const { model } = page;
  const match = matchWeights(model.plan.weights, checkpoint.tensors, folder.name);
  const weights = checkpointWeights(match);
  const session = await Session.open({ model, backend: createCpuBackend(), weights });
  await checkpoint.close();
  const assistant = await Assistant.open(session, folder);
  await assistant.show([{ name: "picture.png", bytes }]);
  const answers: string[] = [];
  for (const question of questions) {
    let answer = "";
    for await (const event of assistant.ask(question)) answer += event.text;
    answers.push(answer.trim());
  }
  session.close();
  return answers;
}
