import { describe, expect, it } from "vitest";
import { parseSocketTable } from "../../../machine/ports";

/** How the answers of the programs that systems without /proc have, and of the kernel's tables, are read. */

describe("the kernel's table of sockets", () => {
  it("shows those that listen", () => {
    const table = [
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
      "   0: 0100007F:7A4A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0",
      "   1: 0100007F:7A4A 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0 20 4 30 10 -1",
    ].join("\n");
    expect(parseSocketTable(table)).toEqual([{ port: 0x7a4a, inode: "4242" }]);
  });
});
