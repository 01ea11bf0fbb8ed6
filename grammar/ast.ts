/**
 * The syntax tree of a Braid file. It records what is written and knows nothing of tensors: whether
 * `a.b` is a segment, an axis part or a weight path is decided by `compiler/check`.
 */

import type { Span } from "./source.ts";

/** A word as written, with its place. */
export interface Name {
  readonly text: string;
  readonly span: Span;
}

export interface Module {
  readonly file: string;
  readonly imports: readonly Import[];
  readonly declarations: readonly Declaration[];
}

/** `import { rms_norm, swiglu as glu } from "std/decoder"`. */
export interface Import {
  readonly names: readonly ImportedName[];
  readonly from: { readonly text: string; readonly span: Span };
  readonly span: Span;
}

export interface ImportedName {
  readonly name: Name;
  /** The name in this file; the same as `name` unless `as` renames it. */
  readonly local: Name;
}

export type Declaration =
  | MaskDeclaration
  | ScoreDeclaration
  | BlockDeclaration
  | ModelDeclaration
  | ModelAlias;

interface Documented {
  readonly name: Name;
  /** The text of the `///` lines above, without slashes; empty if there are none. */
  readonly doc: string;
  /** A syntax error was reported in its head, so only its name and kind are certain. */
  readonly broken?: true;
  readonly span: Span;
}

/** `mask window(width: int)(q, k) = q - k < width`. */
export interface MaskDeclaration extends Documented {
  readonly kind: "mask";
  readonly parameters: readonly Parameter[];
  readonly query: Name;
  readonly key: Name;
  readonly body: Expr;
}

/** `score softcap(cap: number)(s, q, k) = cap * tanh(s / cap)`. */
export interface ScoreDeclaration extends Documented {
  readonly kind: "score";
  readonly parameters: readonly Parameter[];
  readonly logit: Name;
  readonly query: Name;
  readonly key: Name;
  readonly body: Expr;
}

/** `block name[dims](parameters) -> result { body }`. Several results are written `-> ([S, D], [S])`. */
export interface BlockDeclaration extends Documented {
  readonly kind: "block";
  readonly dims: readonly DimParameter[];
  readonly parameters: readonly Parameter[];
  readonly results: readonly TypeExpr[];
  readonly body: readonly Statement[];
}

/** `model Name[dims](parameters) { body }`. */
export interface ModelDeclaration extends Documented {
  readonly kind: "model";
  readonly dims: readonly DimParameter[];
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
}

/** `model Llava = EeMllm[L = 4](sees = causal)`. */
export interface ModelAlias extends Documented {
  readonly kind: "alias";
  readonly base: Name;
  readonly dims: readonly BracketItem[];
  readonly arguments: readonly Argument[];
}

/** `D`, `D = 4096` or `D = 4096 from hidden_size` between the brackets of a block or model. */
export interface DimParameter {
  readonly name: Name;
  readonly value?: Expr;
  readonly from?: ConfigKey;
  readonly span: Span;
}

/** A formal between parentheses: `x: [S, D]`, `sees: mask = composite`, `eps = 1e-5 from rms_norm_eps`. */
export interface Parameter {
  readonly name: Name;
  readonly type?: TypeExpr;
  readonly value?: Expr;
  readonly from?: ConfigKey;
  readonly span: Span;
}

/** The dotted key of `config.json` that a number is checked against, e.g. `text_config.rope_theta`. */
export interface ConfigKey {
  readonly text: string;
  readonly span: Span;
}

/** A shape with an element type, or the name of a kind of compile-time value. */
export type TypeExpr =
  | {
      readonly kind: "shape";
      readonly element: "float" | "int" | "token" | "bool";
      /** `[.., D]`: the block lifts over any other axes. */
      readonly lifts: boolean;
      readonly axes: readonly AxisExpr[];
      readonly span: Span;
    }
  | {
      /** `int`, `float` and `bool` without brackets are scalars and stand here, too. */
      readonly kind: "named";
      readonly name: "mask" | "score" | "number" | "numbers" | "int" | "float" | "bool" | "token";
      readonly span: Span;
    };

/** `S`, `Row = Size` (axis and its size) or `S: {visual, text}` (a sequence with these segments). */
export interface AxisExpr {
  readonly name: Name;
  readonly size?: Expr;
  readonly segments?: readonly Name[];
  readonly span: Span;
}

export type Statement =
  | {
      readonly kind: "input";
      readonly name: Name;
      readonly type: TypeExpr;
      readonly doc: string;
      readonly span: Span;
    }
  | { readonly kind: "weight"; readonly path: Path; readonly type: TypeExpr; readonly span: Span }
  | {
      readonly kind: "path";
      readonly name: Name;
      readonly alternatives: readonly Path[];
      readonly span: Span;
    }
  | { readonly kind: "tie"; readonly left: Path; readonly right: Path; readonly span: Span }
  | {
      /** `sequence S = visual: V at "<image>" by image_of, text: T positions e`. */
      readonly kind: "sequence";
      readonly name: Name;
      readonly segments: readonly SegmentExpr[];
      readonly positions?: Expr;
      readonly span: Span;
    }
  | {
      /** `a = e`, `a: [S, K] = e`, `values, indices = top(…)`; a target that begins with a capital is a dim. */
      readonly kind: "bind";
      readonly targets: readonly BindTarget[];
      readonly value: Expr;
      readonly span: Span;
    }
  | {
      readonly kind: "for";
      readonly variable: Name;
      readonly from: Expr;
      readonly to: Expr;
      readonly except?: Expr;
      readonly body: readonly Statement[];
      readonly span: Span;
    }
  | {
      readonly kind: "if";
      readonly condition: Expr;
      readonly then: readonly Statement[];
      readonly otherwise: readonly Statement[];
      readonly span: Span;
    }
  | { readonly kind: "require"; readonly condition: Expr; readonly span: Span }
  | { readonly kind: "return"; readonly values: readonly Expr[]; readonly span: Span }
  | {
      /** `output logits`, `output hidden[l] = x`. */
      readonly kind: "output";
      readonly name: Name;
      readonly index?: Expr;
      readonly value?: Expr;
      readonly span: Span;
    }
  | {
      /** `adapt model.layers[*].**.weight with lora(rank = 8, alpha = 16) on visual`. */
      readonly kind: "adapt";
      readonly pattern: Pattern;
      readonly method: Name;
      readonly arguments: readonly Argument[];
      /** The segment whose rows are adapted; all rows if absent. */
      readonly on?: Name;
      readonly span: Span;
    }
  | {
      readonly kind: "generate";
      readonly tokens: Name;
      readonly logits: Name;
      readonly span: Span;
    };

