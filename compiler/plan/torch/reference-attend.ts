/** Attention in plain PyTorch: all logits, the whole mask, then softmax or what there is instead. */

import { unreachable } from "../../../grammar/invariant.ts";
import { axisAt, type Graph } from "../../graph/graph.ts";
import { type Axis, type AxisName, rowsOf } from "../../op/axis.ts";
import { type AttendArguments, attendArguments, type AttendOp } from "../../op/op.ts";
import type { Predicate, Score, Side, Term } from "../../op/predicate.ts";
import { numberText } from "../emit/code.ts";
import type { Written } from "./reference.ts";
import { aligned, type Named, ordered, sizeOfAxis } from "./reference-views.ts";

/** A mask that hides nothing. */
const everything = "torch.tensor(True)";

/** Adds the lines of an attention; gives the expression of its result. */
export function attendLines(op: AttendOp, written: Written): string {
  const { args, node, add, fresh, graph } = written;
  const roles = attendArguments(op, args);
  const batch = roles.query.axes.filter((axis) => axis !== op.query && axis !== op.contracted);
  const logits: string[] = [];
  const values: string[] = [];
  for (const [index, part] of op.parts.entries()) {
    const facts = new Facts(op, roles, index, batch, graph);
    const name = fresh("logits");
    add(`${name} = ${facts.logits()}`);
    if (op.score !== undefined) add(`${name} = ${facts.score(op.score, name)}`);
    const mask = facts.predicate(part.mask);
    if (mask !== everything) {
      add(
        `${name} = torch.where(${mask}, ${name}, torch.full((), float("-inf"), dtype=${name}.dtype))`,
      );
    }
    logits.push(name);
    values.push(facts.values());
  }
  const all = fresh("logits");
  add(`${all} = ${logits.length === 1 ? logits[0] : `torch.cat([${logits.join(", ")}], -1)`}`);
  const value = values.length === 1 ? values[0] : `torch.cat([${values.join(", ")}], -2)`;
  const sink =
    roles.sink === undefined ? undefined : aligned(roles.sink, [...batch, op.query, op.value]);
  const result = normalized(op, written, all, value ?? "", sink);
  const last =
    op.result === "output" ? [op.value] : op.result === "weights" ? [op.parts[0]?.axis ?? ""] : [];
  return ordered({ text: result, axes: [...batch, op.query, ...last] }, node.type.axes);
}

/** The weighted values, the weights or the log-sum-exp of `logits`; hidden ones are -∞. */
function normalized(
  op: AttendOp,
  { add, fresh }: Written,
  logits: string,
  value: string,
  sink: string | undefined,
): string {
  const weights = fresh("weights");
  if (op.normalize !== "softmax") {
    add(`${weights} = ${op.normalize === "sigmoid" ? `${logits}.sigmoid()` : `${logits}.relu()`}`);
    return op.result === "weights" ? weights : `factor(${weights}) @ factor(${value})`;
  }
  const [top, total] = [fresh("top"), fresh("total")];
  add(`${top} = ${logits}.amax(-1, keepdim=True)`);
  if (sink !== undefined) add(`${top} = torch.maximum(${top}, ${sink})`);
  // A row that sees nothing has no largest logit; its weights are zeros.
  add(`${top} = torch.nan_to_num(${top}, neginf=0.0)`);
  add(`${weights} = (${logits} - ${top}).exp()`);
  const isOutput = op.result === "output";
  add("with online():");
  add(`    ${total} = ${weights}.sum(-1, keepdim=True)`);
  const weighted = isOutput ? fresh("weighted") : "";
  if (isOutput) add(`    ${weighted} = factor(${weights}) @ factor(${value})`);
  if (sink !== undefined) add(`${total} = ${total} + (${sink} - ${top}).exp()`);
  if (op.result === "log_sum_exp") return `(${top} + ${total}.log()).squeeze(-1)`;
  const divisor = `torch.where(${total} > 0, ${total}, torch.ones_like(${total}))`;
  if (op.result === "weights") return `(${weights} / ${divisor})`;
  return `(${weighted} / ${divisor})`;
}

