/**
 * The bounds of an extension's test, in Python: the model of `graph/rounding.ts` and
 * `graph/estimate-error.ts`, by which the compiler's own kernels are tested, on PyTorch's operations.
 */

import type { WarpMath } from "../../kernel/kernel.ts";

/** What factors are rounded to: half the spacing at 1, and the least normal number. */
const factorTypes: Readonly<
  Record<WarpMath, { readonly unit: string; readonly least: string } | undefined>
> = {
  f32: undefined,
  tf32: { unit: "2.0**-11", least: "2.0**-126" },
  f16: { unit: "2.0**-11", least: "2.0**-14" },
  bf16: { unit: "2.0**-8", least: "2.0**-126" },
};

/** `rounding.py`. */
export function roundingText(math: WarpMath): string {
  const { unit, least } = factorTypes[math] ?? { unit: "0.0", least: "0.0" };
  const factors =
    math === "f32"
      ? "Factors of products are float32, as all else is."
      : `Factors of products are rounded to ${math} before they are multiplied.`;
  return `${headText(factors)}
import contextlib
import math

import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

UNIT = 2.0**-24
FACTOR_UNIT = ${unit}
FACTOR_LEAST = ${least}
RUNS = 8
DEVIATIONS = 8


${boundsText}


${modeText}


${decisionsText}


${rulesText}
`;
}

function headText(factors: string): string {
  return `"""How far a kernel may be from what it means: bounds that follow from how it rounds.

The model. Each step of a kernel gives its exact result times 1 + d, |d| <= u = 2^-24 (float32), and the d of
different steps are independent with mean 0 (Higham and Mary 2019). ${factors}
A sum of n numbers, taken in any order, rounds n times: partial sums have a mean square of at most i/n Q + (i/n)^2 S^2,
with Q the sum of squares and S the sum, so it is off by about u sqrt(n Q / 2 + n S^2 / 3). Functions are as
imprecise as the weakest device promises.

The bound. The reference is run in float64, exactly and then 8 times with every number moved by its own rounding,
with random signs: the root of the mean square of what that does to a result is the scale s of its error. An error of
independent parts exceeds 8 s with a probability below 2 exp(-32) < 3e-14 (Hoeffding), so 8 s is the bound, plus the
rounding of the result to the type that it is returned in. Numbers of one row are of like error: s is at least that
of the row, which makes it steadier than 8 runs alone.

Choices (comparisons, sorting, argmax) are taken as the exact run takes them. Where the numbers that one decides between
are nearer than their bounds, a kernel may choose otherwise, and nothing that it gives can be compared.
"""
`;
}

const boundsText = `class Bounds:
    """What a function is to give, exactly, and by how much each number may be off."""

    def __init__(self, function, arguments):
        decisions = Decisions()
        self.exact = Exactly(decisions).run(function, arguments)
        squares = [torch.zeros_like(each) for each in self.exact]
        for seed in range(RUNS):
            moved = Rounded(decisions, seed).run(function, arguments)
            for square, value, truth in zip(squares, moved, self.exact):
                if truth.is_floating_point():
                    square += torch.where(value == truth, 0.0, value - truth) ** 2
        self.scales = [scale(each / RUNS) for each in squares]
        self.undecided = decisions.undecided()

    def excess(self, index, found):
        """The largest error of a result as a share of its bound; at most 1 if it is right."""
        truth = self.exact[index]
        if not truth.is_floating_point():
            return 0.0 if torch.equal(found.to(truth.dtype), truth) else math.inf
        kind = torch.finfo(found.dtype)
        # What is smaller than the least normal number of a type is off as far as that may be.
        returned = (UNIT + kind.eps / 2) * truth.abs() + kind.smallest_normal * kind.eps / 2
        value = found.to(torch.float64)
        share = (value - truth).abs() / (DEVIATIONS * self.scales[index] + returned)
        return torch.where(value == truth, 0.0, share.nan_to_num(math.inf)).max().item()


def listed(result):
    return [result] if isinstance(result, torch.Tensor) else list(result)


def scale(squares):
    """The root of mean squares, at least that of the row along the last axis."""
    rows = squares.mean(-1, keepdim=True) if squares.dim() > 0 else squares
    return torch.maximum(squares, rows.expand_as(squares)).sqrt()`;

