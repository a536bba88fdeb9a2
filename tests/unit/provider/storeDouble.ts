import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach } from "vitest";
import { storeEnvironment } from "../../../contracts/storeEnvironment";

/** Entries of a page of a list, few enough that a list of a model has several. */
const pageEntries = 2;

/** A store with one bucket, `posttraining`, of which a test says what lies there: objects by their keys. */
export function storeDouble() {
  const objects = new Map<string, string>();
  let server: Server;
  let hasBucket = true;

  function list(prefix: string, after: string): string {
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const page = keys.slice(0, pageEntries);
    const contents = page.map(
      (key) => `<Contents><Key>${key}</Key><Size>${Buffer.byteLength(objects.get(key) ?? "")}</Size></Contents>`,
    );
    const next = page.at(-1) ?? "";
    const more = keys.length > page.length;
    return `<ListBucketResult><IsTruncated>${String(more)}</IsTruncated>${more ? `<NextContinuationToken>${next}</NextContinuationToken>` : ""}${contents.join("")}</ListBucketResult>`;
  }

  function answer(method: string, url: URL): readonly [status: number, body: string] {
    const [, bucket = "", ...rest] = url.pathname.split("/");
    const absent = (code: string) => [404, `<Error><Code>${code}</Code></Error>`] as const;
    if (method === "PUT" && rest.join("/") === "") {
      hasBucket = true;
      return [200, ""];
    }
    if (!hasBucket || bucket !== "posttraining") return absent("NoSuchBucket");
    if (url.searchParams.has("list-type")) {
      const { searchParams: asked } = url;
      return [200, list(asked.get("prefix") ?? "", asked.get("continuation-token") ?? "")];
    }
    if (rest.join("/") === "") return [200, ""];
    const body = objects.get(decodeURIComponent(rest.join("/")));
    return body === undefined ? absent("NoSuchKey") : [200, body];
  }

  beforeEach(async () => {
    objects.clear();
    hasBucket = true;
    server = createServer(({ method = "", url = "" }, response) => {
      const [status, body] = answer(method, new URL(url, "http://store"));
      response.writeHead(status, { "content-type": "application/xml" }).end(method === "HEAD" ? undefined : body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  return {
    objects,
    removeBucket: () => {
      hasBucket = false;
    },
    /** What a client needs to reach it. */
    environment: () =>
      storeEnvironment({
        endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        accessKeyId: "a",
        secretAccessKey: "b",
      }),
  };
}
