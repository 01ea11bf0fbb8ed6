/** What to say of a line that does not follow the grammar. The parser's own words are never shown. */

import { EOF, type IRecognitionException, type IToken, tokenMatcher } from "chevrotain";
import type { Context, Form } from "./context.ts";
import { type Diagnostic, error, nearest } from "./diagnostic.ts";
import { statementWords } from "./heads.ts";
import { spanOf } from "./lex.ts";
import * as t from "./tokens.ts";

/** How each line is written: the hint where nothing better is known. */
const forms: Readonly<Record<Form, string>> = {
  import: 'an import is written `import { rms_norm } from "std/decoder"`',
  predicate: "a mask is written `mask causal(q, k) = k <= q`",
  block: "a block is written `block name[D](x: [S, D]) -> [S, D] { … }`",
  model: "a model is written `model Name[D = 64](sees: mask = causal) { … }`",
  alias: "a variant of a model is written `model Other = Name(sees = causal)`",
  input: "an input is written `input prompt: token[T]`",
  weight: "a weight is written `weight lm_head.weight: [Vocab, D]`",
  path: 'a path is written `path tower = "vision_model" or "model.vision"`',
  tie: "a tie is written `tie lm_head.weight = embed_tokens.weight`",
  sequence: 'a sequence is written `sequence S = visual: V at "<image>", text: T`',
  for: "a loop is written `for l in 0..L { … }`",
  condition: "a condition is written `E % 2 == 0`, with `and`, `or` and `not` between comparisons",
  else: "write `else { … }` or `else if l == 3 { … }`",
  return: "write `return x` or `return x, y`",
  output: "an output is written `output logits`, `output hidden[l] = x` or `output name = x`",
  adapt:
    "write `adapt model.layers[*].**.weight with lora(rank = 8, alpha = 16)`, and `on visual` for some rows",
  generate: "write `generate prompt from logits`",
  bind: "a value is named by `name = …` or `name: [S, D] = …`",
};

/** A sentence about the token at which the parser gave up. */
export function explain(
  file: string,
  form: Form,
  tokens: readonly IToken[],
  exception: IRecognitionException,
): Diagnostic {
  const { token: found } = exception;
  const expected = exception.message;
  const index = tokens.indexOf(found);
  const previous = index < 0 ? tokens[tokens.length - 1] : tokens[index - 1];
  const isEnd = found.tokenType === EOF || index < 0;
  const special = isEnd ? undefined : explainToken(file, form, found, previous, expected);
  if (special !== undefined) return special;
  const endsHere = expected === "the end of the line";
  if (previous !== undefined && !endsHere && (isEnd || isCloser(found))) {
    return error("syntax/expected", {
      message: `${expected} is missing after \`${previous.image}\``,
      at: { span: spanOf(file, previous), note: "" },
      hint: expected === "a value" ? wantsValue(previous) : forms[form],
    });
  }
  const at = { span: spanOf(file, isEnd ? (previous ?? found) : found), note: "" };
  if (endsHere || previous === undefined) {
    const after = previous === undefined ? "stand here" : `follow \`${previous.image}\``;
    const message = `\`${found.image}\` cannot ${after}`;
    return error("syntax/expected", { message, at, hint: forms[form] });
  }
  const message = `${expected} should follow \`${previous.image}\`, not \`${found.image}\``;
  const hint = expected === "a value" ? wantsValue(previous) : forms[form];
  return error("syntax/expected", { message, at, hint });
}

function wantsValue(previous: IToken): string {
  const { image } = previous;
  return image === "="
    ? "write a value after `=`"
    : `write a value after \`${image}\`, or remove it`;
}

/** Tokens that are a mistake of a known kind wherever they stand wrongly. */
function explainToken(
  file: string,
  form: Form,
  found: IToken,
  previous: IToken | undefined,
  expected: string,
): Diagnostic | undefined {
  const at = { span: spanOf(file, found), note: "" };
  if (found.tokenType === t.Semicolon) {
    return error("syntax/separator", {
      message: "`;` only separates arguments; a statement ends with its line",
      at,
      hint: "remove `;`",
    });
  }
  if (found.tokenType === t.Equals && previous !== undefined && endsValue(previous)) {
    return error("syntax/equals", {
      message: "`=` names a value and does not compare",
      at,
      hint: "write `==` to compare",
    });
  }
  if (found.tokenType === t.Equal && expected === "`=`") {
    return error("syntax/equals", {
      message: "`==` compares and does not name a value",
      at,
      hint: "write `=`",
    });
  }
  if (found.tokenType === t.Colon && form !== "bind") {
    return error("syntax/expected", {
      message: "`:` cannot stand here",
      at,
      hint: forms[form],
    });
  }
  if (expected === "a name" && t.reservedWords.has(found.image)) {
    return error("syntax/reserved", {
      message: `\`${found.image}\` is a word of the language and names nothing`,
      at,
      hint: `write another name, such as \`${found.image}_\``,
    });
  }
  const inList = ["`)`", "`]`", "`}`"].includes(expected);
  const isFrom = form === "import" && found.tokenType === t.From;
  const joinable = (inList && !isFrom) || expected === "the end of the line";
  if (joinable && previous !== undefined && endsValue(previous) && beginsValue(found)) {
    return error("syntax/expected", {
      message: `nothing joins \`${previous.image}\` and \`${found.image}\``,
      at,
      hint: `put ${inList ? "`,` or " : ""}an operator between them`,
    });
  }
  return undefined;
}

