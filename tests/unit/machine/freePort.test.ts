import * as net from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { choosePort, loopback } from "../../../machine/freePort";

const servers: net.Server[] = [];

/** Takes a port as another program would. */
async function take(port: number): Promise<void> {
  const server = net.createServer();
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, loopback, resolve);
  });
}

async function giveBack(): Promise<void> {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
}

afterEach(giveBack);

describe("the port of a server", () => {
  it("is one that no outgoing connection can hold while the server restarts", async () => {
    const ports = await Promise.all(Array.from({ length: 20 }, () => choosePort(undefined, undefined, "store.port")));
    for (const port of ports) {
      expect(port).toBeGreaterThanOrEqual(20_000);
      // Where Linux begins with the ports of outgoing connections; macOS begins higher.
      expect(port).toBeLessThan(32_768);
    }
  });

  it("stays the remembered one while that is free, and is another when it is taken", async () => {
    const first = await choosePort(undefined, undefined, "store.port");
    expect(await choosePort(undefined, first, "store.port")).toBe(first);
    await take(first);
    expect(await choosePort(undefined, first, "store.port")).not.toBe(first);
    await giveBack();
    expect(await choosePort(undefined, first, "store.port")).toBe(first);
  });

  it("is refused when the one that the configuration asks for is taken, with the setting to change", async () => {
    const port = await choosePort(undefined, undefined, "endpoint.port");
    await take(port);
    await expect(choosePort(port, undefined, "endpoint.port")).rejects.toThrow(
      `port ${port} on 127.0.0.1 is taken by another program: set endpoint.port to a free port`,
    );
  });
});
