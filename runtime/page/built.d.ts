/** What `build.mjs` gives the page of a model that `braid build` wrote. */

declare module "page/model" {
  import type { LoadOptions, Plan, Session } from "braid/runtime";

  export const plan: Plan;

  /** The class of the model, whatever its name. */
  export class Model {
    readonly session: Session;
    static load(options: LoadOptions): Promise<Model>;
  }
}

declare module "page/checkpoint" {
  /** The files of the checkpoint, which lie beside the page. */
  export const files: readonly { readonly name: string; readonly address: string }[];
}

declare module "page/gpu-kernels" {
  /** WGSL by kernel name. */
  export const sources: Readonly<Record<string, string>>;
}

declare module "page/cpu-kernels" {
  /** Where the modules of all CPU kernels lie, by the name of the file. */
  export const addresses: Readonly<Record<string, string>>;
}
