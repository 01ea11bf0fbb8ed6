/**
 * The loop IR: what one work group does, with buffers, loops, group memory and register tiles.
 *
 * A kernel runs `groups` times (a run-time number, the only grid dimension) with `workgroupSize`
 * invocations each; CPU schedules have one. Kernels are built with tiles and every function; the
 * passes of `kernel/passes` (`legalize`) leave what a printer knows: scalars, vec4, plain functions.
 *
 * Invariants (`verify`): names are unique in a kernel and are words of letters, digits and `_`;
 * every variable is declared before use in an enclosing scope; types match exactly, lanes included;
 * barriers and what is taken across invocations stand in control flow that is uniform over the group; no buffer is both read and written
 * unless its access says so; a tile's extents are constants. Where warps hold the tiles, statements on
 * tiles stand in control flow that is uniform over the warp and read no variable that is not.
 */

import type { RowBlocks } from "../../runtime/contract.ts";
export type ScalarType = "f32" | "i32" | "bool";

/** A number or four of them. */
export interface KernelType {
  readonly scalar: ScalarType;
  readonly lanes: 1 | 4;
}

/**
 * What memory holds. There is no arithmetic on 16-bit floats: `load` gives an exact f32, and storing
 * an f32 rounds to nearest, ties to even. `bool` values are stored as i32 0 and 1.
 */
export type MemoryElement = "f32" | "i32" | "f16" | "bf16";

/** Global memory, an array of scalars. */
export interface BufferParameter {
  readonly name: string;
  readonly element: MemoryElement;
  readonly access: "read" | "write" | "read_write";
}

/** Memory shared by the invocations of a group; its content is undefined at first. */
export interface GroupArray {
  readonly name: string;
  readonly element: MemoryElement;
  readonly length: number;
  /**
   * Elements of a row, a multiple of 16 bytes, where warps read rows at once. Indices stay plain; a
   * language may permute the 16-byte pieces of each row, so no access may straddle two of them.
   */
  readonly rowLength?: number;
}

/** How a warp multiplies: what factors are rounded to. Sums are f32; `f32` rounds nothing. */
export type WarpMath = "f32" | "tf32" | "f16" | "bf16";

/** Invocations of a warp. */
export const warpSize = 32;

export interface Kernel {
  readonly name: string;
  /** Lines for the reader of the generated text: what it computes, and the spec line. */
  readonly comment: readonly string[];
  readonly buffers: readonly BufferParameter[];
  /** Run-time i32 numbers: sizes, offsets, counts. Visible in the body as variables. */
  readonly scalars: readonly string[];
  /** For each scalar a number that divides it whatever the sizes are; 1 if absent. */
  readonly factors?: readonly number[];
  readonly arrays: readonly GroupArray[];
  readonly workgroupSize: number;
  /**
   * Who holds a tile: each invocation one of its own, or the 32 invocations of a warp one together,
   * which then do each statement on tiles once, together.
   */
  readonly tiles?: "warp";
  /** Loops of a few rounds stay loops: the text hides from compilers how many rounds they have. */
  readonly rolled?: boolean;
  /** Groups that a multiprocessor is to hold at a time: what its registers are shared by (CUDA). */
  readonly residentGroups?: number;
  readonly rowBlocks?: RowBlocks;
  readonly body: readonly Statement[];
}

export type UnaryOperator = "negate" | "not";

/**
 * Functions of f32 (`abs`, `min`, `max` of i32, too). `legalize` expands what a target lacks or has
 * with too little precision: `sin cos tanh erf acos` everywhere, `exp log` for WebAssembly.
 */
export type CallFunction =
  | "abs"
  | "min"
  | "max"
  | "floor"
  | "ceil"
  | "round_even"
  | "sqrt"
  | "inverse_sqrt"
  | "exp"
  | "exp2"
  /** Of numbers that are not positive: what is below 2 ** -126 may be 0, as from 2 ** -127 on it is. */
  | "exp2_negative"
  /** To within 2 ** -22 of it, where a target has that in one step (CUDA). */
  | "exp2_approximate"
  | "log"
  | "tanh"
  | "sin"
  | "cos"
  | "acos"
  | "erf"
  | "fma"
  /** Bits of an f32 as i32 and back. */
  | "bits_of"
  | "from_bits";

/**
 * `quotient` and `remainder` need operands that are not negative; `floor_divide` and
 * `floor_remainder` take any i32 with a positive divisor. `divide` is of f32 only.
 */
export type BinaryOperator =
  | "add"
  | "subtract"
  | "multiply"
  | "divide"
  | "quotient"
  | "remainder"
  | "floor_divide"
  | "floor_remainder"
  | "equal"
  | "not_equal"
  | "less"
  | "less_equal"
  | "and"
  | "or"
  | "shift_left"
  | "shift_right"
  | "bit_and"
  | "bit_or";

