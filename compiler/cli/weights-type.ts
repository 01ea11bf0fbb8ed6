/** `--weights-type`: how the weights of products are stored, and what that loses. */

import { InvalidArgumentError } from "commander";
import type { Quantization } from "../../runtime/contract.ts";
import type { QuantizationLoss } from "../../runtime/weights/quantize.ts";

/** `int8`, `int4`, with a group (`int4:64`) and with offsets (`int4:32:asymmetric`). */
export function weightsType(text: string): Quantization {
  const found = /^int(8|4)(?::(8|16|32|64|128|256))?(:asymmetric)?$/.exec(text);
  if (found === null) {
    throw new InvalidArgumentError(
      "write int8 or int4, with a group of 8, 16, 32, 64, 128 or 256 if you like, and `:asymmetric`: int4:32:asymmetric",
    );
  }
  const [, bits, group = "32", asymmetric] = found;
  return { bits: bits === "8" ? 8 : 4, group: Number(group), symmetric: asymmetric === undefined };
}

/** Gathers what weights lost, for one line in the end. */
export class LossReport {
  readonly #type: Quantization;
  #squaredError = 0;
  #squares = 0;
  #weights = 0;
  #worst: { readonly name: string; readonly share: number } | undefined;

  constructor(type: Quantization) {
    this.#type = type;
  }

  /** Adds a weight. */
  add(name: string, { squaredError, squares }: QuantizationLoss): void {
    this.#weights++;
    this.#squaredError += squaredError;
    this.#squares += squares;
    const share = shareOf(squaredError, squares);
    if (this.#worst === undefined || share > this.#worst.share) this.#worst = { name, share };
  }

  /** `41 weights as int8 in groups of 32: off by 0.4 % of their size, at most by 0.6 % (…)`. */
  get text(): string {
    const { bits, group, symmetric } = this.#type;
    const kind = `int${bits} in groups of ${group}${symmetric ? "" : " with offsets"}`;
    const all = percent(shareOf(this.#squaredError, this.#squares));
    const worst = this.#worst;
    const most = worst === undefined ? "" : `, most in ${worst.name} (${percent(worst.share)})`;
    return `${this.#weights} weights as ${kind}: off by ${all} of their size (root mean square)${most}`;
  }
}

function shareOf(squaredError: number, squares: number): number {
  return squares === 0 ? 0 : Math.sqrt(squaredError / squares);
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
