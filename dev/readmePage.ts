import { format } from "prettier";
import { parsePlatform } from "../configuration/platformChecks";
import { readStackFile } from "../configuration/stackFile";
import { costEnd, costMarkdown, costStart } from "../pricing/costTable";
import { platformCost } from "../pricing/platformCost";
import { readRecipe } from "../recipe/read";
import { planTable, tableEnd, tableMarkdown, tableStart } from "../sizing/table";
import { withMarkedPart } from "./markedPart";

const formatted = async (markdown: string): Promise<string> =>
  (await format(markdown, { parser: "markdown", printWidth: 120 })).trim();

/** The README with its table of GPU requirements made anew from the recipes and the catalog. */
export async function readmeWithTable(text: string): Promise<string> {
  return withMarkedPart("README.md", text, await formatted(tableMarkdown(planTable(readRecipe))), tableStart, tableEnd);
}

/** The README with the idle cost of the committed stack `platform` made anew. */
export async function readmeWithCost(text: string): Promise<string> {
  const cost = platformCost(parsePlatform(readStackFile("platform")));
  return withMarkedPart("README.md", text, await formatted(costMarkdown(cost)), costStart, costEnd);
}
