/** Numbers that a model text takes `from` a checkpoint's `config.json`: they must agree. */

import type { Plan } from "../contract.ts";
import { BraidError } from "../errors.ts";
import { describe, isRecord, type JsonRecord } from "../json.ts";

/**
 * Compares each check with every member of `config`, at any depth, whose path ends in its key
 * (`rope_theta`, or `text_config.hidden_size` where several parts have one). Throws
 * `weights/config` with all that disagree; gives the keys that the file does not have, which is no
 * error, since transformers leaves defaults out.
 */
export function checkConfig(
  checks: Plan["configChecks"],
  config: JsonRecord,
  file: string,
): readonly string[] {
  const members = membersOf(config, "");
  const wrong = checks.flatMap(({ key, value }) =>
    members
      .filter((each) => endsIn(each.path, key) && each.value !== value)
      .map((each) => `  ${each.path} is ${describe(each.value)}, but the model says ${value}`),
  );
  if (wrong.length > 0) {
    throw new BraidError(
      "weights/config",
      `the model disagrees with ${file}:\n${wrong.join("\n")}`,
      {
        hint: "take another checkpoint, change the number, or name the part, as in `from text_config.hidden_size`",
      },
    );
  }
  const isThere = (key: string): boolean => members.some((each) => endsIn(each.path, key));
  return checks.map((check) => check.key).filter((key) => !isThere(key));
}

interface Member {
  /** Keys from the top, joined by dots. */
  readonly path: string;
  readonly value: unknown;
}

function membersOf(record: JsonRecord, prefix: string): readonly Member[] {
  return Object.entries(record).flatMap(([key, value]) => {
    const path = `${prefix}${key}`;
    if (value === null) return [];
    return isRecord(value) ? membersOf(value, `${path}.`) : [{ path, value }];
  });
}

function endsIn(path: string, key: string): boolean {
  return path === key || path.endsWith(`.${key}`);
}
