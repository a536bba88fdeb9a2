import { expect, it } from "vitest";
import { chatTemplateNames } from "../../../recipe/chatTemplates";

it("what a recipe may name is a whole template, not a marked variant of a model's own", () => {
  expect(chatTemplateNames()).toEqual(["plain"]);
});
