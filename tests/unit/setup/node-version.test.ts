import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { nodeVersionProblem } from "../../../setup/node-version.mjs";

describe("Node", () => {
  const range = (JSON.parse(readFileSync("package.json", "utf8")) as { engines: { node: string } }).engines.node;

  it.each(["20.19.0", "20.20.2", "22.13.0", "22.22.1", "24.1.0", "26.0.0"])("%s will do", (version) => {
    expect(nodeVersionProblem(version, range)).toBeUndefined();
  });

  // Those between load no ECMAScript module by `require`, or not every package of the lock.
  it.each(["18.20.4", "20.18.3", "21.7.3", "22.11.0", "23.1.0"])("%s is refused, with what will do", (version) => {
    const problem = nodeVersionProblem(version, range);
    expect(problem).toContain(
      `Node ${version} cannot be used. What can: 20.19.0 or a newer 20; 22.13.0 or a newer 22; 24.0.0 or newer.`,
    );
    expect(problem).toContain("https://nodejs.org");
  });
});
