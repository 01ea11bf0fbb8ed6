/** From a checkpoint's settings to a spec that loads it, or to what stands in the way. */

import type { JsonRecord } from "../../../runtime/json.ts";
import type { TensorInfo } from "../../../runtime/weights/safetensors.ts";
import { parse } from "../../../grammar/index.ts";
import { stdSources } from "../../std/sources.ts";
import { UsageError } from "../usage-error.ts";
import { families, type Family } from "./families.ts";
import { type InlinedSpec, inlineSpec, renderSpec } from "./inline.ts";
import { CheckpointSettings } from "./settings.ts";
import { templates } from "./templates.ts";

/** The spec of a checkpoint, and the family it is of. */
export interface ImportedSpec {
  readonly text: string;
  readonly type: string;
  readonly model: string;
}

/** Writes the spec for a `config.json`. Throws `UsageError` if its family or a setting is not known. */
export function makeSpec(
  config: JsonRecord,
  tensors: ReadonlyMap<string, TensorInfo>,
  folder: string,
): ImportedSpec {
  const type = config["model_type"];
  const family = families.find(({ types }) => typeof type === "string" && types.includes(type));
  if (family === undefined || typeof type !== "string") {
    const known = families.flatMap(({ types }) => types).sort();
    throw new UsageError(
      typeof type === "string"
        ? `${folder}/config.json is of the family ${type}, which cannot be imported`
        : `${folder}/config.json has no model_type, so its family is not known`,
      `families that can be: ${known.join(", ")}; others are written by hand, as in examples`,
    );
  }
  const settings = new CheckpointSettings(config, tensors);
  refuseOthers(family, settings, folder);
  const spec = inlineSpec(templates, family.spec, family.model);
  const values = valuesOf(family, spec, settings, folder);
  importMasks(spec, values);
  const model = modelName(config, family);
  const head = `/// Imported from the configuration of a ${type} checkpoint, after examples/${family.spec}.braid.\n`;
  return { text: renderSpec(spec, model, head, values, family.part), type, model };
}

/** Refuses settings that the spec has no words for. */
function refuseOthers(family: Family, settings: CheckpointSettings, folder: string): void {
  const wrong = Object.entries(family.only ?? {}).flatMap(([key, allowed]) => {
    const value = settings.find(key);
    if (value === undefined || allowed.includes(value)) return [];
    const wanted = allowed.length === 0 ? "nothing" : allowed.map((each) => `${each}`).join(" or ");
    return [`  ${key} is ${JSON.stringify(value)}, and only ${wanted} can be imported`];
  });
  if (wrong.length === 0) return;
  throw new UsageError(
    `${folder}/config.json asks for what examples/${family.spec}.braid does not do:\n${wrong.join("\n")}`,
    `copy that file and write it there`,
  );
}

/** The values of the model's dims and parameters, by name. */
function valuesOf(
  family: Family,
  { model }: InlinedSpec,
  settings: CheckpointSettings,
  folder: string,
): Map<string, string> {
  const values = new Map<string, string>();
  const missing: { readonly name: string; readonly key: string }[] = [];
  for (const { name, from } of [...model.dims, ...model.parameters]) {
    if (from === undefined) continue;
    const key = family.part === undefined ? from.text : `${family.part}.${from.text}`;
    const value = settings.number(key) ?? family.defaults?.[from.text];
    if (value !== undefined) values.set(name.text, `${value}`);
    else missing.push({ name: name.text, key });
  }
  for (const [name, value] of Object.entries(family.settings(settings))) {
    if (value !== undefined) values.set(name, value);
  }
  const keys = missing.filter(({ name }) => !values.has(name)).map(({ key }) => key);
  if (keys.length > 0) {
    throw new UsageError(
      `${folder}/config.json lacks ${keys.join(", ")}`,
      "add what the model was made with",
    );
  }
  return values;
}

/** Imports the masks of the standard library that a value names. */
function importMasks({ imports }: InlinedSpec, values: ReadonlyMap<string, string>): void {
  const file = "std/attention";
  const { module } = parse({ file, text: stdSources.get(file) ?? "" });
  const masks = new Set(
    module.declarations.flatMap((each) => (each.kind === "mask" ? [each.name.text] : [])),
  );
  for (const value of values.values()) {
    for (const [word] of value.matchAll(/[a-z_]+/g)) {
      if (masks.has(word)) imports.set(file, (imports.get(file) ?? new Set()).add(word));
    }
  }
}

/** The class that the configuration names; the family's model where it names none. */
function modelName(config: JsonRecord, family: Family): string {
  const named: unknown = Array.isArray(config["architectures"])
    ? config["architectures"][0]
    : undefined;
  return typeof named === "string" && /^[A-Z][A-Za-z0-9_]*$/.test(named) ? named : family.model;
}
