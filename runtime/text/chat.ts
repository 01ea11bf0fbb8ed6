/**
 * Conversations as prompts, by the checkpoint's chat template (Jinja, as in transformers).
 *
 * Templates of multimodal models walk over a message's parts; those of text models want its text.
 * Which of the two a template is, it is asked once, with a message of its own.
 */

import { Template } from "@huggingface/jinja";
import { BraidError, reasonOf } from "../errors.ts";
import type { SpecialTokens } from "./special.ts";
import { failingLine, syntaxLine } from "./template-line.ts";

/**
 * A piece of a message. An image's pixels go another way; the template puts a placeholder there.
 */
export type MessagePart =
  | { readonly type: "image" }
  | { readonly type: "text"; readonly text: string };

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: readonly MessagePart[];
}

/** A template that has been parsed. */
export interface ChatTemplate {
  /**
   * The text of `messages`, followed by what makes the model answer. `text/template` names the line
   * of the template that fails; `text/template-images` is a template that has no place for an
   * image.
   */
  render(messages: readonly ChatMessage[]): string;
}

/**
 * Parses `template`; `file` is what errors call it, and `special` are the tokens that it may write.
 */
export function chatTemplate(template: string, file: string, special: SpecialTokens): ChatTemplate {
  const source = { template, file, special };
  const parsed = parse(source);
  const takesParts = walksParts(parsed, special);
  return {
    render(messages) {
      if (takesParts) return render(parsed, source, messages);
      const plain = messages.map((message) => plainMessage(message, file));
      return render(parsed, source, plain);
    },
  };
}

interface Source {
  readonly template: string;
  readonly file: string;
  readonly special: SpecialTokens;
}

function parse({ template, file }: Source): Template {
  try {
    return new Template(template);
  } catch (error) {
    const line = syntaxLine(template);
    throw new BraidError("text/template", `${file}:${line}: ${reasonOf(error)}`, {
      hint: "the chat template is not the Jinja that transformers takes; fetch the file again",
      cause: error,
    });
  }
}

function render(parsed: Template, source: Source, messages: readonly unknown[]): string {
  const values = templateValues(messages, source.special);
  try {
    return parsed.render(values);
  } catch (error) {
    const line = failingLine(source.template, values);
    throw new BraidError("text/template", `${source.file}:${line}: ${reasonOf(error)}`, {
      hint: "give the conversation the form that the template wants, or the prompt as plain text",
      cause: error,
    });
  }
}

/** What transformers gives a template. */
function templateValues(
  messages: readonly unknown[],
  special: SpecialTokens,
): Record<string, unknown> {
  return { messages, tools: null, documents: null, add_generation_prompt: true, ...special };
}

/**
 * Whether the template walks over parts: then their text comes out, and no trace of the list that
 * held it.
 */
function walksParts(parsed: Template, special: SpecialTokens): boolean {
  const probe = "braid-probe";
  const messages = [{ role: "user", content: [{ type: "text", text: probe }] }];
  try {
    const text = parsed.render(templateValues(messages, special));
    return text.includes(probe) && !/["']type["']/.test(text);
  } catch {
    // A template of texts may well fail on a list, `content.strip()` for one.
    return false;
  }
}

function plainMessage({ role, content }: ChatMessage, file: string): unknown {
  const texts = content.map((part) => {
    if (part.type === "text") return part.text;
    throw new BraidError(
      "text/template-images",
      `the chat template ${file} has no place for images`,
      {
        hint: "use a template that takes images, or write the placeholder into a plain prompt",
      },
    );
  });
  return { role, content: texts.join("\n") };
}
