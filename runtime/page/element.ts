/** Reaching and making elements, with types. */

/**
 * The element that the page's HTML has under `id`. Throws if it has none of that class: then the
 * HTML and the code are not of one version.
 */
export function required<T extends Element>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`index.html has no ${kind.name} called ${id}`);
}

/** A new element with a class and, as text rather than as markup, its content. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  text: string = "",
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
