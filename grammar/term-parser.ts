/**
 * The part of the grammar that stands inside lines: types, paths and expressions.
 *
 * Expressions are parsed flat, operand by operand; `build-expression.ts` applies precedence. That
 * keeps the stack shallow and the start fast, since no rule stands for a level of precedence.
 */

import {
  type CstNode,
  CstParser,
  EOF,
  type IParserErrorMessageProvider,
  type ParserMethod,
  type TokenType,
  tokenMatcher,
} from "chevrotain";
import * as t from "./tokens.ts";

/** A rule of the grammar without parameters. */
export type Rule = ParserMethod<[], CstNode>;

/** Whether a word begins like a dim, an axis, a sequence or a model. */
export function isCapital(word: string): boolean {
  return /^_*[A-Z]/.test(word);
}

/** Says only what was expected; `mistakes.ts` makes the sentence. */
const expectations: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => display(expected),
  buildNotAllInputParsedMessage: () => "the end of the line",
  buildNoViableAltMessage: ({ customUserDescription }) => customUserDescription ?? "a value",
  buildEarlyExitMessage: ({ customUserDescription }) => customUserDescription ?? "a value",
};

/** The rules of `parser.ts` are built on these. */
export abstract class TermParser extends CstParser {
  constructor() {
    super([...t.tokenTypes], {
      recoveryEnabled: true,
      skipValidations: true,
      maxLookahead: 1,
      nodeLocationTracking: "onlyOffset",
      errorMessageProvider: expectations,
    });
  }

  readonly type: Rule = this.RULE("type", () => {
    this.OR({
      ERR_MSG: "a shape such as `[S, D]`",
      DEF: [
        { ALT: () => this.SUBRULE(this.shape) },
        {
          ALT: () => {
            this.CONSUME(t.Name);
            this.OPTION(() => this.SUBRULE2(this.shape));
          },
        },
      ],
    });
  });

  readonly shape: Rule = this.RULE("shape", () => {
    this.list(t.LeftBracket, this.axis, t.Comma, t.RightBracket);
  });

  readonly axis: Rule = this.RULE("axis", () => {
    this.OR({
      ERR_MSG: "the name of an axis",
      DEF: [
        { ALT: () => this.CONSUME(t.Range) },
        {
          ALT: () => {
            this.SUBRULE(this.axisName);
            this.OPTION(() =>
              this.OR2([
                {
                  ALT: () => {
                    this.CONSUME(t.Equals);
                    this.SUBRULE(this.expression);
                  },
                },
                {
                  ALT: () => {
                    this.CONSUME(t.Colon);
                    this.SUBRULE(this.segmentSet);
                  },
                },
              ]),
            );
          },
        },
      ],
    });
  });

