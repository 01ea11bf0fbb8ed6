/** What `braid build` writes for `ee-mllm.braid`, as far as the page uses it. */

declare module "ee-mllm/model" {
  import type { LoadOptions, Plan, Session } from "braid/runtime";

  export const plan: Plan;

  export class EeMllm {
    readonly session: Session;
    static load(options: LoadOptions): Promise<EeMllm>;
  }
}

/** The folder's kernels as the bundler packs them: see `build.mjs`. */
declare module "ee-mllm/gpu-kernels" {
  /** WGSL by kernel name. */
  export const sources: Readonly<Record<string, string>>;
}

declare module "ee-mllm/cpu-kernels" {
  /** Where the module of all CPU kernels lies. */
  export const address: string;
}
