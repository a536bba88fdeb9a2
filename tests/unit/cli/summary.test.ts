import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endpointProblem, formatSummary, table } from "../../../cli/summary";
import { type SealedLocalOutputs, stackOutputsVersion } from "../../../contracts/stackOutputs";

const endpoint = {
  url: "http://127.0.0.1:4000/v1",
  model: "grpo",
  modelUri: "s3://posttraining/models/grpo/18",
  headerFile: null,
  curl: "curl -s http://127.0.0.1:4000/v1/chat/completions",
};

const outputs: SealedLocalOutputs = {
  kind: "local",
  version: stackOutputsVersion,
  stages: [
    {
      name: "sft",
      method: "sft",
      status: "succeeded",
      pathspec: "SftFlow/17",
      metric: "tiny_sums/exact_match",
      before: 0.0125,
      after: 0.83333,
      gainError: 0.02678,
      minutes: 1.3,
      modelUri: "s3://posttraining/models/sft/17",
      cards: ["/checkout/.posttraining/stacks/local/runs/sft-1/cards/train.html"],
    },
    {
      name: "grpo",
      method: "grpo",
      status: "running",
      pathspec: null,
      metric: null,
      before: null,
      after: null,
      gainError: null,
      minutes: null,
      modelUri: null,
      cards: [],
    },
  ],
  endpoint,
  metaflowConfig: { METAFLOW_DATASTORE_SYSROOT_S3: "s3://posttraining/metaflow" },
  metaflowEnvironment: "[secret]",
  endpointEnvironment: "[secret]",
  modelsRoot: "s3://posttraining/models",
};

describe("formatSummary", () => {
  const text = formatSummary("local", outputs);

  it("has a line for each stage, with the metric before and after", () => {
    const line = text.split("\n").find((each) => each.startsWith("sft"));
    expect(line?.split(/\s{2,}/)).toEqual([
      "sft",
      "SFT",
      "succeeded",
      "tiny_sums/exact_match",
      "0.0125",
      "0.833",
      "0.821 ± 0.0268",
      "1.3",
      "s3://posttraining/models/sft/17",
    ]);
  });

  it("shows a stage without results as such", () => {
    expect(text.split("\n").find((each) => each.startsWith("grpo"))).toMatch(/GRPO\s+running\s+-\s+-\s+-\s+-\s+-\s+-/);
  });

  it("names the cards, the endpoint and how to tear down", () => {
    expect(text).toContain("cards/train.html");
    expect(text).toContain("curl -s http://127.0.0.1:4000/v1/chat/completions");
    expect(text).toContain("npm run teardown -- local");
  });

  it("leaves out an endpoint that is not configured", () => {
    expect(formatSummary("local", { ...outputs, endpoint: null })).not.toContain("Endpoint");
  });
});

describe("endpointProblem", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "summary-"));
  const headerFile = path.join(folder, "authorization.txt");
  const asked: IncomingMessage[] = [];
  let server: Server;

  beforeAll(async () => {
    writeFileSync(headerFile, "Authorization: Bearer of-this-endpoint\n");
    server = createServer((request, response) => {
      asked.push(request);
      const isKnown = request.headers.authorization === "Bearer of-this-endpoint";
      response.writeHead(isKnown ? 200 : 401).end(isKnown ? "{}" : "who are you?");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  const ask = (changed: { headerFile: string | null; url?: string }) => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    return endpointProblem({ ...outputs, endpoint: { ...endpoint, url, ...changed } });
  };

  it("asks for a completion, with the header that is in the file", async () => {
    expect(await ask({ headerFile })).toBeUndefined();
    expect(asked.at(-1)).toMatchObject({ method: "POST", url: "/v1/chat/completions" });
  });

  it("says what the server answers instead", async () => {
    expect(await ask({ headerFile: null })).toBe("HTTP 401: who are you?");
  });

  it("says that nothing listens, or that the file is gone", async () => {
    expect(await ask({ headerFile, url: "http://127.0.0.1:1/v1" })).toMatch(/bad port|ECONNREFUSED/);
    expect(await ask({ headerFile: path.join(folder, "gone.txt") })).toContain("ENOENT");
  });

  it("has nothing to ask where there is no endpoint", async () => {
    expect(await endpointProblem({ ...outputs, endpoint: null })).toBeUndefined();
  });
});

describe("table", () => {
  it("aligns columns", () => {
    expect(
      table([
        ["a", "long"],
        ["longer", "b"],
      ]),
    ).toEqual(["a       long", "longer  b"]);
  });
});