/** What an invocation may ask of itself and of where it runs. */
export type BuiltinName = "group" | "invocation" | "warp" | "subgroup_size";

export type Expr =
  /** Four lanes have the same value each. */
  | { readonly kind: "const"; readonly type: KernelType; readonly value: number }
  | { readonly kind: "var"; readonly type: KernelType; readonly name: string }
  /**
   * The index of the group in the grid, of the invocation in its group, of the warp in its group; the
   * invocations of a subgroup, a power of two, which the device chooses (after `throughSubgroups`).
   */
  | { readonly kind: "builtin"; readonly type: KernelType; readonly name: BuiltinName }
  /** `lanes` consecutive elements from `index` on. */
  | {
      readonly kind: "load";
      readonly type: KernelType;
      readonly buffer: string;
      readonly index: Expr;
    }
  | {
      readonly kind: "load_array";
      readonly type: KernelType;
      readonly array: string;
      readonly index: Expr;
    }
  | {
      readonly kind: "unary";
      readonly type: KernelType;
      readonly operator: UnaryOperator;
      readonly operand: Expr;
    }
  | {
      readonly kind: "binary";
      readonly type: KernelType;
      readonly operator: BinaryOperator;
      readonly left: Expr;
      readonly right: Expr;
      /** What it is called where it gets a name: `row`, `warp_column`. It is the same without. */
      readonly word?: string;
    }
  | {
      readonly kind: "call";
      readonly type: KernelType;
      readonly fn: CallFunction;
      readonly args: readonly Expr[];
    }
  /** Both sides are evaluated; out-of-range loads must be avoided by clamping, not by `select`. */
  | {
      readonly kind: "select";
      readonly type: KernelType;
      readonly condition: Expr;
      readonly then: Expr;
      readonly otherwise: Expr;
    }
  /** i32 ↔ f32 (f32 to i32 truncates), bool → i32 or f32. */
  | { readonly kind: "cast"; readonly type: KernelType; readonly operand: Expr }
  | { readonly kind: "splat"; readonly type: KernelType; readonly operand: Expr }
  | {
      readonly kind: "vector";
      readonly type: KernelType;
      readonly items: readonly [Expr, Expr, Expr, Expr];
    }
  | {
      readonly kind: "lane";
      readonly type: KernelType;
      readonly operand: Expr;
      readonly index: 0 | 1 | 2 | 3;
    }
  /** The element of a tile at the row and column of the enclosing tile statement; extents of 1 repeat. */
  | { readonly kind: "element"; readonly type: KernelType; readonly tile: string };

