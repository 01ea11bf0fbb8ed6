/**
 * exp, exp2, log, tanh, erf and acos from operations that every target rounds alike, so that targets
 * agree to the last bits and WGSL's loose built-ins (exp: 3 + 2·|x| ulp) do not enter. All work on
 * one value or four lanes.
 *
 * Coefficients of exp, log, tanh and acos are those of Cephes (S. Moshier, single precision), of erf
 * those of N. Juffa (public forum posts on `erff`). Bounds, tested against double precision: exp,
 * exp2, log, tanh 2 ulp; erf 2 · 10⁻⁷ and acos 4 · 10⁻⁷ absolute.
 */

import * as build from "../../build.ts";
import type { Expr } from "../../kernel.ts";
import { i32 } from "../../kernel.ts";

/** Gives a value a name, so that it is computed once. */
export type Bind = (value: Expr, name: string) => Expr;

const { add, call, divide, less, multiply, negate, select, subtract } = build;

/** The polynomial with these coefficients, highest power first, at `x`. */
export function polynomial(x: Expr, [first, ...others]: readonly [number, ...number[]]): Expr {
  const start: Expr = build.constant(x.type, first);
  return others.reduce((sum: Expr, each) => add(multiply(sum, x), each), start);
}

/** 2ⁿ · e^r for a whole n (as f32) in [-150, 128] and |r| at most ln 2 / 2. */
function scaledExp(n: Expr, r: Expr, bind: Bind): Expr {
  const tail = polynomial(
    r,
    [
      1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
      5.0000001201e-1,
    ],
  );
  const value = add(add(multiply(tail, multiply(r, r)), r), 1);
  // In two steps, so that neither factor leaves the normal range.
  const whole = bind(build.cast(n, i32), "exp_power");
  const half = bind(build.shiftRight(whole, 1), "exp_half");
  return multiply(multiply(value, powerOfTwo(half)), powerOfTwo(subtract(whole, half)));
}

function powerOfTwo(exponent: Expr): Expr {
  return call("from_bits", build.shiftLeft(add(exponent, 127), 23));
}

/** e^x; above 88.73 it overflows, below -104 it is 0. */
export function exp(x: Expr, bind: Bind): Expr {
  const inside = bind(call("min", call("max", x, -104), 89), "exp_in");
  const n = bind(call("round_even", multiply(inside, Math.LOG2E)), "exp_n");
  const high = subtract(inside, multiply(n, 0.693359375));
  return scaledExp(n, bind(add(high, multiply(n, 2.1219444e-4)), "exp_rest"), bind);
}

/** 2^x; from 128 on it overflows, below -150 it is 0. */
export function exp2(x: Expr, bind: Bind): Expr {
  const inside = bind(call("min", call("max", x, -150), 128), "exp_in");
  const n = bind(call("round_even", inside), "exp_n");
  return scaledExp(n, bind(multiply(subtract(inside, n), Math.LN2), "exp_rest"), bind);
}

/**
 * 2^x for x of at most 0, in half the steps: weights of a softmax. From -126.5 down it is 0. The
 * polynomial is that of Cephes' exp2f: 1.7e-7 of the value, and the roundings.
 */
export function exp2Negative(x: Expr, bind: Bind): Expr {
  // The bits of 2^-127 are those of 0.
  const inside = bind(call("max", x, -127), "exp_in");
  const n = bind(call("round_even", inside), "exp_n");
  const r = bind(subtract(inside, n), "exp_rest");
  const tail = polynomial(
    r,
    [1.5353362e-4, 1.3398874e-3, 9.6184373e-3, 5.5503325e-2, 2.4022648e-1, 6.931472e-1],
  );
  // The last bits of a number of this size are whole: n, without a conversion; the others are shifted out.
  const whole = call("bits_of", add(n, 1.5 * 2 ** 23));
  const power = call("from_bits", build.shiftLeft(add(whole, 127), 23));
  return multiply(add(multiply(tail, r), 1), power);
}

