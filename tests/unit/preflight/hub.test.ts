import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askHub, hubCache, hubEndpoint, offlineVariable } from "../../../preflight/hub";

/** The hub's client against a server that answers as the hub does. */

const answers: Readonly<Record<string, readonly [number, string?]>> = {
  "/ok": [200],
  "/moved": [307],
  "/gated": [403, "GatedRepo"],
  "/no-access": [401],
  "/missing": [401, "RepoNotFound"],
  "/not-there": [404],
  "/no-revision": [404, "RevisionNotFound"],
  "/no-file": [404, "EntryNotFound"],
  "/busy": [429],
  "/down": [503],
};
const seen: (string | undefined)[] = [];
let server: http.Server;
let home: string;
let address: string;
/** Where nobody listens. */
let nowhere: string;

beforeAll(async () => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "hub-"));
  const closed = http.createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  nowhere = `http://127.0.0.1:${(closed.address() as AddressInfo).port}/x`;
  await new Promise((resolve) => closed.close(resolve));
  server = http.createServer((request, response) => {
    seen.push(request.headers.authorization);
    const [status, code] = answers[request.url ?? ""] ?? [404];
    if (code !== undefined) response.setHeader("x-error-code", code);
    if (status === 307) response.setHeader("location", "/ok");
    response.writeHead(status).end(JSON.stringify({ max_position_embeddings: 4096 }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
  fs.rmSync(home, { recursive: true });
});

const ask = (place: string, environment: Record<string, string> = {}) =>
  askHub(`${address}${place}`, environment, home);

describe("what the hub says", () => {
  it.each([
    ["/gated", "gated"],
    ["/no-access", "gated"],
    ["/missing", "missing"],
    ["/not-there", "missing"],
    ["/no-revision", "no revision"],
    ["/no-file", "no such file"],
    ["/busy", "unknown"],
  ])("%s is %s", async (place, kind) => {
    expect(await ask(place)).toEqual({ kind });
  });

  it.each(["/ok", "/moved"])("%s gives the content", async (place) => {
    expect(await ask(place)).toEqual({ kind: "found", content: { max_position_embeddings: 4096 } });
  });

  it("tells a hub that is down, and one that nobody listens for, from one that answers", async () => {
    expect(await ask("/down")).toEqual({ kind: "unreachable", why: "it answered 503" });
    expect(await askHub(nowhere, {}, home)).toEqual({ kind: "unreachable", why: "the connection was refused" });
  });

  it("knows nothing of a hub that the run would reach by a proxy", async () => {
    const proxied = { HTTPS_PROXY: "http://proxy.example.com:3128" };
    expect(await askHub(nowhere, proxied, home)).toEqual({ kind: "unknown" });
  });

  it("sends the token that the run would send", async () => {
    seen.length = 0;
    await ask("/ok");
    fs.writeFileSync(path.join(home, "token"), "of-the-file\n");
    await ask("/ok");
    await ask("/ok", { HF_TOKEN: "of-the-variable" });
    expect(seen).toEqual([undefined, "Bearer of-the-file", "Bearer of-the-variable"]);
  });
});

describe("the variables of the hub's libraries", () => {
  it("are read as the libraries read them", () => {
    expect(hubEndpoint({})).toBe("https://huggingface.co");
    expect(hubEndpoint({ HF_ENDPOINT: "https://mirror.example.com//" })).toBe("https://mirror.example.com");
    const offline = { TRANSFORMERS_OFFLINE: "YES" };
    for (const what of ["model", "dataset"] as const) {
      expect(offlineVariable({ HF_HUB_OFFLINE: "0" }, what)).toBeUndefined();
      expect(offlineVariable({ HF_HUB_OFFLINE: "on" }, what)).toBe("HF_HUB_OFFLINE");
      expect(offlineVariable(offline, what)).toBe("TRANSFORMERS_OFFLINE");
      // The first one that is set counts, and an empty one is not set.
      expect(offlineVariable({ ...offline, HF_HUB_OFFLINE: "0" }, what)).toBeUndefined();
      expect(offlineVariable({ ...offline, HF_HUB_OFFLINE: "" }, what)).toBe("TRANSFORMERS_OFFLINE");
      expect(offlineVariable({ HF_HUB_OFFLINE: "1", HF_DATASETS_OFFLINE: "0" }, what)).toBe("HF_HUB_OFFLINE");
    }
    expect(offlineVariable({ HF_DATASETS_OFFLINE: "1" }, "model")).toBeUndefined();
    expect(offlineVariable({ HF_DATASETS_OFFLINE: "1" }, "dataset")).toBe("HF_DATASETS_OFFLINE");
    expect(hubCache({}, "/home/huggingface")).toBe("/home/huggingface/hub");
    expect(hubCache({ HF_HUB_CACHE: "/shared/hub" }, "/home/huggingface")).toBe("/shared/hub");
  });
});
