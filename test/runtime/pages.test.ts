import { expect, test } from "vitest";
import { Pages } from "../../runtime/pages.ts";

test("a page is free again when nobody has it", () => {
  const pages = new Pages(4);
  const [a, b] = [pages.take(), pages.take()];
  pages.share([a]);
  expect(pages.isShared(a)).toBe(true);
  pages.release([a, b]);
  expect(pages.isShared(a)).toBe(false);
  expect(pages.take()).toBe(b);
  pages.release([a]);
  expect(pages.take()).toBe(a);
  expect(pages.count).toBe(2);
});

test("a page that nobody has cannot be given away", () => {
  const pages = new Pages(4);
  pages.release([pages.take()]);
  expect(() => pages.release([0])).toThrow("belongs to nobody");
  expect(() => pages.share([3])).toThrow("belongs to nobody");
});
