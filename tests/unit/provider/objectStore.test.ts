import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { downloadPrefix, ensureBucket, listObjects, parseUri, readObject } from "../../../provider/objectStore";
import { storeDouble } from "./storeDouble";

describe("an address in a store", () => {
  it("is a bucket and what is below it", () => {
    expect(parseUri("s3://bucket/models/sft/1/")).toEqual({ bucket: "bucket", key: "models/sft/1" });
    expect(parseUri("s3://bucket")).toEqual({ bucket: "bucket", key: "" });
  });

  it.each(["bucket/models", "s3:///models", "https://bucket/models"])("is not %s", (text) => {
    expect(() => parseUri(text)).toThrow(`"${text}" is not an s3://bucket/prefix`);
  });
});

describe("a store", () => {
  const store = storeDouble();
  const model = "s3://posttraining/models/sft/1";
  let folder: string;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "store-"));
    for (const name of ["config.json", "deep/er/a.safetensors", "tokenizer.json"])
      store.objects.set(`models/sft/1/${name}`, `content of ${name}`);
    // Another model, whose name begins the same way.
    store.objects.set("models/sft/10/config.json", "other");
  });

  afterEach(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it("is listed page by page, and has nothing where there is no such prefix or bucket", async () => {
    store.objects.set("models/sft/1/folder/", "");
    expect([...(await listObjects(store.environment(), model))]).toEqual([
      ["config.json", 22],
      ["deep/er/a.safetensors", 32],
      ["tokenizer.json", 25],
    ]);
    expect((await listObjects(store.environment(), "s3://posttraining/nothing")).size).toBe(0);
    expect((await listObjects(store.environment(), "s3://other/models")).size).toBe(0);
  });

  it("gives an object's text, and none where there is none", async () => {
    expect(await readObject(store.environment(), `${model}/config.json`)).toBe("content of config.json");
    expect(await readObject(store.environment(), `${model}/gone.json`)).toBeUndefined();
    expect(await readObject(store.environment(), "s3://other/gone.json")).toBeUndefined();
  });

  it("has a model copied into a folder, in place of what lay there", async () => {
    fs.writeFileSync(path.join(folder, "of another model"), "");
    await downloadPrefix(store.environment(), model, folder);
    const copied = fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.includes("."));
    expect(copied.sort()).toEqual(["config.json", "deep/er/a.safetensors", "tokenizer.json"]);
    expect(fs.readFileSync(path.join(folder, "deep/er/a.safetensors"), "utf8")).toBe(
      "content of deep/er/a.safetensors",
    );
  });

  it("says what to do where a model is gone from it", async () => {
    await expect(downloadPrefix(store.environment(), "s3://posttraining/models/sft/2", folder)).rejects.toThrow(
      /nothing lies below s3:\/\/posttraining\/models\/sft\/2: the model was deleted.*`pulumi up --refresh`/,
    );
  });

  it("gets its bucket once", async () => {
    store.removeBucket();
    await ensureBucket(store.environment(), "posttraining");
    expect((await listObjects(store.environment(), model)).size).toBe(3);
    await ensureBucket(store.environment(), "posttraining");
  });
});

describe("a store that cannot be asked", () => {
  /** Listens, and says nothing to whom it lets in: a store that hangs. */
  let store: net.Server;
  const clients = new Set<net.Socket>();

  beforeEach(async () => {
    store = net.createServer((socket) => clients.add(socket)).listen(0, "127.0.0.1");
    await once(store, "listening");
  });

  afterEach(() => {
    for (const client of clients) client.destroy();
    store.close();
  });

  it("is given up where it hangs, since nothing else would end the waiting", async () => {
    const { port } = store.address() as net.AddressInfo;
    const environment = {
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "b",
    };
    await expect(listObjects(environment, "s3://posttraining/models/sft/1", 0.2)).rejects.toThrow(/requestTimeout/);
  });
});
