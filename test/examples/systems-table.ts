/** The rows of `examples/README.md`: which model of which spec stands for a system, and for which prompt. */

/** One system of the field. */
export interface SystemEntry {
  readonly name: string;
  /** An arXiv number. */
  readonly paper?: string;
  /** The spec in `examples` without its ending, and the model at its published size. */
  readonly spec: string;
  readonly model: string;
  /** As `braid explain --length` takes it. */
  readonly length: string;
  /** The model that an oracle is held against, and the test that does. */
  readonly oracle?: { readonly test: string; readonly model: string };
}

const image = "image=1,text=64";
const systems = "test/oracle/systems.test.ts";

export const systemEntries: readonly SystemEntry[] = [
  {
    name: "EE-MLLM 7B",
    paper: "2408.11795",
    spec: "ee-mllm/ee-mllm-7b",
    model: "EeMllm7b",
    length: image,
    oracle: { test: "test/oracle/answers.test.ts", model: "ValueOutputMlp" },
  },
  {
    name: "LLaVA-1.5 7B",
    paper: "2310.03744",
    spec: "llava/llava",
    model: "Llava7b",
    length: image,
    oracle: { test: "test/oracle/answers.test.ts", model: "Llava" },
  },
  {
    name: "LLaVA-1.5 13B",
    paper: "2310.03744",
    spec: "llava/llava",
    model: "Llava13b",
    length: image,
    oracle: { test: "test/oracle/answers.test.ts", model: "Llava" },
  },
  {
    name: "LLaVA-NeXT 7B",
    spec: "llava-next/llava-next",
    model: "LlavaNext7b",
    length: "tile=5,visual=2340,text=64",
  },
  {
    name: "Honeybee 7B, C-Abstractor",
    paper: "2312.06742",
    spec: "honeybee/honeybee",
    model: "Honeybee7bC",
    length: image,
    oracle: { test: systems, model: "CAbstractor" },
  },
  {
    name: "Honeybee 7B, D-Abstractor",
    paper: "2312.06742",
    spec: "honeybee/honeybee",
    model: "Honeybee7bD",
    length: image,
    oracle: { test: systems, model: "DAbstractor" },
  },
  {
    name: "Honeybee 13B, C-Abstractor",
    paper: "2312.06742",
    spec: "honeybee/honeybee",
    model: "Honeybee13bC",
    length: image,
    oracle: { test: systems, model: "CAbstractor" },
  },
  {
    name: "BLIP-2 Q-Former",
    paper: "2301.12597",
    spec: "blip2/blip2-base",
    model: "QFormerBase",
    length: "b=1,k=257,t=0",
    oracle: { test: systems, model: "QFormer" },
  },
  {
    name: "Flamingo's resampler and layer",
    paper: "2204.14198",
    spec: "flamingo/flamingo-9b",
    model: "Flamingo9b",
    length: "b=1,s=64",
    oracle: { test: systems, model: "Flamingo" },
  },
  {
    name: "Llama 3.2 Vision 11B",
    spec: "llama-3.2-vision/llama-3.2-11b",
    model: "Llama32Vision11b",
    length: "pixels=1,text=64",
    oracle: { test: systems, model: "Llama32Vision" },
  },
  {
    name: "Qwen2-VL 7B",
    paper: "2409.12191",
    spec: "qwen2-vl/qwen2-vl-7b",
    model: "Qwen2Vl7b",
    length: "image=324,video=0,image_grid=1,video_grid=0,text=64",
    oracle: { test: "test/oracle/qwen2-vl.test.ts", model: "Qwen2Vl" },
  },
  {
    name: "mPLUG-Owl3 7B",
    paper: "2408.04840",
    spec: "mplug-owl3/mplug-owl3",
    model: "Owl3",
    length: "image=1,text=64",
    oracle: { test: systems, model: "HyperAttention" },
  },
  {
    name: "NVLM-D 72B",
    paper: "2409.11402",
    spec: "nvlm/nvlm",
    model: "NvlmD",
    length: "tile=7,text=64",
    oracle: { test: systems, model: "TaggedTiles" },
  },
  {
    name: "NVLM-X 72B",
    paper: "2409.11402",
    spec: "nvlm/nvlm",
    model: "NvlmX",
    length: "thumbnail=0,tile=7,text=64",
    oracle: { test: systems, model: "TaggedTiles" },
  },
  {
    name: "NVLM-H 72B",
    paper: "2409.11402",
    spec: "nvlm/nvlm",
    model: "NvlmH",
    length: "thumbnail=1,tile=6,text=64",
    oracle: { test: systems, model: "TaggedTiles" },
  },
  {
    name: "Uni-MoE 7B, 4 experts",
    paper: "2405.11273",
    spec: "uni-moe/uni-moe-7b",
    model: "UniMoe7b",
    length: "text=64",
    oracle: { test: "test/oracle/spliced.test.ts", model: "UniMoe" },
  },
  {
    name: "Uni-MoE 7B, 8 experts",
    paper: "2405.11273",
    spec: "uni-moe/uni-moe-7b",
    model: "UniMoe7b8",
    length: "text=64",
    oracle: { test: "test/oracle/spliced.test.ts", model: "UniMoe" },
  },
  {
    name: "FastV on LLaVA-1.5 7B",
    paper: "2403.06764",
    spec: "fastv/fastv",
    model: "FastV7b",
    length: "text=64",
    oracle: { test: "test/oracle/spliced.test.ts", model: "FastV" },
  },
  {
    name: "AIM",
    paper: "2412.03248",
    spec: "aim/aim",
    model: "Aim",
    length: "text=64",
    oracle: { test: "test/oracle/spliced.test.ts", model: "Aim" },
  },
  {
    name: "DyVTE",
    paper: "2411.19628",
    spec: "dyvte/dyvte",
    model: "Dyvte",
    length: "text=64",
    oracle: { test: "test/oracle/spliced.test.ts", model: "Dyvte" },
  },
  {
    name: "ShortV on LLaVA-1.5 7B",
    paper: "2504.00502",
    spec: "shortv/shortv",
    model: "ShortV7b",
    length: "image=1,text=64",
    oracle: { test: "test/oracle/taps.test.ts", model: "ShortV" },
  },
  {
    name: "SAISA 7B",
    paper: "2502.02458",
    spec: "saisa/saisa",
    model: "Saisa7b",
    length: "image=1,text=64",
  },
  {
    name: "Hollow attention on LLaVA-1.5 7B",
    spec: "hollow/hollow",
    model: "Hollow7b",
    length: "image=1,text=64",
  },
  {
    name: "Visual region of LLaVA-1.5 7B",
    paper: "2412.12785",
    spec: "visual-region/visual-region",
    model: "Region7b",
    length: "image=1,text=64",
    oracle: { test: "test/oracle/spliced.test.ts", model: "VisualRegion" },
  },
  {
    name: "EMMA's mixing of rows",
    paper: "2410.02080",
    spec: "emma/emma",
    model: "EmmaBase",
    length: "",
    oracle: { test: systems, model: "Emma" },
  },
  {
    name: "InfMLLM's pooler",
    paper: "2311.06791",
    spec: "infmllm/infmllm",
    model: "Infmllm7b",
    length: "image=1",
    oracle: { test: systems, model: "Infmllm" },
  },
  {
    name: "NoteLLM-2's heads, small",
    paper: "2405.16789",
    spec: "notellm/notellm",
    model: "Notellm",
    length: "b=1",
    oracle: { test: systems, model: "Notellm" },
  },
  {
    name: "MoE-LLaVA 2.7B, 4 experts",
    paper: "2401.15947",
    spec: "moe-llava/moe-llava",
    model: "MoeLlava",
    length: "image=1,text=64",
  },
  {
    name: "DAMC 7B",
    paper: "2402.12750",
    spec: "damc/damc",
    model: "Damc",
    length: "image=1,text=64",
  },
  {
    name: "ModaVerse 7B",
    paper: "2401.06395",
    spec: "modaverse/modaverse",
    model: "Modaverse",
    length: "media=1,text=64",
  },
  {
    name: "PerceptionGPT 7B",
    paper: "2311.06612",
    spec: "perception-gpt/perception-gpt",
    model: "PerceptionGpt",
    length: "image=1,given=1,asked_at=1,text=64",
  },
  {
    name: "OLA-VLM 8B",
    paper: "2412.09585",
    spec: "ola-vlm/ola-vlm",
    model: "OlaVlm",
    length: "image=1,text=64",
  },
  {
    name: "ST-LLM 7B, 16 frames",
    paper: "2404.00308",
    spec: "st-llm/st-llm",
    model: "StLlm",
    length: "frame=16,text=64",
  },
];
