/**
 * Functions that JavaScript lacks, to nearly the last bit of a float64. They define what `erf`,
 * `gelu` and the others mean; kernels approximate them.
 */

/** Below it the series of erf converges quickly; above it the continued fraction of erfc does. */
const seriesLimit = 1.25;

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

/** The error function. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size < seriesLimit) return erfSeries(x);
  return Number.isNaN(x) ? x : Math.sign(x) * (1 - erfcFraction(size));
}

/** `1 - erf(x)`, without cancellation where x is large. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x >= seriesLimit) return erfcFraction(x);
  return 1 - erf(x);
}

/** `x Φ(x)`, Φ the standard normal distribution. */
export function gelu(x: number): number {
  return x === Number.NEGATIVE_INFINITY ? 0 : 0.5 * x * erfc(-x * Math.SQRT1_2);
}

/** The usual tanh approximation of gelu (Hendrycks and Gimpel 2016), a function in its own right. */
export function geluTanh(x: number): number {
  if (x === Number.NEGATIVE_INFINITY) return 0;
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
}

/** `1 / (1 + e^-x)`, without overflow. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const small = Math.exp(x);
  return small / (1 + small);
}

/** `x sigmoid(x)`; 0 at -∞. */
export function silu(x: number): number {
  return x === Number.NEGATIVE_INFINITY ? 0 : x * sigmoid(x);
}

/** To the nearest whole number, halves to the even one, as WGSL, CUDA and PyTorch do. */
export function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (rest < 0.5) return down;
  if (rest > 0.5) return down + 1;
  return down % 2 === 0 ? down : down + 1;
}

/** Integer division, rounded down. By 0 it gives 0: kernels must not trap in a branch not taken. */
export function floorDivide(a: number, b: number): number {
  return b === 0 ? 0 : Math.floor(a / b);
}

/** What `floorDivide` leaves: it has the sign of `b`. By 0 it gives 0. */
export function floorRemainder(a: number, b: number): number {
  return b === 0 ? 0 : a - b * Math.floor(a / b);
}

/** erf x = 2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)) (Abramowitz and Stegun 7.1.6); all terms of one sign. */
function erfSeries(x: number): number {
  const square = x * x;
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 2 ** -55; n++) {
    term *= (2 * square) / (2 * n + 1);
    sum += term;
  }
  return twoOverRootPi * expOfMinusSquare(x) * sum;
}

/** erfc x = e^(-x²)/√π / (x + (1/2)/(x + (2/2)/(x + …))) (7.1.14), from the far end. */
function erfcFraction(x: number): number {
  // It converges more slowly the smaller x is: so many levels leave less than a float64 shows.
  const levels = x < 2 ? 120 : 60;
  let tail = x;
  for (let n = levels; n >= 1; n--) tail = x + n / 2 / tail;
  return expOfMinusSquare(x) / (Math.sqrt(Math.PI) * tail);
}

/** e^(-x²) without the error of rounding x²: x is split so that the square of its head is exact. */
function expOfMinusSquare(x: number): number {
  const head = Math.fround(x);
  if (!Number.isFinite(head)) return Number.isNaN(x) ? x : 0;
  return Math.exp(-head * head) * Math.exp((head - x) * (head + x));
}