/** What the logits of one part of the keys ask about their rows. */
class Facts {
  readonly #op: AttendOp;
  readonly #roles: AttendArguments<Named>;
  readonly #index: number;
  readonly #batch: readonly AxisName[];
  readonly #graph: Graph;

  constructor(
    op: AttendOp,
    roles: AttendArguments<Named>,
    index: number,
    batch: readonly AxisName[],
    graph: Graph,
  ) {
    this.#op = op;
    this.#roles = roles;
    this.#index = index;
    this.#batch = batch;
    this.#graph = graph;
  }

  logits(): string {
    const { query, contracted, scale } = this.#op;
    const q = aligned(this.#roles.query, [...this.#batch, query, contracted]);
    const k = this.#perHead(this.#part().key, [this.#axis(), contracted]);
    return `factor(${q}) @ factor(${k}).transpose(-1, -2) * ${numberText(scale)}`;
  }

  values(): string {
    return this.#perHead(this.#part().value, [this.#axis(), this.#op.value]);
  }

  predicate(predicate: Predicate): string {
    switch (predicate.kind) {
      case "constant":
        return predicate.value ? everything : "torch.tensor(False)";
      case "not":
        return `~(${this.predicate(predicate.operand)})`;
      case "and":
      case "or": {
        const sign = predicate.kind === "and" ? " & " : " | ";
        return predicate.operands.map((each) => `(${this.predicate(each)})`).join(sign);
      }
      case "compare":
        return `${this.#term(predicate.left)} ${predicate.comparison} ${this.#term(predicate.right)}`;
      case "segment":
        return this.#segment(predicate.side, predicate.segment);
      case "given":
        // All rows of a function are given.
        return everything;
      default:
        return unreachable(predicate);
    }
  }

  score(score: Score, logit: string): string {
    switch (score.kind) {
      case "logit":
        return logit;
      case "number":
        return `torch.tensor(${numberText(score.value)}, dtype=FLOAT)`;
      case "position":
        return this.#position(score.side);
      case "data":
        return this.#data(score.index, score.side);
      case "lookup":
        return this.#lookup(score.index, new Map([[score.axis, this.#term(score.at)]]));
      case "unary": {
        const inner = this.score(score.operand, logit);
        return score.operator === "negate" ? `-(${inner})` : `torch.${score.operator}(${inner})`;
      }
      case "binary": {
        const [a, b] = [this.score(score.left, logit), this.score(score.right, logit)];
        if (score.operator === "min" || score.operator === "max")
          return `torch.${score.operator}imum(${a}, ${b})`;
        return `(${a} ${score.operator} ${b})`;
      }
      case "where": {
        const condition = `torch.as_tensor(${this.predicate(score.condition)})`;
        return `torch.where(${condition}, ${this.score(score.then, logit)}, ${this.score(score.otherwise, logit)})`;
      }
      default:
        return unreachable(score);
    }
  }

  #term(term: Term): string {
    switch (term.kind) {
      case "number":
        return `${term.value}`;
      case "position":
        return this.#position(term.side);
      case "data":
        return this.#data(term.index, term.side);
      case "absolute":
        return `abs(${this.#term(term.operand)})`;
      case "table":
        return this.#table(term);
      case "binary": {
        const [a, b] = [this.#term(term.left), this.#term(term.right)];
        if (term.operator === "min" || term.operator === "max")
          return `torch.${term.operator}imum(torch.as_tensor(${a}), torch.as_tensor(${b}))`;
        return `(${a} ${term.operator === "/" ? "//" : term.operator} ${b})`;
      }
      default:
        return unreachable(term);
    }
  }

  #position(side: "q" | "k"): string {
    return this.#placed(side === "q" ? this.#roles.queryPosition : this.#part().position);
  }

