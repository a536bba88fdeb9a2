import { once } from "node:events";
import * as net from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { listObjects } from "../../../provider/objectStore";

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

it("a store that hangs is given up, since nothing else would end the waiting", async () => {
  const { port } = store.address() as net.AddressInfo;
  const environment = {
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: "a",
    AWS_SECRET_ACCESS_KEY: "b",
  };
  await expect(listObjects(environment, "s3://posttraining/models/sft/1", 0.2)).rejects.toThrow(/requestTimeout/);
});