  readonly axisName: Rule = this.RULE("axisName", () => {
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.Dot);
      this.CONSUME2(t.Name);
    });
  });

  readonly segmentSet: Rule = this.RULE("segmentSet", () => {
    this.CONSUME(t.LeftBrace);
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.CONSUME(t.Name) });
    this.CONSUME(t.RightBrace);
  });

  readonly path: Rule = this.RULE("path", () => {
    this.SUBRULE(this.pathStart);
    this.MANY(() =>
      this.OR([
        {
          ALT: () => {
            this.CONSUME(t.Dot);
            this.SUBRULE2(this.pathPart);
          },
        },
        { ALT: () => this.SUBRULE(this.pathIndex) },
      ]),
    );
  });

  /** A path begins with no word that joins values, so that `or at` is not taken for one. */
  readonly pathStart: Rule = this.RULE("pathStart", () => {
    this.OR({
      ERR_MSG: "a path",
      DEF: [
        { ALT: () => this.CONSUME(t.Name) },
        { ALT: () => this.CONSUME(t.Numeral) },
        { ALT: () => this.CONSUME(t.Text) },
      ],
    });
  });

  readonly pathPart: Rule = this.RULE("pathPart", () => {
    this.OR({
      ERR_MSG: "a word, a number or a string in quotes",
      DEF: [
        { ALT: () => this.CONSUME(t.Word) },
        { ALT: () => this.CONSUME(t.Numeral) },
        { ALT: () => this.CONSUME(t.Text) },
      ],
    });
  });

  readonly pathIndex: Rule = this.RULE("pathIndex", () => {
    this.CONSUME(t.LeftBracket);
    this.SUBRULE(this.expression);
    this.CONSUME(t.RightBracket);
  });

  readonly expression: Rule = this.RULE("expression", () => {
    this.SUBRULE(this.operand);
    this.MANY(() => {
      this.SUBRULE(this.infix);
      this.SUBRULE2(this.operand);
    });
  });

  readonly infix: Rule = this.RULE("infix", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Infix) },
      {
        ALT: () => {
          this.CONSUME(t.With);
          this.CONSUME(t.Name);
          this.CONSUME(t.Equals);
        },
      },
    ]);
  });

  readonly operand: Rule = this.RULE("operand", () => {
    this.MANY(() =>
      this.OR([{ ALT: () => this.CONSUME(t.Not) }, { ALT: () => this.CONSUME(t.Minus) }]),
    );
    this.SUBRULE(this.primary);
    this.MANY2(() => this.SUBRULE(this.postfix));
  });

  readonly primary: Rule = this.RULE("primary", () => {
    this.OR({
      ERR_MSG: "a value",
      DEF: [
        { ALT: () => this.CONSUME(t.Numeral) },
        { ALT: () => this.CONSUME(t.Text) },
        { ALT: () => this.CONSUME(t.True) },
        { ALT: () => this.CONSUME(t.False) },
        { ALT: () => this.SUBRULE(this.listLiteral) },
        {
          ALT: () => {
            this.CONSUME(t.LeftParenthesis);
            this.SUBRULE(this.expression);
            this.CONSUME(t.RightParenthesis);
          },
        },
        {
          GATE: () => tokenMatcher(this.LA(2), t.Name),
          ALT: () => {
            this.CONSUME(t.Join);
            this.CONSUME(t.Name);
            this.SUBRULE(this.callArguments);
          },
        },
        { ALT: () => this.CONSUME2(t.Name) },
      ],
    });
  });

  readonly listLiteral: Rule = this.RULE("listLiteral", () => {
    this.list(t.LeftBracket, this.expression, t.Comma, t.RightBracket);
  });

  readonly postfix: Rule = this.RULE("postfix", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Dot);
          this.SUBRULE(this.pathPart);
        },
      },
      { ALT: () => this.SUBRULE(this.bracketItems) },
      {
        ALT: () => {
          this.SUBRULE(this.callArguments);
          this.OPTION(() => {
            this.CONSUME(t.At);
            this.SUBRULE(this.path);
          });
        },
      },
    ]);
  });

  readonly bracketItems: Rule = this.RULE("bracketItems", () => {
    this.list(t.LeftBracket, this.bracketItem, t.Comma, t.RightBracket);
  });

  readonly bracketItem: Rule = this.RULE("bracketItem", () => {
    this.SUBRULE(this.expression);
    this.OPTION(() =>
      this.OR([
        {
          ALT: () => {
            this.OR2([
              { ALT: () => this.CONSUME(t.Equals) },
              { ALT: () => this.CONSUME(t.PaddedEquals) },
            ]);
            this.SUBRULE2(this.expression);
          },
        },
        {
          ALT: () => {
            this.CONSUME(t.As);
            this.CONSUME(t.Name);
          },
        },
      ]),
    );
  });

  readonly callArguments: Rule = this.RULE("callArguments", () => {
    this.list(t.LeftParenthesis, this.argument, t.Separator, t.RightParenthesis);
  });

  readonly argument: Rule = this.RULE("argument", () => {
    this.SUBRULE(this.expression);
    this.OPTION(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE2(this.expression);
    });
    this.OPTION2(() => {
      this.CONSUME(t.Over);
      this.SUBRULE(this.axisName);
      this.MANY({
        GATE: () => this.#axisFollows(),
        DEF: () => {
          this.CONSUME(t.Comma);
          this.SUBRULE2(this.axisName);
        },
      });
    });
  });

  /** A token that nobody wrote has no place. */
  protected override canTokenTypeBeInsertedInRecovery(): boolean {
    return false;
  }

  /** What follows a misplaced token is seldom what should have been there. */
  protected override canTokenTypeBeDeletedInRecovery(): boolean {
    return false;
  }

  /** `open item, item, … close`; the last separator may be left standing. Once in a rule. */
  protected list(open: TokenType, item: Rule, separator: TokenType, close: TokenType): void {
    this.CONSUME9(open);
    this.OPTION8(() => {
      this.SUBRULE8(item);
      this.MANY9({
        GATE: () => this.LA(2).tokenType !== close,
        DEF: () => {
          this.CONSUME8(separator);
          this.SUBRULE9(item);
        },
      });
      this.OPTION9(() => this.CONSUME9(separator));
    });
    this.CONSUME9(close);
  }

  /** `over K, L` takes each capital word that is an item of its own: `over V, N = 3` takes one. */
  #axisFollows(): boolean {
    const end = this.LA(this.LA(3).tokenType === t.Dot ? 5 : 3);
    const ends = tokenMatcher(end, t.Separator) || end.tokenType === t.RightParenthesis;
    return ends && isCapital(this.LA(2).image);
  }
}

/** A kind of token in a message. */
function display(type: TokenType): string {
  if (type === EOF) return "the end of the line";
  if (type === t.Name) return "a name";
  if (type === t.Word) return "a word";
  if (type === t.Text) return "a string in quotes";
  if (type === t.Numeral) return "a number";
  if (type === t.Separator) return "`,`";
  if (type === t.Infix) return "an operator";
  return `\`${type.name}\``;
}
