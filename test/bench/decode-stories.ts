/** stories260K: ours and in C, from one checkpoint. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeWasm } from "../../compiler/codegen/index.ts";
import { compileFor } from "../../compiler/compile.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";
import { Conversation } from "../../runtime/generate.ts";
import { diskFolder } from "../../runtime/node/index.ts";
import { greedy } from "../../runtime/sample.ts";
import { Session } from "../../runtime/session.ts";
import { checkpointWeights } from "../../runtime/weight-source.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { matchWeights } from "../../runtime/weights/match.ts";
import { readFloats } from "../../runtime/weights/read.ts";
import { modelOf } from "./braid.ts";
import type { Decoder } from "./decode.ts";

/** The project's root; this file runs from `test/bench/dist/test/bench`. */
export const root: string = join(dirname(fileURLToPath(import.meta.url)), "../../../../..");
/** The shared checkpoint beside the project, or where `STORIES260K` says. */
const folder = process.env["STORIES260K"] ?? join(root, "../shared/models/stories260K");

/** Ours on one thread, and the tokens of greedy decoding from `<s>`; a text if there is none. */
export async function openStories(): Promise<
  (Decoder & { readonly golden: readonly number[] }) | string
> {
  if (!existsSync(folder)) return `stories260K: there is no ${folder} (set STORIES260K)`;
  const golden = goldenOf(readFileSync(join(folder, "golden.json"), "utf8"));
  const text = readFileSync(join(root, "test/bench/models/llama.braid"), "utf8");
  const { plan, kernels } = compileFor(modelOf(text), targets.cpu);
  const checkpoint = await openCheckpoint(diskFolder(folder));
  const session = await Session.open({
    model: { plan, wasm: encodeWasm(kernels, platformMultiplyAdd()) },
    backend: createCpuBackend(),
    weights: checkpointWeights(matchWeights(plan.weights, checkpoint.tensors, folder)),
  });
  await checkpoint.close();
  return {
    name: "Braid",
    golden,
    decode: async () => {
      session.reset();
      const ids: number[] = [];
      const turn = { inputs: {}, tokens: [1], positions: [0], choose: greedy };
      const limits = { endTokens: new Set<number>(), maxTokens: golden.length };
      const start = performance.now();
      for await (const event of new Conversation(session).answer({ ...turn, ...limits })) {
        if (event.kind === "token") ids.push(event.id);
      }
      return { ms: performance.now() - start, result: ids };
    },
    close: () => session.close(),
  };
}

/** The decoder in C, compiled here; a text if there is no compiler. */
export async function storiesInC(tokens: number): Promise<Decoder | string> {
  const work = mkdtempSync(join(tmpdir(), "braid-bench-"));
  const [program, weights] = [join(work, "llama"), join(work, "weights")];
  const source = join(root, "test/bench/models/llama.c");
  try {
    execFileSync("cc", ["-O3", "-march=native", "-o", program, source, "-lm"]);
  } catch (error) {
    return `C: ${error instanceof Error ? error.message.split("\n")[0] : error}`;
  }
  writeFileSync(weights, await weightsForC());
  return {
    name: "plain C, cc -O3 -march=native",
    decode: async () => {
      const [ids = "", ms = ""] = execFileSync(program, [weights, String(tokens), "1"], {
        encoding: "utf8",
      }).split("\n");
      return { ms: Number(ms), result: ids.split(" ").map(Number) };
    },
  };
}

function goldenOf(text: string): readonly number[] {
  const found: unknown = JSON.parse(text, (key, value: unknown) =>
    key === "greedy_from_bos" && typeof value === "object" && value !== null && "ids" in value
      ? value.ids
      : value,
  );
  const ids: unknown =
    typeof found === "object" && found !== null && "greedy_from_bos" in found
      ? found.greedy_from_bos
      : undefined;
  if (!Array.isArray(ids)) throw new Error("golden.json has no greedy_from_bos.ids");
  return ids.slice(1).map(Number);
}

/** What `models/llama.c` reads. */
async function weightsForC(): Promise<Uint8Array> {
  const checkpoint = await openCheckpoint(diskFolder(folder));
  const parts: Uint8Array[] = [];
  const put = (data: Int32Array | Float32Array): void => {
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  };
  const weight = async (name: string): Promise<void> => {
    const tensor = checkpoint.tensors.get(`model.${name}.weight`);
    if (tensor === undefined) throw new Error(`no ${name}`);
    put(await readFloats(tensor));
  };
  put(Int32Array.of(64, 8, 4, 8, 172, 5, 512, 512));
  await weight("embed_tokens");
  const inLayer = [
    ...["input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    ...["self_attn.o_proj", "post_attention_layernorm"],
    ...["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"],
  ];
  for (let l = 0; l < 5; l++) for (const name of inLayer) await weight(`layers.${l}.${name}`);
  await weight("norm");
  await checkpoint.close();
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
