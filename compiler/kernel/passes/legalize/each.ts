/**
 * `tile_each` as unrolled statements: four elements at a time where its stores are contiguous along
 * the lanes of the tile and its conditions do not change along them, one at a time otherwise.
 */

import { invariant } from "../../../../grammar/invariant.ts";
import * as build from "../../build.ts";
import type { Expr, Statement, TileStatement } from "../../kernel.ts";
import { childrenOf, mapBlocks, mapExpressions, substitute } from "../../rewrite.ts";
import type { Names } from "../names.ts";
import { isGroupOf, stepOf } from "./contiguous.ts";
import type { Orientation } from "./layout.ts";
import { origins, type Registers } from "./registers.ts";
import { type Place, valueAt } from "./tile-values.ts";

type Each = Extract<TileStatement, { kind: "tile_each" }>;

/** The statements of all elements of a tile in `registers`. */
export function eachElement(
  statement: Each,
  registers: Registers,
  tiles: ReadonlyMap<string, Registers>,
  names: Names,
): readonly Statement[] {
  const { row, column, body } = statement;
  const wide = registers.orientation !== "scalars" && isWide(statement, registers.orientation);
  const orientation: Orientation = wide ? registers.orientation : "scalars";
  return origins({ ...registers, orientation }).flatMap(([i, j]) => {
    const nothing = new Map<string, Expr>();
    const place: Place = {
      ...{ row, column, i, j, orientation, tiles },
      ...{ locals: nothing, definitions: nothing },
    };
    return unroll(body, place, names);
  });
}

/** Whether the body is right for four elements at once. */
function isWide(statement: Each, orientation: "columns" | "rows"): boolean {
  const laneName = orientation === "columns" ? statement.column : statement.row;
  const definitions = new Map<string, Expr>();
  const isWideBlock = (body: readonly Statement[]): boolean =>
    body.every((each) => {
      switch (each.kind) {
        case "let":
          definitions.set(each.name, substitute(each.value, definitions));
          return each.value.type.lanes === 1;
        case "store":
        case "store_array":
          return (
            each.value.type.lanes === 1 &&
            stepOf(substitute(each.index, definitions), laneName) === 1
          );
        case "if":
          return (
            isSame(substitute(each.condition, definitions), laneName) &&
            isWideBlock(each.then) &&
            isWideBlock(each.otherwise)
          );
        default:
          return false;
      }
    });
  return isWideBlock(statement.body);
}

function isSame(condition: Expr, laneName: string): boolean {
  if (isGroupOf(condition, laneName)) return true;
  if (condition.kind === "element") return false;
  if (condition.kind === "var") return condition.name !== laneName;
  return childrenOf(condition).every((part) => isSame(part, laneName));
}

function unroll(body: readonly Statement[], outer: Place, names: Names): readonly Statement[] {
  let place = outer;
  return body.map((statement): Statement => {
    switch (statement.kind) {
      case "let":
      case "var": {
        const value = valueAt(statement.value, place);
        const name = names.fresh(`${statement.name}_${place.i}_${place.j}`);
        place = {
          ...place,
          locals: new Map([...place.locals, [statement.name, build.variable(name, value.type)]]),
          definitions: new Map([
            ...place.definitions,
            [statement.name, substitute(statement.value, place.definitions)],
          ]),
        };
        return { ...statement, name, value };
      }
      case "assign": {
        const local = place.locals.get(statement.name);
        invariant(local === undefined || local.kind === "var", "legalize: a name is a variable");
        return { ...statement, name: local?.name ?? statement.name, value: at(statement.value) };
      }
      case "store":
      case "store_array": {
        const first: Place = { ...place, orientation: "scalars", locals: place.definitions };
        const isWideStore = place.orientation !== "scalars";
        const value = valueAt(statement.value, place);
        return {
          ...statement,
          index: isWideStore ? resolved(statement.index, first) : at(statement.index),
          value: isWideStore ? build.withLanes(value, 4) : value,
        };
      }
      case "for": {
        const name = names.fresh(`${statement.variable}_${place.i}_${place.j}`);
        const variable = build.variable(name);
        const inner = {
          ...place,
          locals: new Map([...place.locals, [statement.variable, variable]]),
        };
        const head = mapExpressions(statement, at);
        const renamed = head.kind === "for" ? { ...head, variable: name } : head;
        return mapBlocks(renamed, (nested) => unroll(nested, inner, names));
      }
      default: {
        const here = place;
        return mapBlocks(mapExpressions(statement, at), (nested) => unroll(nested, here, names));
      }
    }
  });

  function at(expr: Expr): Expr {
    const value = valueAt(expr, place);
    invariant(value.type.lanes === expr.type.lanes, "legalize: a single value became four lanes");
    return value;
  }
}

/** An index at the first of four elements, with the names inside the statement written out. */
function resolved(index: Expr, first: Place): Expr {
  return valueAt(substitute(index, first.definitions), first);
}
