import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { download } from "../../../setup/download.mjs";

/** A key that nobody trusts, and its certificate: of a server that exists for a test. */
const key =
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPGypgPa8p6npdirUZc8LTP9aOllMjKri6OR+OOr5KbuhRANCAASz4/B3zdJTKvEwW8kjCcH/xsWx2Y916OYKIujHkMqlOMCzotTWJWTvW8gMfyuYwyS75TeeksUhhCH/xjFQKOSU";
const certificate =
  "MIIBeTCCAR+gAwIBAgIUBqCwdjZPSvKuZbdeyihMWmppTpswCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGbm9ib2R5MCAXDTI2MTEyOTA2MjExMloYDzIxMjYxMTA1MDYyMTEyWjARMQ8wDQYDVQQDDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASz4/B3zdJTKvEwW8kjCcH/xsWx2Y916OYKIujHkMqlOMCzotTWJWTvW8gMfyuYwyS75TeeksUhhCH/xjFQKOSUo1MwUTAdBgNVHQ4EFgQUaFClmtZBVTyYM1ahXr5OWM9pjKgwHwYDVR0jBBgwFoAUaFClmtZBVTyYM1ahXr5OWM9pjKgwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBHg5SZdXfpaUuq2qBaNeEtgHb04PzLjLzRU7fjQPG5mwIhAPye66jkFPVmyG660Ld/kTrZMp5lTZr7ijtRH4KihQh6";
const pem = (label: string, text: string): string => `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`;

let folder: string;
let file: string;
let servers: (http.Server | https.Server)[];

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "download "));
  file = path.join(folder, "file");
  servers = [];
  // What a curl reads that is to take any certificate.
  fs.writeFileSync(path.join(folder, ".curlrc"), "insecure\n");
});

afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of servers) server.close();
  fs.rmSync(folder, { recursive: true });
});

async function addressOf(server: http.Server | https.Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `${server instanceof https.Server ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const giving =
  (text: string): http.RequestListener =>
  (_, response) =>
    response.end(text);
const sendingTo =
  (url: string): http.RequestListener =>
  (_, response) =>
    response.writeHead(302, { location: url }).end();
const ofTls = (listener: http.RequestListener): https.Server =>
  https.createServer({ key: pem("PRIVATE KEY", key), cert: pem("CERTIFICATE", certificate) }, listener);

/** Downloads without the proxies of this machine. */
const get = (url: string): Promise<string | undefined> =>
  download(url, file, { PATH: process.env.PATH, CURL_HOME: folder, HOME: folder });

it("a file is downloaded, through addresses that send on to others", async () => {
  const last = await addressOf(ofTls(giving("content")));
  const first = await addressOf(ofTls(sendingTo(last)));
  expect(await get(first)).toBeUndefined();
  expect(fs.readFileSync(file, "utf8")).toBe("content");
});

it("an https address is not left for one on which anybody may answer", async () => {
  const open = await addressOf(http.createServer(giving("anybody's")));
  expect(await get(await addressOf(ofTls(sendingTo(open))))).toMatch(/curl: .*[Pp]rotocol/);
  expect(fs.existsSync(file)).toBe(false);
  // The same address is right where a person has named it.
  expect(await get(open)).toBeUndefined();
});

it("why there is no file is told: what the server says, and that nothing answers", async () => {
  const absent = await addressOf(http.createServer((_, response) => response.writeHead(404).end("a page")));
  expect(await get(absent)).toMatch(/404/);
  expect(fs.existsSync(file)).toBe(false);
  expect(await get("http://127.0.0.1:1/file")).toMatch(/^curl: /);
});

it("a machine without curl is told so", async () => {
  vi.stubEnv("PATH", folder);
  expect(await get("http://127.0.0.1:1/file")).toBe("curl is not installed");
});
