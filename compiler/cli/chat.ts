/** `braid chat`: question after question about the same images. */

import { createInterface } from "node:readline";
import type { Command } from "commander";
import { readImages } from "./images.ts";
import { loadModel } from "./model-options.ts";
import { openAssistant } from "./open-model.ts";
import { type AnswerOptions, printAnswer, withAnswerOptions } from "./run.ts";
import { say } from "./terminal.ts";

const help = [
  "/image FILE   look at another image and start anew",
  "/new          start anew with the same image",
  "/quit         end (or Ctrl-D)",
].join("\n");

/** Adds the verb. */
export function addChat(program: Command): void {
  withAnswerOptions(program.command("chat"))
    .description("ask question after question; images are looked at once")
    .argument("<file>", "the .braid file")
    .addHelpText(
      "after",
      `\nAt the prompt:\n${help}\n\nExample:\n  braid chat examples/ee-mllm/ee-mllm.braid --image examples/ee-mllm/images/0.png`,
    )
    .action(async (file: string, options: AnswerOptions) => {
      const model = loadModel(file, options);
      if (model === undefined) return;
      const images = await readImages(options.image);
      const assistant = await openAssistant(model, file, options);
      if (images.length > 0) await assistant.show(images);
      const terminal = process.stdin.isTTY === true;
      if (terminal) say(help);
      const lines = createInterface({ input: process.stdin, output: process.stderr, prompt: "> " });
      if (terminal) lines.prompt();
      for await (const line of lines) {
        const question = line.trim();
        if (question === "/quit") break;
        if (question === "/new") assistant.forget();
        else if (question.startsWith("/image ")) {
          const path = question.slice(7).trim();
          await tellErrors(async () => assistant.show(await readImages([path])));
        } else if (question.startsWith("/")) say(help);
        else if (question !== "") {
          await tellErrors(async () => {
            say(await printAnswer(assistant, question, options));
          });
        }
        if (terminal) lines.prompt();
      }
      lines.close();
      options.trace?.write();
      assistant.session.backend.close();
    });
}

/** A wrong path or an overlong prompt does not end the conversation. */
async function tellErrors(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    say(`error: ${error.message}`);
  }
}