export interface BindTarget {
  readonly name: Name;
  readonly type?: TypeExpr;
}

export interface SegmentExpr {
  readonly name: Name;
  readonly axis: Name;
  /** The placeholder of the tokenised prompt whose slots the rows take. */
  readonly at?: { readonly text: string; readonly span: Span };
  /** An `int` value over the axis that names each row's group where groups differ in size. */
  readonly by?: Name;
  readonly span: Span;
}

/** A checkpoint path: `model.layers[l].self_attn`, `experts[Expert].up.weight`, `"odd name".weight`. */
export interface Path {
  readonly parts: readonly PathPart[];
  readonly span: Span;
}

export type PathPart =
  | { readonly kind: "word"; readonly text: string; readonly span: Span }
  /** A compile-time number, or an axis (capital) along which one tensor a number is stacked. */
  | { readonly kind: "index"; readonly value: Expr; readonly span: Span };

/** Checkpoint paths of one form: `model.layers[*].**.weight`. */
export interface Pattern {
  readonly parts: readonly PatternPart[];
  readonly span: Span;
}

export type PatternPart =
  | { readonly kind: "word"; readonly text: string; readonly span: Span }
  /** A compile-time number, or a list of them. */
  | { readonly kind: "index"; readonly value: Expr; readonly span: Span }
  /** `[*]`: any one part. */
  | { readonly kind: "any"; readonly span: Span }
  /** `**`: any number of parts. */
  | { readonly kind: "deep"; readonly span: Span };

export type BinaryOperator =
  | "+"
  | "-"
  | "*"
  | "/"
  | "%"
  | "@"
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "and"
  | "or"
  | "in";

export type Expr =
  | {
      readonly kind: "number";
      readonly value: number;
      readonly integer: boolean;
      readonly span: Span;
    }
  | { readonly kind: "string"; readonly value: string; readonly span: Span }
  | { readonly kind: "boolean"; readonly value: boolean; readonly span: Span }
  | { readonly kind: "list"; readonly items: readonly Expr[]; readonly span: Span }
  | { readonly kind: "name"; readonly text: string; readonly span: Span }
  /** `x.text`, `T.given`, and the dots of weight paths; integers and quoted strings may follow a dot. */
  | { readonly kind: "member"; readonly target: Expr; readonly member: Name; readonly span: Span }
  /** `x[S = e]`, `x[Row ?= e]`, `x[S as K]`, `document[q]`, `rms_norm[D]`, `model.layers[l]`. */
  | {
      readonly kind: "bracket";
      readonly target: Expr;
      readonly items: readonly BracketItem[];
      readonly span: Span;
    }
  /** `callee(arguments) at path`; `callee` may be a bracket that carries dims; `join S(…)` is its own kind. */
  | {
      readonly kind: "call";
      readonly callee: Expr;
      readonly arguments: readonly Argument[];
      readonly at?: Path;
      readonly span: Span;
    }
  /** `join S(visual = a, text = b)`. */
  | {
      readonly kind: "join";
      readonly sequence: Name;
      readonly arguments: readonly Argument[];
      readonly span: Span;
    }
  /** `x with text = e`. */
  | {
      readonly kind: "with";
      readonly target: Expr;
      readonly segment: Name;
      readonly value: Expr;
      readonly span: Span;
    }
  | {
      readonly kind: "unary";
      readonly operator: "-" | "not";
      readonly operand: Expr;
      readonly span: Span;
    }
  | {
      readonly kind: "binary";
      readonly operator: BinaryOperator;
      readonly left: Expr;
      readonly right: Expr;
      readonly operatorSpan: Span;
      readonly span: Span;
    }
  /** Left where the text could not be parsed; the error has been reported. */
  | { readonly kind: "missing"; readonly span: Span };

/** `e`, `Axis = e`, `Axis ?= e` or `Axis as Name`. */
export type BracketItem =
  | { readonly kind: "value"; readonly value: Expr; readonly span: Span }
  | {
      readonly kind: "select";
      readonly axis: Name;
      readonly padded: boolean;
      readonly value: Expr;
      readonly span: Span;
    }
  | { readonly kind: "rename"; readonly axis: Name; readonly to: Name; readonly span: Span };

/**
 * `e`, `e over K, L`, `name = e`, and for reshapes `E = Pair * Half` or `Pair * Half = E`: the left
 * side is an expression, since `merge` puts a product there. `;` separates like `,`.
 */
export interface Argument {
  readonly label?: Expr;
  readonly value: Expr;
  readonly over: readonly Name[];
  readonly span: Span;
}