const modeText = `class Exactly(TorchDispatchMode):
    """Runs a function as it is, and notes the choices that it makes."""

    def __init__(self, decisions):
        super().__init__()
        self.decisions = decisions
        self.decisions.next = 0
        # How often a sum is rounded for each of its numbers.
        self.roundings = 1

    def run(self, function, arguments):
        with self:
            return listed(function(**arguments, factor=self.factor, online=self.online))

    def factor(self, tensor):
        return tensor

    @contextlib.contextmanager
    def online(self):
        """Around an online softmax: its sums are rescaled as they grow, which rounds once more for each number."""
        self.roundings = 2
        yield
        self.roundings = 1

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        return self.decisions.note(func, args, kwargs or {}, result)


class Rounded(Exactly):
    """Runs a function with every number moved by its rounding, and with the choices of the exact run."""

    def __init__(self, decisions, seed):
        super().__init__(decisions)
        self.generator = torch.Generator().manual_seed(seed)

    def factor(self, tensor):
        with _disable_current_modes():
            sizes = torch.where(tensor == 0, 0.0, tensor.abs().clamp(min=FACTOR_LEAST))
            return self.moved(tensor, FACTOR_UNIT * sizes)

    def moved(self, tensor, by):
        signs = torch.randint(2, tensor.shape, generator=self.generator) * 2 - 1
        return torch.where(tensor.isfinite(), tensor + signs * by, tensor)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        result = func(*args, **(kwargs or {}))
        decided = self.decisions.replay(func, args, kwargs or {}, result)
        if decided is not result or not isinstance(result, torch.Tensor) or not result.is_floating_point():
            return decided
        if name in EXACT:
            return result
        if name not in ROUNDING:
            raise NotImplementedError(f"no rule for the rounding of {func}")
        own = ROUNDING[name](result, self.roundings, *args, **(kwargs or {}))
        return result if own is None else self.moved(result, UNIT * own)
`;

const decisionsText = `class Decisions:
    """The choices of the exact run in order, and how near they are to being others."""

    def __init__(self):
        self.results, self.gaps, self.squares, self.sorted = [], [], [], {}
        self.next = 0

    def note(self, func, args, kwargs, result):
        name = func.overloadpacket.__name__
        if name == "slice" and id(args[0]) in self.sorted:
            # Only the first ones are taken, so the order of all others decides nothing.
            _, dim, start, end = (*args, 0, None, None)[:4]
            place = self.sorted[id(args[0])]
            self.gaps[place] = self.gaps[place].narrow(dim, 0, min(end, self.gaps[place].shape[dim]))
            self.squares[place] = torch.zeros_like(self.gaps[place])
        if not decides(name, args, result):
            return result
        gap = gap_of(name, args, kwargs, result)
        if name == "sort":
            for each in result:
                self.sorted[id(each)] = len(self.gaps)
        self.results.append(result)
        self.gaps.append(gap)
        self.squares.append(None if gap is None else torch.zeros_like(gap))
        return result

    def replay(self, func, args, kwargs, result):
        name = func.overloadpacket.__name__
        if not decides(name, args, result):
            return result
        chosen, gap, squares = self.results[self.next], self.gaps[self.next], self.squares[self.next]
        self.next += 1
        if name == "sort":
            dim = dimension(args, kwargs)
            chosen = (args[0].gather(dim, chosen[1]), chosen[1])
        if gap is not None:
            moved = gap_of(name, args, kwargs, chosen)
            if name == "sort":
                moved = moved.narrow(dim, 0, gap.shape[dim])
            squares += torch.where(moved == gap, 0.0, moved - gap).nan_to_num(0.0) ** 2
        return chosen

    def undecided(self):
        """Whether an error within its bound could make another choice."""
        pairs = ((gap, squares) for gap, squares in zip(self.gaps, self.squares) if gap is not None)
        return any(((gap.abs() < DEVIATIONS * (squares / RUNS).sqrt()).any().item()) for gap, squares in pairs)


COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge"}
STEPS = {"floor", "ceil", "round"}


def of_floats(args):
    return any(isinstance(each, torch.Tensor) and each.is_floating_point() for each in args)


def decides(name, args, result):
    """Whether an operation makes whole numbers of floats."""
    if not of_floats(args):
        return False
    if name == "sort" or name in STEPS:
        return True
    return isinstance(result, torch.Tensor) and not result.is_floating_point()


def dimension(args, kwargs):
    return kwargs.get("dim", -1)


def gap_of(name, args, kwargs, result):
    """How far each choice is from being another one; None where every choice is the same."""
    x = args[0]
    if name in COMPARISONS:
        return (torch.as_tensor(x) - torch.as_tensor(args[1])).to(torch.float64).nan_to_num()
    if name == "sort":
        return result[0].diff(dim=dimension(args, kwargs))
    if name == "argmax":
        dim = args[1] if len(args) > 1 else -1
        if x.shape[dim] < 2:
            return None
        best = x.gather(dim, result.unsqueeze(dim))
        return best - x.scatter(dim, result.unsqueeze(dim), -math.inf).amax(dim, keepdim=True)
    if name == "round":
        return x - result - torch.where(x >= result, 0.5, -0.5)
    return x - x.round()`;

