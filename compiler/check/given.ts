/** `T.given`: the rows of the prompt that were there when generation started. */

import type { Name } from "../../grammar/ast.ts";
import { error } from "../../grammar/diagnostic.ts";
import type { AxisName } from "../op/axis.ts";
import { symbol } from "../op/dimension.ts";
import { type Body, report } from "./context.ts";

/** The axis `name`, which ends in `.given`; reports and gives nothing if it has no such rows. */
export function givenAxis(body: Body, name: Name): AxisName | undefined {
  const label = name.text.slice(0, -".given".length);
  const axis = body.scope.labels.get(label);
  if (axis === undefined || !body.rows.tokens.has(body.axes.rows(axis))) {
    report(
      body,
      error("name/given", {
        message: `\`${label}\` has no given rows: only the axis of a token input has`,
        at: { span: name.span, note: "" },
        hint: `write \`${label}\``,
      }),
    );
    return undefined;
  }
  const size = symbol(`${axis}.given`);
  const lineage = { kind: "segment", of: axis, segment: "given" } as const;
  return body.axes.intern({ label: name.text, size, lineage }, new Set());
}
