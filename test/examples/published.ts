/** Parameter counts that papers and model cards give, and how far a spec may be from them. */

/** One published count. */
export interface Published {
  readonly what: string;
  /** The spec in `examples` without its ending. */
  readonly spec: string;
  readonly model: string;
  /** What the names of the weights that count begin with. */
  readonly under: string;
  readonly parameters: number;
  /** The largest relative difference: half of the last published digit, or 0.5 %, whichever is more. */
  readonly within: number;
}

export const published: readonly Published[] = [
  {
    what: "Honeybee's C-Abstractor, 7B with 144 rows",
    spec: "honeybee/honeybee",
    model: "Honeybee7bC",
    under: "abstractor",
    parameters: 37.07e6,
    within: 0.005,
  },
  {
    what: "Honeybee's C-Abstractor, 7B with 256 rows",
    spec: "honeybee/honeybee",
    model: "Honeybee7bC256",
    under: "abstractor",
    parameters: 37.4e6,
    within: 0.005,
  },
  {
    what: "Honeybee's C-Abstractor, 13B",
    spec: "honeybee/honeybee",
    model: "Honeybee13bC",
    under: "abstractor",
    parameters: 47.9e6,
    within: 0.005,
  },
  {
    what: "Honeybee's D-Abstractor, 7B",
    spec: "honeybee/honeybee",
    model: "Honeybee7bD",
    under: "abstractor",
    parameters: 55.6e6,
    within: 0.005,
  },
  {
    what: "LLaVA-1.5-7B",
    spec: "llava/llava",
    model: "Llava7b",
    under: "",
    parameters: 7.06e9,
    within: 0.005,
  },
  {
    what: "Llama-3.2-11B-Vision",
    spec: "llama-3.2-vision/llama-3.2-11b",
    model: "Llama32Vision11b",
    under: "",
    parameters: 10.67e9,
    within: 0.005,
  },
];
