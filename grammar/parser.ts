/**
 * The lines of the grammar, as a Chevrotain parser over the tokens of one line (see `outline.ts`): a
 * declaration's head or a statement, without its body. So a mistake cannot reach past its line.
 */

import { type Rule, TermParser } from "./term-parser.ts";
import * as t from "./tokens.ts";

/** One instance parses any number of lines, one after the other. */
export class LineParser extends TermParser {
  constructor() {
    super();
    this.performSelfAnalysis();
  }

  readonly importLine: Rule = this.RULE("importLine", () => {
    this.CONSUME(t.Word);
    this.list(t.LeftBrace, this.importedName, t.Comma, t.RightBrace);
    this.CONSUME(t.From);
    this.CONSUME(t.Text);
  });

  readonly importedName: Rule = this.RULE("importedName", () => {
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.As);
      this.CONSUME2(t.Name);
    });
  });

  /** A mask or a score. */
  readonly predicateLine: Rule = this.RULE("predicateLine", () => {
    this.CONSUME(t.Word);
    this.CONSUME(t.Name);
    this.SUBRULE(this.parameters);
    this.OPTION(() => this.SUBRULE2(this.parameters));
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  readonly blockLine: Rule = this.RULE("blockLine", () => {
    this.CONSUME(t.Word);
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.dims));
    this.SUBRULE(this.parameters);
    this.CONSUME(t.Arrow);
    this.SUBRULE(this.results);
  });

  readonly modelLine: Rule = this.RULE("modelLine", () => {
    this.CONSUME(t.Word);
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.dims));
    this.OPTION2(() => this.SUBRULE(this.parameters));
  });

  readonly aliasLine: Rule = this.RULE("aliasLine", () => {
    this.CONSUME(t.Word);
    this.CONSUME(t.Name);
    this.CONSUME(t.Equals);
    this.CONSUME2(t.Name);
    this.OPTION(() => this.SUBRULE(this.bracketItems));
    this.OPTION2(() => this.SUBRULE(this.callArguments));
  });

  readonly dims: Rule = this.RULE("dims", () => {
    this.list(t.LeftBracket, this.dim, t.Comma, t.RightBracket);
  });

  readonly dim: Rule = this.RULE("dim", () => {
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    });
    this.OPTION2(() => this.SUBRULE(this.configKey));
  });

  readonly parameters: Rule = this.RULE("parameters", () => {
    this.list(t.LeftParenthesis, this.parameter, t.Separator, t.RightParenthesis);
  });

  readonly parameter: Rule = this.RULE("parameter", () => {
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.type);
    });
    this.OPTION2(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE(this.expression);
    });
    this.OPTION3(() => this.SUBRULE(this.configKey));
  });

  readonly configKey: Rule = this.RULE("configKey", () => {
    this.CONSUME(t.From);
    this.SUBRULE(this.pathPart);
    this.MANY(() => {
      this.CONSUME(t.Dot);
      this.SUBRULE2(this.pathPart);
    });
  });

  readonly results: Rule = this.RULE("results", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.type) },
      {
        ALT: () => {
          this.CONSUME(t.LeftParenthesis);
          this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE2(this.type) });
          this.CONSUME(t.RightParenthesis);
        },
      },
    ]);
  });

  readonly inputLine: Rule = this.RULE("inputLine", () => {
    this.CONSUME(t.Word);
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
  });

  readonly weightLine: Rule = this.RULE("weightLine", () => {
    this.CONSUME(t.Word);
    this.SUBRULE(this.path);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.type);
  });

  readonly pathLine: Rule = this.RULE("pathLine", () => {
    this.CONSUME(t.Word);
    this.CONSUME(t.Name);
    this.CONSUME(t.Equals);
    this.AT_LEAST_ONE_SEP({ SEP: t.Or, DEF: () => this.SUBRULE(this.path) });
  });

  readonly tieLine: Rule = this.RULE("tieLine", () => {
    this.CONSUME(t.Word);
    this.SUBRULE(this.path);
    this.CONSUME(t.Equals);
    this.SUBRULE2(this.path);
  });

  readonly sequenceLine: Rule = this.RULE("sequenceLine", () => {
    this.CONSUME(t.Word);
    this.CONSUME(t.Name);
    this.CONSUME(t.Equals);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.segment) });
    this.OPTION(() => {
      this.CONSUME(t.Positions);
      this.SUBRULE(this.expression);
    });
  });

  readonly segment: Rule = this.RULE("segment", () => {
    this.CONSUME(t.Name);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.axisName);
    this.OPTION(() => {
      this.CONSUME(t.At);
      this.CONSUME(t.Text);
    });
    this.OPTION2(() => {
      this.CONSUME(t.By);
      this.CONSUME2(t.Name);
    });
  });

  readonly forLine: Rule = this.RULE("forLine", () => {
    this.CONSUME(t.Word);
    this.CONSUME(t.Name);
    this.CONSUME(t.In);
    this.SUBRULE(this.expression);
    this.CONSUME(t.Range);
    this.SUBRULE2(this.expression);
    this.OPTION(() => {
      this.CONSUME(t.Except);
      this.SUBRULE3(this.expression);
    });
  });

  /** `if` and `require`. */
  readonly conditionLine: Rule = this.RULE("conditionLine", () => {
    this.CONSUME(t.Word);
    this.SUBRULE(this.expression);
  });

  readonly elseLine: Rule = this.RULE("elseLine", () => {
    this.CONSUME(t.Word);
  });

  readonly returnLine: Rule = this.RULE("returnLine", () => {
    this.CONSUME(t.Word);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.expression) });
  });

  readonly outputLine: Rule = this.RULE("outputLine", () => {
    this.CONSUME(t.Word);
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.LeftBracket);
      this.SUBRULE(this.expression);
      this.CONSUME(t.RightBracket);
    });
    this.OPTION2(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE2(this.expression);
    });
  });

  readonly adaptLine: Rule = this.RULE("adaptLine", () => {
    this.CONSUME(t.Word);
    this.SUBRULE(this.pattern);
    this.CONSUME(t.With);
    this.CONSUME(t.Name);
    this.SUBRULE(this.callArguments);
    this.OPTION(() => {
      this.CONSUME(t.On);
      this.CONSUME2(t.Name);
    });
  });

  readonly pattern: Rule = this.RULE("pattern", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.anyParts) },
      { ALT: () => this.SUBRULE(this.pathStart) },
    ]);
    this.MANY(() =>
      this.OR2([
        {
          ALT: () => {
            this.CONSUME(t.Dot);
            this.OR3([
              { ALT: () => this.SUBRULE2(this.anyParts) },
              { ALT: () => this.SUBRULE(this.pathPart) },
            ]);
          },
        },
        { ALT: () => this.SUBRULE(this.patternIndex) },
      ]),
    );
  });

  readonly anyParts: Rule = this.RULE("anyParts", () => {
    this.CONSUME(t.AnyParts);
  });

  readonly patternIndex: Rule = this.RULE("patternIndex", () => {
    this.CONSUME(t.LeftBracket);
    this.OR([{ ALT: () => this.CONSUME(t.Star) }, { ALT: () => this.SUBRULE(this.expression) }]);
    this.CONSUME(t.RightBracket);
  });

  readonly generateLine: Rule = this.RULE("generateLine", () => {
    this.CONSUME(t.Word);
    this.CONSUME(t.Name);
    this.CONSUME(t.From);
    this.CONSUME2(t.Name);
  });

  readonly bindLine: Rule = this.RULE("bindLine", () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.target) });
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expression);
  });

  readonly target: Rule = this.RULE("target", () => {
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.type);
    });
  });
}
