/**
 * The families of checkpoints that `braid import` knows. A family is a spec of `examples`; what its
 * dims and parameters take `from` the configuration is read there, and the rest is said here.
 */

import type { CheckpointSettings } from "./settings.ts";

/** One family. */
export interface Family {
  /** Values of `model_type` in `config.json`. */
  readonly types: readonly string[];
  /** The spec in `examples`, without its ending, and its model. */
  readonly spec: string;
  readonly model: string;
  /** Where the configuration of a part of a larger model is: keys of the spec are inside of it. */
  readonly part?: string;
  /** Values that the spec does not read by itself, as expressions of Braid. */
  readonly settings: (config: CheckpointSettings) => Readonly<Record<string, string | undefined>>;
  /** What transformers takes where the configuration leaves a key out. */
  readonly defaults?: Readonly<Record<string, number>>;
  /** Settings that must have these values where they are present, since the spec has no others. */
  readonly only?: Readonly<Record<string, readonly unknown[]>>;
}

const plainRotary = { rope_type: ["default"], "rope_scaling.type": [], attention_bias: [false] };

const llamaDefaults = {
  hidden_size: 4096,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  head_dim: 128,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  vocab_size: 32000,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
};

/** A decoder for text: heads have an even share of the width unless the configuration says otherwise. */
function decoderSettings(config: CheckpointSettings): Readonly<Record<string, string | undefined>> {
  const [width, heads] = [config.number("hidden_size"), config.number("num_attention_heads")];
  const own = width === undefined || heads === undefined ? undefined : width / heads;
  return {
    E: text(config.number("head_dim") ?? own),
    G: text(config.number("num_key_value_heads") ?? heads),
  };
}

function windowed(config: CheckpointSettings): string | undefined {
  const width = config.number("sliding_window");
  return width === undefined ? undefined : `causal and window(${width})`;
}

const text = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : `${value}`;

function list(value: unknown): string | undefined {
  return Array.isArray(value) ? `[${value.join(", ")}]` : undefined;
}

const towers = { hidden_act: ["quick_gelu"] };

export const families: readonly Family[] = [
  {
    types: ["llama"],
    spec: "llama/llama",
    model: "Llama",
    settings: decoderSettings,
    defaults: llamaDefaults,
    only: { ...plainRotary, mlp_bias: [false], hidden_act: ["silu"] },
  },
  {
    types: ["mistral"],
    spec: "llama/llama",
    model: "Llama",
    settings: (config) => ({ ...decoderSettings(config), sees: windowed(config) }),
    defaults: { ...llamaDefaults, num_key_value_heads: 8, intermediate_size: 14336 },
    only: { ...plainRotary, hidden_act: ["silu"] },
  },
  {
    types: ["qwen2"],
    spec: "llama/llama",
    model: "Llama",
    settings: (config) => ({ ...decoderSettings(config), biased: "true" }),
    only: { rope_type: ["default"], use_sliding_window: [false], hidden_act: ["silu"] },
  },
  {
    types: ["mixtral"],
    spec: "llama/mixtral",
    model: "Mixtral",
    settings: (config) => ({ ...decoderSettings(config), sees: windowed(config) }),
    only: { ...plainRotary, hidden_act: ["silu"] },
  },
  {
    types: ["clip_vision_model"],
    spec: "clip/clip",
    model: "Clip",
    settings: () => ({}),
    only: towers,
  },
  {
    types: ["clip"],
    spec: "clip/clip",
    model: "Clip",
    part: "vision_config",
    settings: () => ({}),
    only: { "vision_config.hidden_act": ["quick_gelu"] },
  },
  {
    types: ["siglip_vision_model"],
    spec: "clip/siglip",
    model: "Siglip",
    settings: () => ({}),
    only: { hidden_act: ["gelu_pytorch_tanh"] },
  },
  {
    types: ["siglip"],
    spec: "clip/siglip",
    model: "Siglip",
    part: "vision_config",
    settings: () => ({}),
    only: { "vision_config.hidden_act": ["gelu_pytorch_tanh"] },
  },
  {
    types: ["llava"],
    spec: "llava/llava",
    model: "Llava7b",
    settings: (config) => {
      const layers = config.number("vision_config.num_hidden_layers");
      const last = config.number("vision_feature_layer") ?? -2;
      return {
        // A checkpoint that was trained with composite attention says so (examples/ee-mllm).
        sees: config.find("braid_attention") === undefined ? undefined : "composite",
        TowerLayers: text(last >= 0 || layers === undefined ? last : layers + 1 + last),
        G: text(
          config.number("text_config.num_key_value_heads") ??
            config.number("text_config.num_attention_heads"),
        ),
      };
    },
    defaults: Object.fromEntries(
      Object.entries(llamaDefaults).map(([key, value]) => [`text_config.${key}`, value]),
    ),
    only: {
      "text_config.model_type": ["llama", "mistral"],
      "vision_config.model_type": ["clip_vision_model"],
      "vision_config.hidden_act": ["quick_gelu"],
      vision_feature_select_strategy: ["default"],
      projector_hidden_act: ["gelu"],
      rope_type: ["default"],
    },
  },
  {
    types: ["qwen2_vl"],
    spec: "qwen2-vl/qwen2-vl",
    model: "Qwen2Vl",
    settings: (config) => {
      const sections = config.find("mrope_section");
      const [time, row] = Array.isArray(sections) ? sections : [];
      return { TimeAngles: text(time), RowAngles: text(row) };
    },
    only: { "vision_config.spatial_merge_size": [2], use_sliding_window: [false] },
  },
  {
    types: ["mllama"],
    spec: "llama-3.2-vision/llama-3.2-vision",
    model: "Llama32Vision",
    settings: (config) => {
      const aspects = config.find("supported_aspect_ratios");
      const table = config.shape("language_model.model.embed_tokens.weight")?.[0];
      const words = config.number("text_config.vocab_size");
      return {
        taps: list(config.find("intermediate_layers_indices")),
        crosses: list(config.find("cross_attention_layers")),
        Aspects: Array.isArray(aspects) ? `${aspects.length + 1}` : undefined,
        Extra: table === undefined || words === undefined ? undefined : `${table - words}`,
      };
    },
    only: { "text_config.hidden_act": ["silu"], "vision_config.hidden_act": ["gelu"] },
  },
  {
    types: ["blip_2_qformer"],
    spec: "blip2/blip2",
    model: "QFormer",
    settings: (config) => ({
      Q: text(config.shape("query_tokens")?.[1]),
      Out: text(config.shape("language_projection.weight")?.[0]),
    }),
    only: { cross_attention_frequency: [2], hidden_act: ["gelu"] },
  },
];
