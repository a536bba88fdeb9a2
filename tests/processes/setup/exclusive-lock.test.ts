import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isAlive, startTimeOf } from "../../../machine/processes.mjs";
import { describeWait, withExclusiveLock } from "../../../setup/exclusive-lock.mjs";

describe("describeWait", () => {
  it("names the process, what it does, and since when it is waited for", () => {
    expect(describeWait(7, 0.1, "is making it")).toBe("waiting for process 7, which is making it");
    expect(describeWait(7, 40, "is making it")).toBe("waiting for process 7, which is making it, for 40 s");
  });
});

const tools = path.join(__dirname, "..", "..", "..", "setup");
const moduleOf = (name: string) => JSON.stringify(pathToFileURL(path.join(tools, name)).href);

let directory: string;
let children: ChildProcess[];

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "lock "));
  children = [];
});

afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  fs.rmSync(directory, { recursive: true, force: true });
});

/** Another process that holds the lock while it runs `body`. */
function holder(body: string): ChildProcess {
  const script = `
    import { appendFileSync, existsSync } from "node:fs";
    import { spawn } from "node:child_process";
    import { setTimeout as sleep } from "node:timers/promises";
    import { withExclusiveLock } from ${moduleOf("exclusive-lock.mjs")};
    const log = (line) => appendFileSync("log", line + "\\n");
    await withExclusiveLock(process.cwd() + "/lock", async (environment) => { ${body} }, (pid) => log("waits for " + pid))
      .catch(() => process.exit(1));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { cwd: directory, stdio: "inherit" });
  children.push(child);
  return child;
}

const ended = (child: ChildProcess) => new Promise<number | null>((resolve) => child.once("close", resolve));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const log = () => {
  const file = path.join(directory, "log");
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split("\n") : [];
};

describe("withExclusiveLock", () => {
  it("lets one process in at a time", async () => {
    const all = Array.from({ length: 4 }, () => holder(`log("in"); await sleep(30); log("out");`));
    expect(await Promise.all(all.map(ended))).toEqual([0, 0, 0, 0]);
    const turns = log().filter((line) => line === "in" || line === "out");
    expect(turns).toEqual(["in", "out", "in", "out", "in", "out", "in", "out"]);
  });

  it("says whom it waits for", async () => {
    const first = holder(`log("in"); while (!existsSync("go")) await sleep(10);`);
    await until(() => log().includes("in"));
    const second = holder(`log("in");`);
    await until(() => log().includes(`waits for ${String(first.pid)}`));
    fs.writeFileSync(path.join(directory, "go"), "");
    expect(await Promise.all([first, second].map(ended))).toEqual([0, 0]);
  });

  it("says so again while it waits, and for how long it has", async () => {
    const first = holder(`log("in"); while (!existsSync("go")) await sleep(10);`);
    await until(() => log().includes("in"));
    let told = 0;
    const waits = withExclusiveLock(
      path.join(directory, "lock"),
      () => Promise.resolve("done"),
      (pid, seconds) => {
        expect(pid).toBe(first.pid);
        expect(seconds).toBeGreaterThanOrEqual(0);
        told += 1;
        if (told === 3) fs.writeFileSync(path.join(directory, "go"), "");
      },
      0,
    );
    expect(await waits).toBe("done");
    expect(told).toBeGreaterThanOrEqual(3);
  });

  it.each(["", "{}", "{"])("is not held for ever by a file that names nobody: %j", async (text) => {
    const file = path.join(directory, "nobody");
    fs.writeFileSync(file, text);
    const old = Date.now() / 1000 - 60;
    fs.utimesSync(file, old, old);
    expect(await withExclusiveLock(file, () => Promise.resolve("done"))).toBe("done");
    expect(fs.existsSync(file)).toBe(false);
  });

  it("is free again after an action that failed", async () => {
    expect(await ended(holder(`throw new Error("expected by the test");`))).toBe(1);
    expect(await ended(holder(""))).toBe(0);
  });

  it("takes over from a holder that was killed, once what that had started is ended", async () => {
    const first = holder(`
      const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { env: environment, detached: true, stdio: "ignore" });
      log("child " + child.pid); await sleep(100_000);`);
    await until(() => log().some((line) => line.startsWith("child")));
    const child = Number(log()[0]?.split(" ")[1]);
    const identity = { pid: child, startTime: startTimeOf(child) ?? "" };
    expect(isAlive(identity)).toBe(true);
    first.kill("SIGKILL");
    await ended(first);
    const others = [holder(`log("in"); log("out");`), holder(`log("in"); log("out");`)];
    expect(await Promise.all(others.map(ended))).toEqual([0, 0]);
    expect(isAlive(identity)).toBe(false);
    expect(log().filter((line) => line === "in" || line === "out")).toEqual(["in", "out", "in", "out"]);
  });
});