  #data(index: number, side: Side): string {
    return this.#placed(this.#datum(index, side));
  }

  /** A table, 0 outside. */
  #table({ index, at }: Extract<Term, { kind: "table" }>): string {
    const places = at.map(({ axis, at: term }) => {
      const [place, size] = [`torch.as_tensor(${this.#term(term)})`, sizeOfAxis(this.#graph, axis)];
      const inside = `((${place} >= 0) & (${place} < ${size}))`;
      return { axis, inside, safe: `(${place}).clamp(0, ${size} - 1)` };
    });
    const found = this.#lookup(index, new Map(places.map(({ axis, safe }) => [axis, safe])));
    return `torch.where(${places.map(({ inside }) => inside).join(" & ")}, ${found}, 0)`;
  }

  /** A datum along axes of its own, at what `at` says for each pair. */
  #lookup(index: number, at: ReadonlyMap<AxisName, string>): string {
    const datum = this.#datum(index, this.#op.data[index] ?? "none");
    const axes = this.#pairAxes();
    const places = datum.axes.map((each) => {
      const place = at.get(each);
      if (place !== undefined) return `torch.as_tensor(${place})`;
      const own = this.#headAxis(each);
      const size = sizeOfAxis(this.#graph, own);
      const shared = own === each ? "" : ` // (${size} // ${sizeOfAxis(this.#graph, each)})`;
      return aligned({ text: `(torch.arange(${size})${shared})`, axes: [own] }, axes);
    });
    return `${datum.text}[${places.join(", ")}]`;
  }

  #datum(index: number, side: Side): Named {
    const found = (side === "k" ? this.#part().data : this.#roles.data).get(index);
    if (found === undefined) throw new RangeError(`an attention lacks its datum ${index}`);
    return found;
  }

  /** A number for each query or key row, or for each head, so that it goes with the logits. */
  #placed(x: Named): string {
    const { group } = this.#op;
    if (group !== undefined && x.axes.includes(group.key) && !x.axes.includes(group.query))
      return aligned(
        { text: this.#repeated(x), axes: x.axes.map((each) => this.#headAxis(each)) },
        this.#pairAxes(),
      );
    return aligned(x, this.#pairAxes());
  }

  /** Keys or values for each query head. */
  #perHead(x: Named, rows: readonly AxisName[]): string {
    const axes = x.axes.map((each) => this.#headAxis(each));
    return aligned({ text: this.#repeated(x), axes }, [...this.#batch, ...rows]);
  }

  #repeated(x: Named): string {
    const { group } = this.#op;
    if (group === undefined || !x.axes.includes(group.key)) return x.text;
    const [all, each] = [group.query, group.key].map((axis) => sizeOfAxis(this.#graph, axis));
    return `${x.text}.repeat_interleave(${all} // ${each}, ${x.axes.indexOf(group.key)})`;
  }

  #headAxis(axis: AxisName): AxisName {
    const { group } = this.#op;
    return group !== undefined && axis === group.key ? group.query : axis;
  }

  #segment(side: "q" | "k", segment: string): string {
    const { query, querySegment, parts } = this.#op;
    const axis = side === "q" ? query : this.#axis();
    const whole = side === "q" ? querySegment : parts[this.#index]?.segment;
    const own = rowsOf(axisAt(this.#graph, axis), this.#graph.axes);
    if (own.segments.length === 0) {
      const is = (whole ?? segmentOf(own)) === segment;
      return is ? everything : "torch.tensor(False)";
    }
    const rows = own.segments.map(({ name, axis: rowAxis }) => {
      const size = sizeOfAxis(this.#graph, rowAxis);
      return `torch.full((${size},), ${name === segment ? "True" : "False"})`;
    });
    return aligned({ text: `torch.cat([${rows.join(", ")}])`, axes: [axis] }, this.#pairAxes());
  }

  #pairAxes(): readonly AxisName[] {
    return [...this.#batch, this.#op.query, this.#axis()];
  }

  #axis(): AxisName {
    return this.#op.parts[this.#index]?.axis ?? "";
  }

  #part(): AttendArguments<Named>["parts"][number] {
    const part = this.#roles.parts[this.#index];
    if (part === undefined) throw new RangeError("an attention lacks an argument");
    return part;
  }
}

function segmentOf({ lineage }: Axis): string | undefined {
  return lineage.kind === "segment" ? lineage.segment : undefined;
}