const rulesText = `def sum_of(count, squares, total):
    """A sum of so many numbers, with this sum of squares."""
    return (count * squares / 2 + count * total**2 / 3).sqrt()


def product(result, roundings, left, right):
    squares = torch.matmul(left**2, right**2)
    return torch.hypot(sum_of(roundings * left.shape[-1], squares, result), squares.sqrt())


def reduction(result, roundings, x, dims=None, keepdim=False, **_):
    dims = list(range(x.dim())) if dims is None else dims
    count = math.prod(x.shape[each] for each in dims)
    return sum_of(roundings * count, (x**2).sum(dims, keepdim), result)


def mean(result, roundings, x, dims=None, keepdim=False, **_):
    dims = list(range(x.dim())) if dims is None else dims
    count = max(1, math.prod(x.shape[each] for each in dims))
    squares = (x**2).sum(dims, keepdim)
    return torch.hypot(sum_of(count, squares, result * count) / count, 5 * result)


def running_sum(result, _, x, dim, **__):
    shape = [-1 if each == dim % x.dim() else 1 for each in range(x.dim())]
    places = torch.arange(x.shape[dim], dtype=x.dtype).reshape(shape)
    return sum_of(places, (x**2).cumsum(dim), result)


def relative(units):
    return lambda result, *_, **__: units * result.abs()


def exponential(result, _, x):
    return torch.where(result == 0, 0.0, (6 + 4 * x.abs()) * result)


def logistic(x):
    y = x.sigmoid()
    return (6 + 4 * x.abs()) * y * (1 - y) + 6 * y


def gelu(result, _, x, approximate="none"):
    return (10 if approximate == "tanh" else 4) * x.abs()


def conversion(result, *_, **__):
    return torch.where(result.to(torch.float32).to(torch.float64) == result, 0.0, result.abs())


def quotient(result, *args, rounding_mode=None):
    return None if rounding_mode is not None else 5 * result.abs()


#: The rounding of operations in units of u, from the result, the roundings of a sum and the arguments.
ROUNDING = {
    "add": relative(1),
    "sub": relative(1),
    "rsub": relative(1),
    "mul": relative(1),
    "div": quotient,
    "exp": exponential,
    "log": lambda result, *_: 8 + 6 * result.abs(),
    "sqrt": relative(5),
    "rsqrt": relative(4),
    "tanh": relative(10),
    "sigmoid": lambda result, _, x: logistic(x),
    "silu": lambda result, _, x: x.abs() * logistic(x) + result.abs(),
    "gelu": gelu,
    "erf": lambda result, *_: torch.full_like(result, 4),
    "sin": lambda result, *_: torch.full_like(result, 4),
    "cos": lambda result, *_: torch.full_like(result, 4),
    "acos": lambda result, *_: torch.full_like(result, 1136),
    "mm": product,
    "bmm": product,
    "mv": product,
    "dot": product,
    "sum": reduction,
    "mean": mean,
    "cumsum": running_sum,
    "_to_copy": conversion,
    "lift_fresh": conversion,
}

#: Operations that move, choose or negate numbers.
EXACT = set(
    """abs alias amax amin arange as_strided cat clamp clone contiguous copy_ detach diagonal expand fill_ floor_divide full
    full_like gather index index_select max maximum min minimum nan_to_num neg new_full new_zeros ones ones_like
    permute relu remainder repeat reshape scalar_tensor select slice split squeeze stack t transpose unbind unsqueeze
    _unsafe_view view where zeros zeros_like""".split()
)`;
