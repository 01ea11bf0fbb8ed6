/** Long texts by a short name, the same in every build. */

/** 16 hexadecimal digits of `text`: two 32-bit hashes (FNV-1a), from both ends. */
export function shapeKey(text: string): string {
  let [forward, backward] = [offset, offset];
  for (let index = 0; index < text.length; index++) {
    forward = Math.imul(forward ^ text.charCodeAt(index), prime);
    backward = Math.imul(backward ^ text.charCodeAt(text.length - 1 - index), prime);
  }
  return [forward, backward].map((each) => (each >>> 0).toString(16).padStart(8, "0")).join("");
}

/** http://www.isthe.com/chongo/tech/comp/fnv/ */
const offset = 0x811c9dc5;
const prime = 0x01000193;
