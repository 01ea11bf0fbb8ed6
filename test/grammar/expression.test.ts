/** Expressions: precedence, postfix chains, what must be refused. */

import { expect, test } from "vitest";
import { expression } from "./support.ts";

const accepted: readonly (readonly [string, string])[] = [
  ["a or b and c", "(or a (and b c))"],
  ["a and b or c and d", "(or (and a b) (and c d))"],
  ["not a and b", "(and (not a) b)"],
  ["not a == b", "(not (== a b))"],
  ["not not a", "(not (not a))"],
  ["q in text and k <= q", "(and (in q text) (<= k q))"],
  ["q - k < width", "(< (- q k) width)"],
  ["a - b - c", "(- (- a b) c)"],
  ["a - (b - c)", "(- a (- b c))"],
  ["a + b * c @ d", "(+ a (@ (* b c) d))"],
  ["a / b % c", "(% (/ a b) c)"],
  ["-a * b", "(* (- a) b)"],
  ["a * -b", "(* a (- b))"],
  ["a - -b", "(- a (- b))"],
  ["-x.y[k]", "(- x.y[k])"],
  ["x with text = a + b", "(with x text (+ a b))"],
  ["x with text = a with visual = b", "(with (with x text a) visual b)"],
  ["x with text = a == y", "(== (with x text a) y)"],
  ["a + x with text = b", "(with (+ a x) text b)"],
  ["1e-5 + 0.5 + 3", "(+ (+ 0.00001f 0.5f) 3)"],
  ["[3, 8, 13,]", "[3 8 13]"],
  ["[]", "[]"],
  ["l in [3, 8]", "(in l [3 8])"],
  ["true or false", "(or true false)"],
  ["x[S = e, Row ?= 1 + c, T as K, q]", "x[S = e, Row ?= (+ 1 c), T as K, q]"],
  ["x[T.given = e]", "x[T.given = e]"],
  ["sum(x over D)", "sum(x over D)"],
  ["sum(x over D, E)", "sum(x over D E)"],
  ["sum(x over T.given, E)", "sum(x over T.given E)"],
  ["top(x over V, n)", "top(x over V, n)"],
  ["top(x over V, N = 3)", "top(x over V, N = 3)"],
  ["top(x over V; N)", "top(x over V, N)"],
  [
    "attend(q, k, v over K; mask, scale = 1 / sqrt(E), normalize = softmax)",
    "attend(q, k, v over K, mask, scale = (/ 1 sqrt(E)), normalize = softmax)",
  ],
  ["merge(x, Image * P = V)", "merge(x, (* Image P) = V)"],
  ["split(x, E = Pair * Half)", "split(x, E = (* Pair Half))"],
  ["join S(visual = a, text = b)", "join S(visual = a, text = b)"],
  ["join + join(a)", "(+ join join(a))"],
  ["f(x) at a.b[l].c", "f(x) at a/b/[l]/c"],
  ["(f(x) at model.norm) @ w", "(@ f(x) at model/norm w)"],
  ["f(x) at model.norm @ w", "(@ f(x) at model/norm w)"],
  [
    "x + self_attention[H, G, E](rms_norm(x) at input_layernorm, sees) at self_attn",
    "(+ x self_attention[H, G, E](rms_norm(x) at input_layernorm, sees) at self_attn)",
  ],
  ['model.layers.0."odd name".weight', "model.layers.0.odd name.weight"],
  ["model.layers.0.1.weight", "model.layers.0.1.weight"],
  ["a.in.with.or", "a.in.with.or"],
  ["f(x) at 0.1.weight", "f(x) at 0/1/weight"],
  ["input + model + weight + output + path", "(+ (+ (+ (+ input model) weight) output) path)"],
  ['f("a \\"quoted\\" one")', 'f("a \\"quoted\\" one")'],
  ["a\n  or b\n  and c", "(or a (and b c))"],
  ["a or\n  b", "(or a b)"],
  ["f(\n a,\n\n b\n)", "f(a, b)"],
];

test.each(accepted)("%s", (text, wanted) => {
  expect(expression(text)).toBe(wanted);
});

const refused: readonly (readonly [string, string])[] = [
  ["a < b < c", "error syntax/comparison"],
  ["a == b != c < d", "error syntax/comparison"],
  ["q in text in image", "error syntax/comparison"],
  ["a +", "error syntax/expected"],
  ["a b", "error syntax/expected"],
  ["f(a b)", "error syntax/expected"],
  ["f(, a)", "error syntax/expected"],
  ["q = k", "error syntax/equals"],
  ["x[a + b = c]", "error syntax/axis"],
  ["x[a() as B]", "error syntax/axis"],
  ["x[row = 3]", "error syntax/capital"],
  ["sum(x over d)", "error syntax/capital"],
  ["join s(a = b)", "error syntax/capital"],
  ["x with Text = a", "error syntax/capital"],
  ["f(x) at", "error syntax/expected"],
  ["f(x).a at b", "error syntax/expected"],
  ["a ! b", "error syntax/operator"],
  ["3x", "error syntax/expected"],
];

test.each(refused)("%s is refused", (text, wanted) => {
  expect(expression(text)).toBe(wanted);
});