export type Statement =
  | { readonly kind: "let"; readonly name: string; readonly value: Expr }
  | { readonly kind: "var"; readonly name: string; readonly value: Expr }
  | { readonly kind: "assign"; readonly name: string; readonly value: Expr }
  | { readonly kind: "store"; readonly buffer: string; readonly index: Expr; readonly value: Expr }
  | {
      readonly kind: "store_array";
      readonly array: string;
      readonly index: Expr;
      readonly value: Expr;
    }
  /**
   * `for (variable = from; variable < to; variable += step)`; `step` is positive, and the body does
   * not change what `to` and `step` read.
   */
  | {
      readonly kind: "for";
      readonly variable: string;
      readonly from: Expr;
      readonly to: Expr;
      readonly step: Expr;
      readonly body: readonly Statement[];
    }
  | {
      readonly kind: "if";
      readonly condition: Expr;
      readonly then: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | { readonly kind: "barrier" }
  | AcrossStatement
  | BlockProduct
  | CopyStatement
  | MatrixStatement
  | TileStatement;

/**
 * Declares `name`: for each invocation the sum or largest of `of`, an f32 or each element of a tile,
 * over the invocations that it shares with. All of the group do it together; where all of them share it
 * is a barrier, too. The order of summation is not specified.
 */
export interface AcrossStatement {
  readonly kind: "across";
  readonly name: string;
  readonly of: Expr | string;
  readonly fn: "sum" | "max";
  /**
   * The whole group, runs of so many invocations, a power of two, that begin at its multiples, or each
   * subgroup, which are runs of `subgroup_size`.
   */
  readonly sharers: number | "subgroup";
}

/**
 * Declares the tiles in `sums`, the products of a left and several right factors over `inner` elements:
 * a block that the group computes together (`block.ts` says who has which of its rows and columns). All
 * do it together, with barriers. For each step of the inner index, from `first` on, `fill` brings both
 * factors to group memory: the lines of `left` are rows, those of `rights` columns, `pitch` elements
 * after each other, a name that `fill` reads. Rows from `rows` on need not be computed.
 */
export interface BlockProduct {
  readonly kind: "block_product";
  /** For each right factor the tiles of an invocation's rows. */
  readonly sums: readonly (readonly string[])[];
  readonly left: string;
  readonly rights: readonly string[];
  readonly inner: number;
  readonly first: string;
  readonly pitch: string;
  readonly fill: readonly Statement[];
  readonly rows?: Expr;
  /** Whether all that `fill` brings are f16 as they lie in memory. */
  readonly halves: boolean;
}

/** Matrices of f32 sums that a warp holds and multiplies; only a dialect knows who has what. */
export type MatrixStatement =
  /** Declares a matrix of zeros. */
  | {
      readonly kind: "matrix";
      readonly name: string;
      readonly rows: number;
      readonly columns: number;
    }
  /** `target += left · right` over `inner` elements; sums are taken in any order. */
  | {
      readonly kind: "matrix_multiply";
      readonly target: string;
      readonly left: ArraySlice;
      readonly right: ArraySlice;
      readonly inner: number;
    }
  /** Stores the rows of a matrix `stride` elements after each other. */
  | {
      readonly kind: "matrix_store";
      readonly source: string;
      readonly array: string;
      readonly index: Expr;
      readonly stride: number;
    };

/** Copies from global to group memory that go on while the invocation does other things. */
export type CopyStatement =
  /**
   * Starts to copy the 16 bytes from `source` in `buffer` to `index` in `array`, both multiples of
   * 16 bytes and of the same element; zeros instead where `valid` does not hold. What is there may be
   * read by the invocation after `wait_copies`, by others after the barrier that follows.
   */
  | {
      readonly kind: "copy_async";
      readonly array: string;
      readonly index: Expr;
      readonly buffer: string;
      readonly source: Expr;
      readonly valid: Expr;
    }
  /** Puts the copies started since the last commit, if any, into one more set. */
  | { readonly kind: "commit_copies" }
  /** Waits until at most the latest `pending` sets are not done. */
  | { readonly kind: "wait_copies"; readonly pending: number };

/** A matrix in group memory. */
export interface ArraySlice {
  readonly array: string;
  /** Where its first element is. */
  readonly index: Expr;
  /** From one line to the next, in elements. */
  readonly stride: number;
  /** Whether a line holds the elements of the inner index (of one row or column) or across it. */
  readonly lines: "inner" | "across";
}

/**
 * Register tiles. A tile is opaque: only `legalize` (and a dialect that knows fragments) decides how
 * its elements lie in registers. `row` and `column` name i32 variables bound for each element.
 */
export type TileStatement =
  /** Declares a tile of f32 and sets each element to `value`. */
  | {
      readonly kind: "tile";
      readonly name: string;
      readonly rows: number;
      readonly columns: number;
      readonly row: string;
      readonly column: string;
      readonly value: Expr;
    }
  /** Sets each element of a declared tile; `element` of the tile itself is its old value. */
  | {
      readonly kind: "tile_assign";
      readonly name: string;
      readonly row: string;
      readonly column: string;
      readonly value: Expr;
    }
  /** `target += left · right`, m×n, m×k and k×n. The order of summation over k is not specified. */
  | {
      readonly kind: "tile_multiply";
      readonly target: string;
      readonly left: string;
      readonly right: string;
    }
  /**
   * `target += left · right` by a warp, over `inner` elements; factors are rounded to `math`, which
   * the arrays' element is. A left tile has f32 elements. The order of summation is not specified.
   */
  | {
      readonly kind: "warp_multiply";
      readonly target: string;
      readonly left: string | ArraySlice;
      readonly right: ArraySlice;
      readonly inner: number;
      readonly math: WarpMath;
    }
  /** Declares `name`, rows × 1: the sum or largest of each row of `source`. */
  | {
      readonly kind: "tile_reduce";
      readonly name: string;
      readonly source: string;
      readonly fn: "sum" | "max";
    }
  /** Runs `body` for each element of `tile`'s extents in any order, usually to store. */
  | {
      readonly kind: "tile_each";
      readonly tile: string;
      readonly row: string;
      readonly column: string;
      readonly body: readonly Statement[];
    };

export const f32: KernelType = { scalar: "f32", lanes: 1 };
export const i32: KernelType = { scalar: "i32", lanes: 1 };
export const bool: KernelType = { scalar: "bool", lanes: 1 };
export const f32x4: KernelType = { scalar: "f32", lanes: 4 };
export const i32x4: KernelType = { scalar: "i32", lanes: 4 };
