/** The image side of a checkpoint's folder. */

import { recordAt } from "../json.ts";
import { type Folder, pathIn, readSettings, requireSettings } from "../weights/folder.ts";
import { type PreprocessSettings, preprocessSettings } from "./preprocess-settings.ts";

/**
 * What `folder` says is done to images: `preprocessor_config.json`, or `image_processor` of the
 * `processor_config.json` into which newer versions of transformers write everything.
 */
export async function openPreprocess(folder: Folder): Promise<PreprocessSettings> {
  const file = "preprocessor_config.json";
  const settings = await readSettings(folder, file);
  if (settings !== undefined) return preprocessSettings(settings, pathIn(folder, file));
  const joint = await readSettings(folder, "processor_config.json");
  const path = pathIn(folder, "processor_config.json");
  const part = joint === undefined ? undefined : recordAt(joint, "image_processor", path);
  if (part !== undefined) return preprocessSettings(part, `image_processor of ${path}`);
  const purpose = "which says how images are scaled and normalised";
  return preprocessSettings(await requireSettings(folder, file, purpose), pathIn(folder, file));
}