/** The natural logarithm; minus infinity for 0 and below. */
export function log(x: Expr, bind: Bind): Expr {
  const tiny = bind(less(x, 2 ** -126), "log_tiny");
  // What is below the normal range is moved into it first.
  const scaled = select(tiny, multiply(x, 2 ** 25), x);
  const bits = bind(call("bits_of", scaled), "log_bits");
  const fraction = bind(
    call("from_bits", build.bitOr(build.bitAnd(bits, 0x007fffff), 0x3f000000)),
    "log_fraction",
  );
  const low = bind(less(fraction, Math.SQRT1_2), "log_low");
  const power = subtract(build.shiftRight(bits, 23), select(low, asInt(x, 127), asInt(x, 126)));
  const exponent = bind(
    subtract(build.cast(power, x.type), select(tiny, asReal(x, 25), asReal(x, 0))),
    "log_power",
  );
  const m = bind(subtract(select(low, add(fraction, fraction), fraction), 1), "log_rest");
  const square = bind(multiply(m, m), "log_square");
  const tail = polynomial(
    m,
    [
      7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1,
      -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ],
  );
  const small = subtract(multiply(multiply(m, square), tail), multiply(exponent, 2.1219444e-4));
  const sum = add(m, subtract(small, multiply(square, 0.5)));
  const result = add(sum, multiply(exponent, 0.693359375));
  // Text cannot say infinity; this overflows to it where it is computed.
  return select(less(0, x), result, multiply(subtract(x, 3e38), 3e38));
}

function asInt(like: Expr, value: number): Expr {
  return build.constant(build.typeOf("i32", like.type.lanes), value);
}

function asReal(like: Expr, value: number): Expr {
  return build.constant(like.type, value);
}

/** The hyperbolic tangent; exactly ±1 from |x| = 10 on. */
export function tanh(x: Expr, bind: Bind): Expr {
  const size = bind(call("min", call("abs", x), 10), "tanh_size");
  const square = bind(multiply(x, x), "tanh_square");
  const tail = polynomial(
    square,
    [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
  );
  const small = add(multiply(multiply(tail, square), x), x);
  const power = exp(bind(add(size, size), "tanh_double"), bind);
  const large = bind(subtract(1, divide(2, add(power, 1))), "tanh_large");
  const signed = select(less(x, 0), negate(large), large);
  return select(less(size, 0.625), small, signed);
}

/** The error function; exactly ±1 from |x| = 4 on. */
export function erf(x: Expr, bind: Bind): Expr {
  const size = bind(call("min", call("abs", x), 4), "erf_size");
  const square = bind(multiply(x, x), "erf_square");
  const tail = polynomial(
    square,
    [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1],
  );
  const small = add(multiply(tail, x), x);
  const power = polynomial(
    size,
    [
      -1.7285347e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1,
      -1.28717512e-1,
    ],
  );
  const exponent = bind(subtract(multiply(power, size), size), "erf_power");
  const large = bind(subtract(1, exp(exponent, bind)), "erf_large");
  const signed = select(less(x, 0), negate(large), large);
  return select(less(0.927734375, size), signed, small);
}

/** The arc cosine of a value in [-1, 1]; values slightly outside count as the ends. */
export function acos(x: Expr, bind: Bind): Expr {
  const size = bind(call("min", call("abs", x), 1), "acos_size");
  const large = bind(less(0.5, size), "acos_large");
  const square = bind(
    select(large, multiply(subtract(1, size), 0.5), multiply(size, size)),
    "acos_square",
  );
  const root = bind(select(large, call("sqrt", square), size), "acos_root");
  const tail = polynomial(
    square,
    [4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1],
  );
  const sine = bind(add(multiply(multiply(tail, square), root), root), "acos_sine");
  const negative = bind(less(x, 0), "acos_negative");
  const double = bind(add(sine, sine), "acos_double");
  const far = select(negative, subtract(Math.PI, double), double);
  const near = select(negative, add(sine, Math.PI / 2), subtract(Math.PI / 2, sine));
  return select(large, far, near);
}
