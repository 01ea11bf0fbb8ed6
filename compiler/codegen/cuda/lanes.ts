/**
 * The CUDA C++ definition of four lanes: a struct of four scalars and the operators, functions,
 * loads and stores of kernel IR on it, lane by lane. Without templates over operators, so that error
 * messages and the text stay plain.
 */

const head = "template <typename T> __device__ inline";

function operator(symbol: string, result: string): string {
  const lane = (name: string): string => `a.${name} ${symbol} b.${name}`;
  const items = ["x", "y", "z", "w"].map(lane).join(", ");
  return `${head} lanes<${result}> operator${symbol}(lanes<T> a, lanes<T> b) { return {${items}}; }`;
}

function shift(symbol: string): string {
  const items = ["x", "y", "z", "w"].map((name) => `a.${name} ${symbol} n`).join(", ");
  const own = "__device__ inline lanes<int>";
  return `${own} operator${symbol}(lanes<int> a, int n) { return {${items}}; }`;
}

function lanewise(result: string, name: string, type: string, count: number): string {
  const names = ["a", "b", "c"].slice(0, count);
  const parameters = names.map((each) => `lanes<${type}> ${each}`).join(", ");
  const items = ["x", "y", "z", "w"].map(
    (lane) => `${name}(${names.map((each) => `${each}.${lane}`).join(", ")})`,
  );
  return `__device__ inline lanes<${result}> ${name}(${parameters}) { return {${items.join(", ")}}; }`;
}

const floatFunctions: readonly (readonly [string, number])[] = [
  ["fabsf", 1],
  ["fminf", 2],
  ["fmaxf", 2],
  ["floorf", 1],
  ["ceilf", 1],
  ["rintf", 1],
  ["sqrtf", 1],
  ["rsqrtf", 1],
  ["fmaf", 3],
];

/** The lines of the definition. */
export const lanesPrelude: readonly string[] = [
  "#ifndef BRAID_LANES",
  "#define BRAID_LANES",
  "template <typename T> struct lanes {",
  "  T x, y, z, w;",
  "  __device__ lanes(T x, T y, T z, T w) : x(x), y(y), z(z), w(w) {}",
  "  template <typename U> __device__ explicit lanes(lanes<U> a) : x(a.x), y(a.y), z(a.z), w(a.w) {}",
  "};",
  `${head} lanes<T> splat4(T a) { return {a, a, a, a}; }`,
  ...["+", "-", "*", "/", "%"].map((symbol) => operator(symbol, "T")),
  ...["&", "|"].map((symbol) => operator(symbol, "T")),
  ...["==", "!=", "<", "<="].map((symbol) => operator(symbol, "bool")),
  ...["<<", ">>"].map(shift),
  `${head} lanes<T> operator-(lanes<T> a) { return {-a.x, -a.y, -a.z, -a.w}; }`,
  `${head} lanes<T> operator!(lanes<T> a) { return {!a.x, !a.y, !a.z, !a.w}; }`,
  ...floatFunctions.map(([name, count]) => lanewise("float", name, "float", count)),
  ...["min", "max"].map((name) => lanewise("int", name, "int", 2)),
  lanewise("int", "abs", "int", 1),
  lanewise("int", "__float_as_int", "float", 1),
  lanewise("float", "__int_as_float", "int", 1),
  `${head} T select4(bool c, T a, T b) { return c ? a : b; }`,
  `${head} lanes<T> select4(lanes<bool> c, lanes<T> a, lanes<T> b) {`,
  "  return {c.x ? a.x : b.x, c.y ? a.y : b.y, c.z ? a.z : b.z, c.w ? a.w : b.w};",
  "}",
  `${head} lanes<T> load4(const T* p, int i) { return {p[i], p[i + 1], p[i + 2], p[i + 3]}; }`,
  `${head} void store4(T* p, int i, lanes<T> a) {`,
  "  p[i] = a.x; p[i + 1] = a.y; p[i + 2] = a.z; p[i + 3] = a.w;",
  "}",
  "// Four elements that start at a multiple of their size, in one access.",
  "template <typename T> struct alignas(4 * sizeof(T)) four { T x, y, z, w; };",
  `${head} lanes<T> load4_aligned(const T* p, int i) {`,
  "  const four<T> a = *reinterpret_cast<const four<T>*>(p + i);",
  "  return {a.x, a.y, a.z, a.w};",
  "}",
  `${head} void store4_aligned(T* p, int i, lanes<T> a) {`,
  "  *reinterpret_cast<four<T>*>(p + i) = {a.x, a.y, a.z, a.w};",
  "}",
  "#endif",
];
