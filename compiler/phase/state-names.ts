/** Names of states that a reader recognises: the block's path, then what the value is there. */

import { type Graph, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import { attendArguments, listAttendArguments, type AttendOp } from "../op/op.ts";

/** Gives each value of a graph a name; equal names are numbered in the order of asking. */
export class StateNames {
  readonly #graph: Graph;
  readonly #roles: ReadonlyMap<ValueId, string>;
  readonly #used: Map<string, number> = new Map();

  /** Names of values of `graph`. */
  constructor(graph: Graph) {
    this.#graph = graph;
    this.#roles = rolesOf(graph);
  }

  /** A new name for `id`, with `suffix` where it is not empty: `model.layers.3.self_attn.k.image`. */
  name(id: ValueId, suffix: string): string {
    const { origin, op } = nodeAt(this.#graph, id);
    const own = [origin.path, origin.name ?? op.kind].filter((part) => part !== "").join(".");
    const base = this.#roles.get(id) ?? own;
    const name = suffix === "" ? base : `${base}.${suffix}`;
    const count = (this.#used.get(name) ?? 0) + 1;
    this.#used.set(name, count);
    return count === 1 ? name : `${name}.${count}`;
  }
}

/**
 * By value: the path of the attention that it becomes a key, a value or a position of, and its name
 * there; positions are those of a sequence, not of an attention. The first attention names what
 * several share. Elementwise operations and views pass the role on; projections and norms do not.
 */
function rolesOf(graph: Graph): ReadonlyMap<ValueId, string> {
  const roles = new Map<ValueId, string>();
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    const node = graph.nodes[index];
    if (node === undefined) continue;
    const { op, args, origin } = node;
    const role = roles.get(valueId(index));
    if (op.kind === "attend") {
      const names = listAttendArguments(op, roleNames(op, args));
      const path = origin.path === "" ? "" : `${origin.path}.`;
      args.forEach((arg, i) => {
        const name = names[i];
        if (name === undefined || name === "") return;
        roles.set(arg, name === "position" ? name : `${path}${name}`);
      });
    } else if (role !== undefined && passesRole.has(op.kind)) {
      for (const arg of args) roles.set(arg, role);
    }
  }
  return roles;
}

const passesRole: ReadonlySet<string> = new Set([
  "map",
  "rename",
  "split",
  "merge",
  "slice",
  "join",
  "stack",
  "append",
]);

/** What each argument of an attention is called; empty for what is no state of its own. */
function roleNames(
  op: AttendOp,
  args: readonly ValueId[],
): ReturnType<typeof attendArguments<string>> {
  const roles = attendArguments(op, args);
  const data = (of: ReadonlyMap<number, ValueId>): Map<number, string> =>
    new Map([...of.keys()].map((index) => [index, `data${index}`]));
  return {
    query: "q",
    queryPosition: "",
    parts: roles.parts.map((part) => ({
      key: "k",
      value: "v",
      position: "position",
      data: data(part.data),
    })),
    data: new Map([...roles.data.keys()].map((index) => [index, ""])),
    ...(roles.sink === undefined ? {} : { sink: "" }),
  };
}
