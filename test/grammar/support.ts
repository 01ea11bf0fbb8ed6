/** What the grammar's tests share: a tree as short text, and mistakes as short text. */

import type {
  Argument,
  AxisExpr,
  BracketItem,
  Declaration,
  Expr,
  Module,
  Path,
  Statement,
  TypeExpr,
} from "../../grammar/index.ts";
import { parse } from "../../grammar/index.ts";
import { unreachable } from "../../grammar/invariant.ts";

/** Each mistake as its code and the text it marks: `syntax/equals at "="`. */
export function problems(text: string): readonly string[] {
  return parse({ file: "test.braid", text }).diagnostics.map(
    ({ code, at }) => `${code} at ${JSON.stringify(text.slice(at.span.start, at.span.end))}`,
  );
}

/** The tree of a text that has no mistakes, without places. */
export function tree(text: string): unknown {
  const { module, diagnostics } = parse({ file: "test.braid", text });
  if (diagnostics.length > 0) throw new Error(`${diagnostics[0]?.message}: ${text}`);
  return withoutPlaces(module);
}

/** A tree without its places. */
export function withoutPlaces(module: Module): unknown {
  return JSON.parse(
    JSON.stringify(module, (key, value) =>
      key === "span" || key === "operatorSpan" ? undefined : value,
    ),
  );
}

/** An expression in prefix form: `(+ a (* b c))`. */
export function expression(text: string): string {
  const { module, diagnostics } = parse({ file: "test.braid", text: `mask m(q, k) = ${text}` });
  const [declaration] = module.declarations;
  if (diagnostics.length > 0) return `error ${diagnostics.map((each) => each.code).join(" ")}`;
  return declaration?.kind === "mask" ? show(declaration.body) : "nothing";
}

/** The statements of a body in short form. */
export function statements(text: string): readonly string[] {
  return statementsOf(`model M {\n${text}\n}`);
}

/** The statements of the first model or block of a text, also of one with mistakes. */
export function statementsOf(text: string): readonly string[] {
  const [declaration] = parse({ file: "test.braid", text }).module.declarations;
  const body = declaration !== undefined && "body" in declaration ? declaration.body : [];
  return Array.isArray(body) ? body.map(showStatement) : [];
}

/** The declarations of a text, also of one with mistakes: kind and name. */
export function declarations(text: string): readonly string[] {
  return parse({ file: "test.braid", text }).module.declarations.map(
    (each: Declaration) => `${each.kind} ${each.name.text}${each.broken === true ? " broken" : ""}`,
  );
}

function show(expr: Expr): string {
  switch (expr.kind) {
    case "number":
      return `${expr.value}${expr.integer ? "" : "f"}`;
    case "string":
      return JSON.stringify(expr.value);
    case "boolean":
      return String(expr.value);
    case "list":
      return `[${expr.items.map(show).join(" ")}]`;
    case "name":
      return expr.text;
    case "member":
      return `${show(expr.target)}.${expr.member.text}`;
    case "bracket":
      return `${show(expr.target)}[${expr.items.map(showItem).join(", ")}]`;
    case "call": {
      const at = expr.at === undefined ? "" : ` at ${showPath(expr.at)}`;
      return `${show(expr.callee)}(${expr.arguments.map(showArgument).join(", ")})${at}`;
    }
    case "join":
      return `join ${expr.sequence.text}(${expr.arguments.map(showArgument).join(", ")})`;
    case "with":
      return `(with ${show(expr.target)} ${expr.segment.text} ${show(expr.value)})`;
    case "unary":
      return `(${expr.operator} ${show(expr.operand)})`;
    case "binary":
      return `(${expr.operator} ${show(expr.left)} ${show(expr.right)})`;
    case "missing":
      return "missing";
    default:
      return unreachable(expr);
  }
}

function showItem(item: BracketItem): string {
  if (item.kind === "value") return show(item.value);
  if (item.kind === "rename") return `${item.axis.text} as ${item.to.text}`;
  return `${item.axis.text} ${item.padded ? "?=" : "="} ${show(item.value)}`;
}

function showArgument({ label, value, over }: Argument): string {
  const axes = over.length === 0 ? "" : ` over ${over.map((axis) => axis.text).join(" ")}`;
  return `${label === undefined ? "" : `${show(label)} = `}${show(value)}${axes}`;
}

function showPath(path: Path): string {
  return path.parts
    .map((part) => (part.kind === "word" ? part.text : `[${show(part.value)}]`))
    .join("/");
}

function showType(type: TypeExpr): string {
  if (type.kind === "named") return type.name;
  const axes = type.axes.map(showAxis);
  return `${type.element}[${[...(type.lifts ? [".."] : []), ...axes].join(" ")}]`;
}

function showAxis({ name, size, segments }: AxisExpr): string {
  if (size !== undefined) return `${name.text}=${show(size)}`;
  if (segments === undefined) return name.text;
  return `${name.text}:{${segments.map((segment) => segment.text).join(" ")}}`;
}

function showStatement(statement: Statement): string {
  switch (statement.kind) {
    case "input":
      return `input ${statement.name.text} ${showType(statement.type)}`;
    case "weight":
      return `weight ${showPath(statement.path)} ${showType(statement.type)}`;
    case "path":
      return `path ${statement.name.text} ${statement.alternatives.map(showPath).join(" | ")}`;
    case "tie":
      return `tie ${showPath(statement.left)} ${showPath(statement.right)}`;
    case "sequence": {
      const segments = statement.segments.map(
        ({ name, axis, at, by }) =>
          `${name.text}:${axis.text}${at === undefined ? "" : ` at ${at.text}`}${by === undefined ? "" : ` by ${by.text}`}`,
      );
      const { positions } = statement;
      const tail = positions === undefined ? "" : ` positions ${show(positions)}`;
      return `sequence ${statement.name.text} ${segments.join(", ")}${tail}`;
    }
    case "bind": {
      const targets = statement.targets.map(({ name, type }) =>
        type === undefined ? name.text : `${name.text}: ${showType(type)}`,
      );
      return `bind ${targets.join(", ")} ${show(statement.value)}`;
    }
    case "for": {
      const { variable, from, to, except, body } = statement;
      const without = except === undefined ? "" : ` except ${show(except)}`;
      const inside = body.map(showStatement).join("; ");
      return `for ${variable.text} ${show(from)} ${show(to)}${without} { ${inside} }`;
    }
    case "if": {
      const { condition, then, otherwise } = statement;
      const inside = then.map(showStatement).join("; ");
      const rest = otherwise.map(showStatement).join("; ");
      return `if ${show(condition)} { ${inside} } else { ${rest} }`;
    }
    case "require":
      return `require ${show(statement.condition)}`;
    case "return":
      return `return ${statement.values.map(show).join(", ")}`;
    case "output": {
      const { name, index, value } = statement;
      const at = index === undefined ? "" : `[${show(index)}]`;
      return `output ${name.text}${at}${value === undefined ? "" : ` ${show(value)}`}`;
    }
    case "adapt": {
      const { pattern, method, arguments: values, on } = statement;
      const parts = pattern.parts.map((part) => {
        if (part.kind === "word") return part.text;
        if (part.kind === "deep") return "**";
        return part.kind === "any" ? "[*]" : `[${show(part.value)}]`;
      });
      const given = values.map(showArgument).join(" ");
      return `adapt ${parts.join(" ")} ${method.text}(${given})${on === undefined ? "" : ` on ${on.text}`}`;
    }
    case "generate":
      return `generate ${statement.tokens.text} ${statement.logits.text}`;
    default:
      return unreachable(statement);
  }
}
