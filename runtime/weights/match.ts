/**
 * The weights that a model declares, found among the tensors that a checkpoint holds.
 *
 * Everything that does not fit is reported in one error, since a wrong prefix is wrong for every
 * layer; names that differ in layer numbers only are one line of it. What nothing reads is a note,
 * for the caller to print or to refuse.
 */

import type { PlanWeight } from "../contract.ts";
import { BraidError } from "../errors.ts";
import { groupByPattern, groupNames } from "./group.ts";
import { nearest } from "./near.ts";
import type { TensorInfo } from "./safetensors.ts";

/** A weight with its tensors: one, or for a stacked weight one for each index of its first axis. */
export interface MatchedWeight {
  readonly weight: PlanWeight;
  readonly tensors: readonly TensorInfo[];
}

/** The weights in the order wanted, and the tensors that none of them reads. */
export interface WeightMatch {
  readonly weights: readonly MatchedWeight[];
  readonly unread: readonly string[];
}

/** One tensor that does not fit. */
interface Problem {
  readonly name: string;
  /** What is wrong, without the name. */
  readonly reason: string;
  /** Equal for problems that may share a line if their names are of one pattern. */
  readonly key: string;
  /** Whether no alternative exists, so that similar names help. */
  readonly missing: boolean;
}

/**
 * Finds each of `wanted` in `tensors`: of its alternatives, the first of which all tensors exist.
 * Throws `weights/mismatch` with all that is missing or has another shape; `checkpoint` is what the
 * error calls the folder.
 */
export function matchWeights(
  wanted: readonly PlanWeight[],
  tensors: ReadonlyMap<string, TensorInfo>,
  checkpoint: string,
): WeightMatch {
  const problems: Problem[] = [];
  const weights: MatchedWeight[] = [];
  for (const weight of wanted) {
    const found = find(weight, tensors);
    problems.push(...(found === undefined ? missing(weight, tensors) : wrongShapes(weight, found)));
    weights.push({ weight, tensors: found ?? [] });
  }
  const read = new Set(weights.flatMap((each) => each.tensors.map((tensor) => tensor.name)));
  const unread = [...tensors.keys()].filter((name) => !read.has(name));
  if (problems.length > 0) throw mismatch(problems, unread, checkpoint);
  return { weights, unread };
}

/**
 * The tensors that nothing reads as one note of a line per group, or undefined where all are read.
 */
export function unreadNote(unread: readonly string[], checkpoint: string): string | undefined {
  if (unread.length === 0) return undefined;
  const lines = groupNames(unread).map(({ text, names }) => `  ${text}${count(names.length)}`);
  const subject = unread.length === 1 ? "1 tensor" : `${unread.length} tensors`;
  return [`not read of ${checkpoint}: ${subject}`, ...lines].join("\n");
}

/**
 * Whether `stored` is a merge of adjacent sizes of `declared`, sizes of 1 aside on both sides: `[H,
 * E, D]` may be stored as `[H * E, D]`, `[D, 1]` as `[D]`.
 */
export function isMergeOf(stored: readonly number[], declared: readonly number[]): boolean {
  const rest = declared.filter((size) => size !== 1);
  for (const size of stored.filter((each) => each !== 1)) {
    let product = rest.shift() ?? 1;
    while (product !== 0 && product < size && rest.length > 0) product *= rest.shift() ?? 1;
    if (product !== size) return false;
  }
  return rest.length === 0;
}

function find(
  weight: PlanWeight,
  tensors: ReadonlyMap<string, TensorInfo>,
): readonly TensorInfo[] | undefined {
  for (const names of weight.alternatives) {
    const found = names.map((name) => tensors.get(name)).filter((each) => each !== undefined);
    if (found.length === names.length) return found;
  }
  return undefined;
}

function missing(weight: PlanWeight, tensors: ReadonlyMap<string, TensorInfo>): readonly Problem[] {
  const [first = [weight.name], ...others] = weight.alternatives;
  const other = others.map(([name]) => ` (nor \`${name}\`)`).join("");
  return first
    .filter((name) => !tensors.has(name))
    .map((name) => ({ name, reason: `is missing${other}`, key: "missing", missing: true }));
}

function wrongShapes(weight: PlanWeight, found: readonly TensorInfo[]): readonly Problem[] {
  const declared = weight.stacked ? weight.shape.slice(1) : weight.shape;
  return found
    .filter((tensor) => !isMergeOf(tensor.shape, declared))
    .map(({ name, shape }) => {
      const reason = `is stored as [${shape.join(", ")}], but declared as [${declared.join(", ")}]`;
      return { name, reason, key: reason, missing: false };
    });
}

function mismatch(
  problems: readonly Problem[],
  unread: readonly string[],
  checkpoint: string,
): BraidError {
  const spare = new Map(groupByPattern(unread).map(({ text, names }) => [names[0] ?? text, text]));
  const lines = [...new Set(problems.map((problem) => problem.key))].flatMap((key) => {
    const alike = new Map(
      problems.filter((each) => each.key === key).map((each) => [each.name, each]),
    );
    return groupByPattern([...alike.keys()]).map(({ text, names }) => {
      const first = alike.get(names[0] ?? text);
      const hint = first?.missing ? candidates(first.name, spare) : "";
      return `  ${text} ${first?.reason}${count(names.length)}${hint}`;
    });
  });
  const subject = problems.length === 1 ? "1 weight does" : `${problems.length} weights do`;
  const message = `${subject} not fit ${checkpoint}:\n${lines.join("\n")}`;
  return new BraidError("weights/mismatch", message, {
    hint: 'check `--weights`, the sizes, and the paths; alternatives are `path p = "a" or "b"`',
  });
}

/**
 * Which tensors that nothing else reads the author may have meant: `spare` is one name of each
 * group → its text.
 */
function candidates(name: string, spare: ReadonlyMap<string, string>): string {
  const near = nearest(name, spare.keys(), 3).map((each) => `\`${spare.get(each)}\``);
  return near.length === 0 ? "" : `; nearest: ${near.join(", ")}`;
}

function count(names: number): string {
  return names === 1 ? "" : ` (${names} tensors)`;
}
