import { expect, test } from "vitest";
import { moduleFile } from "../../../runtime/contract.ts";
import { platformMultiplyAdd } from "../../../runtime/cpu/multiply-add.ts";
import { BraidError } from "../../../runtime/errors.ts";
import type { LoadOptions } from "../../../runtime/open-model.ts";
import type { OutputTensor } from "../../../runtime/outputs.ts";
import { Session } from "../../../runtime/session.ts";
import type { HostTensor } from "../../../runtime/tensor.ts";
import { memoryWeights } from "../../../runtime/weight-source.ts";
import {
  toyImages,
  toyInputs,
  toyPlan,
  toyReference,
  toyWeights,
} from "../../runtime/support/toy-plan.ts";
import { toyWasm } from "../../runtime/support/toy-wasm.ts";
import { withModules } from "./support.ts";

/** What the tests use of the class that is emitted for the toy plan. */
interface Toy {
  readonly session: Session;
  image(inputs: Readonly<Record<string, HostTensor>>): Promise<void>;
  extend(inputs: Readonly<Record<string, HostTensor>>): Promise<Record<string, OutputTensor>>;
  close(): void;
}

interface ToyClass {
  load(options: LoadOptions): Promise<Toy>;
}

function isToyClass(value: unknown): value is ToyClass {
  return typeof value === "function" && "load" in value;
}

/** Loads the emitted class for the CPU, and says which files it asked for. */
async function withToy(
  cpu: boolean,
  use: (toy: Toy, asked: readonly string[]) => Promise<void>,
): Promise<void> {
  const plans = { gpu: toyPlan("gpu"), ...(cpu ? { cpu: toyPlan("cpu") } : {}) };
  await withModules(plans, async (load) => {
    const { Toy } = await load("model.js");
    if (!isToyClass(Toy)) throw new TypeError("model.js exports no class Toy");
    const asked: string[] = [];
    const toy = await Toy.load({
      weights: memoryWeights(toyWeights),
      backend: "cpu",
      read: async (address) => {
        asked.push(address.pathname.split("/").slice(-1).join());
        return toyWasm;
      },
    });
    try {
      await use(toy, asked);
    } finally {
      toy.close();
    }
  });
}

const cat = [3, 5] as const;

test("the emitted class loads what the CPU needs and runs the phases", async () => {
  await withToy(true, async (toy, asked) => {
    expect(asked).toEqual([moduleFile(platformMultiplyAdd())]);
    expect(toy.session).toBeInstanceOf(Session);
    await toy.image({ image: toyImages(cat) });
    const prompt = [1, 4, 7];
    const { image: _, ...rest } = toyInputs([cat], prompt);
    const outputs = await toy.extend(rest);
    const logits = await outputs["logits"]?.read();
    expect([...(logits?.data ?? [])]).toEqual(toyReference([cat], [0, 1, 2], prompt));
    expect(Object.keys(outputs)).toEqual(["logits", "text"]);
    const ran = toy.session.timings.filter((each) => each.ran).map((each) => each.phase);
    expect(ran).toEqual(["image", "place", "extend"]);
  });
});

test("a model that was built without the CPU says so", async () => {
  const loading = withToy(false, async () => undefined);
  await expect(loading).rejects.toThrow(BraidError);
  await expect(loading).rejects.toMatchObject({ code: "session/target" });
});
