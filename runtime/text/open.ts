/**
 * The text side of a checkpoint's folder: tokenizer, chat template and the ids that end an answer.
 */

import { BraidError } from "../errors.ts";
import { describe, isRecord, type JsonRecord, member, stringAt } from "../json.ts";
import { type Folder, pathIn, readSettings, readText, requireSettings } from "../weights/folder.ts";
import { type ChatTemplate, chatTemplate } from "./chat.ts";
import type { SpecialTokens } from "./special.ts";
import { type StopIds, stopIds } from "./stop.ts";
import { type Tokenizer, tokenizerOf } from "./tokenizer.ts";

/** What a checkpoint says about text. */
export interface TextSide {
  readonly tokenizer: Tokenizer;
  /** Undefined where the folder has none: then prompts are plain text. */
  readonly chat: ChatTemplate | undefined;
  readonly stop: StopIds;
}

/** Reads the text side of `folder`; only `tokenizer.json` must be there. */
export async function openText(folder: Folder): Promise<TextSide> {
  const purpose = "which says how text becomes tokens";
  const json = await requireSettings(folder, "tokenizer.json", purpose);
  const config = (await readSettings(folder, "tokenizer_config.json")) ?? {};
  const tokenizer = tokenizerOf({ folder: folder.name, tokenizer: json, config });
  const stop = stopIds(
    {
      generation: await readSettings(folder, "generation_config.json"),
      config: await readSettings(folder, "config.json"),
    },
    tokenizer,
  );
  return { tokenizer, chat: await openChat(folder, config, tokenizer.special), stop };
}

/** The template of its own file, else of the older file, else of the tokenizer's settings. */
async function openChat(
  folder: Folder,
  config: JsonRecord,
  special: SpecialTokens,
): Promise<ChatTemplate | undefined> {
  const own = await readText(folder, "chat_template.jinja");
  if (own !== undefined) return chatTemplate(own, pathIn(folder, "chat_template.jinja"), special);
  const olderFile = pathIn(folder, "chat_template.json");
  const older = await readSettings(folder, "chat_template.json");
  const text = older === undefined ? undefined : stringAt(older, "chat_template", olderFile);
  if (text !== undefined) return chatTemplate(text, olderFile, special);
  const file = `chat_template of ${pathIn(folder, "tokenizer_config.json")}`;
  const template = configured(member(config, "chat_template") ?? undefined, file);
  return template === undefined ? undefined : chatTemplate(template, file, special);
}

/** A template, or a list of named ones, of which the one called `default` is meant. */
function configured(value: unknown, file: string): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  const templates: readonly unknown[] = Array.isArray(value) ? value : [];
  for (const each of templates) {
    if (isRecord(each) && member(each, "name") === "default")
      return stringAt(each, "template", file);
  }
  throw new BraidError(
    "json/type",
    `${file} is ${describe(value)} without a \`default\` template`,
    {
      hint: "write the template to chat_template.jinja beside it",
    },
  );
}