function isCloser(token: IToken): boolean {
  return [t.RightParenthesis, t.RightBracket, t.RightBrace, t.Comma].includes(token.tokenType);
}

function endsValue(token: IToken): boolean {
  const isWord = tokenMatcher(token, t.Name) || /^(?:true|false)$/.test(token.image);
  return (
    isWord || [t.Numeral, t.Text, t.RightParenthesis, t.RightBracket].includes(token.tokenType)
  );
}

function beginsValue(token: IToken): boolean {
  return tokenMatcher(token, t.Name) || [t.Numeral, t.Text].includes(token.tokenType);
}

/** Words that other languages begin a statement with, and what to write here. */
const foreignWords: ReadonlyMap<string, string> = new Map([
  [
    "def",
    "a block is declared outside of models and blocks: `block name(x: [S, D]) -> [S, D] { … }`",
  ],
  [
    "fn",
    "a block is declared outside of models and blocks: `block name(x: [S, D]) -> [S, D] { … }`",
  ],
  ["while", "loops run at compile time: `for l in 0..L { … }`"],
  ["elif", "write `else if`"],
  ["assert", "write `require`"],
  ["pass", "remove it: a body may be empty"],
  ["break", "leave steps out with `for l in 0..L except [5] { … }` or `if`"],
  ["continue", "leave steps out with `for l in 0..L except [5] { … }` or `if`"],
  ["del", "remove it: names are bindings, not storage"],
  ["print", "write `output name = x` to see a value"],
]);

/** `let x = 3` is read as `x = 3`, and the word reported. */
export function withoutForeignWord(context: Context, tokens: readonly IToken[]): readonly IToken[] {
  const [first, second] = tokens;
  if (first === undefined || second === undefined || !/^(?:let|const|var|val)$/.test(first.image)) {
    return tokens;
  }
  if (!tokenMatcher(second, t.Name)) return tokens;
  context.report(
    error("syntax/statement", {
      message: `names are bound without \`${first.image}\``,
      at: { span: spanOf(context.file, first), note: "" },
      hint: `write \`${second.image} = …\``,
    }),
  );
  return tokens.slice(1);
}

/** Reports a line that cannot be a statement at all; false where it may bind a name. */
export function refuseStatement(
  context: Context,
  tokens: readonly IToken[],
  hasBody: boolean,
): boolean {
  const [first, second] = tokens;
  if (first === undefined) return true;
  const diagnostic = refusal(context.file, first, second, tokens, hasBody);
  if (diagnostic !== undefined && !context.isReported(tokens)) context.report(diagnostic);
  return diagnostic !== undefined;
}

function refusal(
  file: string,
  first: IToken,
  second: IToken | undefined,
  tokens: readonly IToken[],
  hasBody: boolean,
): Diagnostic | undefined {
  const at = { span: spanOf(file, first), note: "" };
  const binds = tokens.some((token) => token.tokenType === t.Equals);
  const foreign = foreignWords.get(first.image);
  if (foreign !== undefined && second?.tokenType !== t.Equals) {
    const message = `there is no \`${first.image}\` in Braid`;
    return error("syntax/statement", { message, at, hint: foreign });
  }
  if (second !== undefined && tokenMatcher(first, t.Name) && tokenMatcher(second, t.Name)) {
    const near = nearest(first.image, statementWords);
    return error("syntax/statement", {
      message: `no statement begins with \`${first.image} ${second.image}\``,
      at,
      hint: near === undefined ? forms.bind : `did you mean \`${near}\`?`,
    });
  }
  if (hasBody) {
    return error("syntax/bracket", {
      message: "only `block`, `model`, `for`, `if` and `else` have a body in braces",
      at,
      hint: "remove the braces",
    });
  }
  if (binds) return undefined;
  const compares = second?.tokenType === t.Equal ? second : undefined;
  if (compares !== undefined) {
    return error("syntax/equals", {
      message: "`==` compares and does not name a value",
      at: { span: spanOf(file, compares), note: "" },
      hint: "write `=`",
    });
  }
  return error("syntax/statement", {
    message: "nothing is done with this value",
    at,
    hint: "write `name = …`, `return …` or `output name = …`",
  });
}

/** Words that other languages begin a declaration with, and what to write here. */
const foreignDeclarations: ReadonlyMap<string, string> = new Map([
  ...["def", "fn", "func", "function"].map((word): [string, string] => [word, forms.block]),
  ...["class", "struct", "module"].map((word): [string, string] => [word, forms.model]),
  ...["from", "use", "require", "include"].map((word): [string, string] => [word, forms.import]),
  ["train", "training is not part of this version"],
  ["adapt", "adapters are not part of this version"],
]);

/** A line at the top of a file that declares nothing. */
export function refuseDeclaration(
  file: string,
  tokens: readonly IToken[],
  words: readonly string[],
): Diagnostic | undefined {
  const [first] = tokens;
  if (first === undefined) return undefined;
  const near = nearest(first.image, words);
  const hint =
    foreignDeclarations.get(first.image) ??
    (near === undefined
      ? "put it into the braces of a model or a block"
      : `did you mean \`${near}\`?`);
  return error("syntax/declaration", {
    message: "a file holds imports, masks, scores, blocks and models, and this is none of them",
    at: { span: spanOf(file, first), note: "" },
    hint,
  });
}
