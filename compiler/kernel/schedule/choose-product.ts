/**
 * How a GPU computes a product: in blocks that share group memory where it has some and the product is
 * large enough to gain from it, else in register tiles as large as pay.
 */

import { asConstant, constant, type Dimension } from "../../op/dimension.ts";
import { divides } from "../lower/affine.ts";
import { blockStep } from "../block.ts";
import { blockProductBytes } from "../lower/product-blocks.ts";
import type { Schedule } from "../lower/schedule.ts";

/** A schedule and the sizes it is for; without a condition it serves all that are left. */
export interface ScheduleChoice {
  readonly schedule: Schedule;
  readonly when?: { readonly size: Dimension; readonly atMost: number };
  /** Set apart from the general kernel by this ending of its name. */
  readonly suffix: string;
}

/** The columns and inner elements of a product, where they are constant. */
export interface ProductShape {
  readonly columns: number | undefined;
  readonly inner: number | undefined;
}

/** Rows of the register tile that many rows are computed in. */
const manyRows = 8;
/** Rows that are few, and of which a tile that serves them has some. */
const [fewRows, fewTile] = [8, 4];
/** A tile in so few words that compiling it costs little more than an empty kernel. */
const small = { rows: 1, columns: 2, panel: 2, innerStep: 1 };
/** A block is worth its barriers from so many columns and inner elements on. */
const [worthColumns, worthInner] = [32, 64];

/** The schedules of a product with so many rows, from few rows to many. */
export function productChoices(
  schedule: Schedule,
  rows: Dimension,
  shape: ProductShape,
): readonly ScheduleChoice[] {
  const { columns = Infinity, inner = Infinity } = shape;
  if (columns * inner <= (schedule.target.smallWeight ?? 0))
    return [{ schedule: { ...schedule, ...small }, suffix: "" }];
  const shares = sharesMemory(schedule, shape);
  const single: Schedule = { ...schedule, product: shares ? "reduce" : "registers", rows: 1 };
  const few: Schedule = { ...single, rows: fewTile };
  const many: Schedule = shares
    ? { ...schedule, product: "blocks" }
    : { ...schedule, rows: manyRows };
  const count = asConstant(rows);
  if (count !== undefined) {
    const chosen = count === 1 ? single : count <= fewRows ? few : many;
    return [{ schedule: chosen, suffix: "" }];
  }
  // Rows that come by the tile are never a single one.
  if (!shares && divides(constant(manyRows), rows)) return [{ schedule: many, suffix: "" }];
  const one: ScheduleChoice = {
    schedule: single,
    when: { size: rows, atMost: 1 },
    suffix: "_row",
  };
  const some: ScheduleChoice = {
    schedule: few,
    when: { size: rows, atMost: fewRows },
    suffix: "_rows",
  };
  return [one, ...(shares ? [some] : []), { schedule: many, suffix: "" }];
}

function sharesMemory({ target }: Schedule, { columns = 0, inner = 0 }: ProductShape): boolean {
  const large = columns >= worthColumns && inner >= worthInner && inner % blockStep === 0;
  return large && blockProductBytes(1) <= target.groupMemory;
}
