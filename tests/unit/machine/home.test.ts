import * as os from "node:os";
import { describe, expect, it } from "vitest";
import { isFolder, thisMachine, usableHome } from "../../../machine/home.mjs";

describe("this machine", () => {
  it("knows folders, and where it can write", () => {
    expect(isFolder(os.tmpdir())).toBe(true);
    expect(isFolder(__filename)).toBe(false);
    expect(isFolder("/gone")).toBe(false);
    expect(thisMachine.isWritable(`${os.tmpdir()}/not/there yet`)).toBe(true);
    expect(thisMachine.isWritable(`${__filename}/below`)).toBe(false);
  });

  it("has the password database's home where HOME is of no use", () => {
    expect(usableHome("", { HOME: "/gone" })).toBe(os.userInfo().homedir);
  });
});
