import { join } from "node:path";
import { expect, it } from "vitest";
import { componentPages, pagesFolder } from "../../../dev/componentPages";

const fixture = (name: string): string => join(__dirname, name, "index.ts");

it("makes a page of what has comments", async () => {
  const { pages, problems } = await componentPages([fixture("commented")]);
  expect(problems.join("\n")).not.toContain("Commented");
  const text = [...pages].map(([file, page]) => `${file}\n${page}`).join("\n");
  expect(text).toContain(join(pagesFolder, "README.md"));
  expect(text).toContain("How many there are.");
  expect(text).toContain("Its address.");
});

it("says what the comments lack", async () => {
  const { problems } = await componentPages([fixture("uncommented")]);
  const text = problems.join("\n");
  expect(text).toContain("UncommentedArgs.count (Property)");
  expect(text).toContain("Uncommented.url (Property)");
  expect(text).toContain("Hidden, defined in");
  expect(text).toContain('Failed to resolve link to "Nowhere"');
  expect(text).toContain("The comment of Uncommented has no **Cost**.");
  expect(text).toContain("The comment of Uncommented has no **Teardown**.");
});
