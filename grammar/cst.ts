/**
 * Access to Chevrotain's concrete tree. A tree of a line with a mistake lacks parts, so everything
 * here may be absent, and whoever builds from it says what stands in its place.
 */

import type { CstElement, CstNode, IToken, TokenType } from "chevrotain";

/** The tokens of a node that the grammar consumes as `type`, in order. */
export function tokensOf(node: CstNode | undefined, type: TokenType): readonly IToken[] {
  return (node?.children[type.name] ?? []).filter(isToken);
}

/** The first of `tokensOf`. */
export function tokenOf(node: CstNode | undefined, type: TokenType): IToken | undefined {
  return tokensOf(node, type)[0];
}

/** The nodes of a rule directly below a node, in order. */
export function nodesOf(node: CstNode | undefined, rule: string): readonly CstNode[] {
  return (node?.children[rule] ?? []).filter(isNode);
}

/** The first of `nodesOf`. */
export function nodeOf(node: CstNode | undefined, rule: string): CstNode | undefined {
  return nodesOf(node, rule)[0];
}

/** All nodes directly below a node, of any rule, in order of place. */
export function childrenOf(node: CstNode): readonly CstNode[] {
  const nodes = Object.values(node.children).flatMap((elements) => elements.filter(isNode));
  return nodes.sort((a, b) => startOf(a) - startOf(b));
}

/** The offset of a node's first token; infinite if it has none. */
export function startOf(node: CstNode): number {
  const start = node.location?.startOffset;
  return start === undefined || Number.isNaN(start) ? Number.POSITIVE_INFINITY : start;
}

/** The offset after a node's last token, if it has one. */
export function endOf(node: CstNode): number | undefined {
  const end = node.location?.endOffset;
  return end === undefined || Number.isNaN(end) ? undefined : end + 1;
}

function isToken(element: CstElement): element is IToken {
  return "image" in element;
}

function isNode(element: CstElement): element is CstNode {
  return "children" in element;
}
