/** The words that expressions know without a declaration. */

/** Elementwise functions of one value, by their name in the language. */
export const unaryFunctions = [
  "exp",
  "log",
  "sqrt",
  "rsqrt",
  "tanh",
  "sigmoid",
  "silu",
  "gelu",
  "gelu_tanh",
  "quick_gelu",
  "erf",
  "relu",
  "sin",
  "cos",
  "acos",
  "abs",
  "floor",
  "ceil",
  "round",
  "float",
  "int",
] as const;

/** Every other function of the language. */
const otherFunctions = [
  "min",
  "max",
  "clamp",
  "where",
  "floor_div",
  "sum",
  "mean",
  "softmax",
  "argmax",
  "cumulative",
  "top",
  "sort",
  "index",
  "position",
  "split",
  "merge",
  "stack",
  "slice",
  "attend",
  "attend_with_weights",
  "measured",
] as const;

/** Names that a file cannot declare. */
export const builtins: ReadonlySet<string> = new Set<string>([
  ...unaryFunctions,
  ...otherFunctions,
  "all",
  "given",
]);
