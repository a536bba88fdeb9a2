import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "vitest";
import { isAlive, startTimeOf } from "../../machine/processes.mjs";
import { parse as parseYaml } from "yaml";
import { type Campaign, longStage, type Outputs } from "./campaign";

/**
 * The faults of the campaign. Each begins with a whole stack, does something to it, runs what a person would run next, and leaves a
 * whole stack behind. What is returned says how it ended.
 */
export interface Fault {
  readonly name: string;
  /** It needs the endpoint: a model server that takes half a minute to load. */
  readonly endpoint?: true;
  readonly act: (campaign: Campaign, before: Outputs) => Promise<string>;
}

/** A server on a port that nothing of the stack has. */
async function takenPort(): Promise<{ port: number; free: () => void }> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as net.AddressInfo).port, free: () => server.close() };
}

/** Expects the stages to have the runs and models that they had. */
async function expectSameRuns(campaign: Campaign, before: Outputs): Promise<void> {
  const { stages } = await campaign.outputs();
  expect(stages.map(({ pathspec, modelUri }) => [pathspec, modelUri])).toEqual(
    before.stages.map(({ pathspec, modelUri }) => [pathspec, modelUri]),
  );
}

const [first, second] = [0, 1] as const;
const modelOf = (outputs: Outputs, stage: 0 | 1): string => outputs.stages[stage]?.modelUri ?? "";

/** Faults of the store's process and of its record. */
const storeFaults: readonly Fault[] = [
  {
    name: "the store's process is killed",
    act: async (campaign, before) => {
      const { pid, port } = campaign.recordOf("store");
      await campaign.kill(pid);
      campaign.says(await campaign.pulumi("up"), /the object store does not serve \(its process has ended\)/);
      expect(campaign.recordOf("store").port).toBe(port);
      await expectSameRuns(campaign, before);
      return "serves on the same port; every run and model as before";
    },
  },
  {
    name: "the store's record is cut off while it serves",
    act: async (campaign, before) => {
      const record = campaign.recordOf("store");
      campaign.cutOff(campaign.path("processes", "store", "process.json"));
      campaign.says(
        await campaign.pulumi("refresh"),
        /process\.json cannot be read .* its process was found on this machine/,
      );
      await campaign.pulumi("up", "--expect-no-changes");
      expect(campaign.recordOf("store")).toMatchObject({ pid: record.pid, port: record.port });
      await expectSameRuns(campaign, before);
      return "the same process, and no second one; the record is whole again";
    },
  },
  {
    name: "the store's record is deleted while it serves",
    act: async (campaign, before) => {
      const { pid, startTime } = campaign.recordOf("store");
      fs.rmSync(campaign.path("processes", "store", "process.json"));
      campaign.says(await campaign.pulumi("up"), /the object store does not serve/);
      expect(isAlive({ pid, startTime })).toBe(false);
      await expectSameRuns(campaign, before);
      return "the process without a record was found and ended; another serves the same data";
    },
  },
  {
    name: "the store hangs (SIGSTOP)",
    act: async (campaign, before) => {
      await campaign.kill(campaign.recordOf("store").pid, "SIGSTOP");
      campaign.says(await campaign.pulumi("up"), /the object store does not serve \(it does not answer/);
      await expectSameRuns(campaign, before);
      return "another process serves the same data";
    },
  },
  {
    name: "`up --replace` of the store",
    act: async (campaign, before) => {
      const urn = await urnOf(campaign, "store-server");
      campaign.says(await campaign.pulumi("up", "--replace", urn), /stays: what replaces it is the same/);
      expect(fs.existsSync(campaign.stored(modelOf(before, second), "config.json"))).toBe(true);
      await expectSameRuns(campaign, before);
      return "one store, with all of its data";
    },
  },
  {
    name: "a port that another program has is asked for the store",
    act: async (campaign, before) => {
      const { port, free } = await takenPort();
      const { pid, startTime } = campaign.recordOf("store");
      campaign.configure({ store: { removal: "remove", port } });
      const { status, output } = await campaign.tryPulumi("up");
      free();
      campaign.configure();
      expect(status).not.toBe(0);
      campaign.says(output, /port \d+ on 127\.0\.0\.1 is taken by another program: set store\.port/);
      expect(isAlive({ pid, startTime })).toBe(true);
      await expectSameRuns(campaign, before);
      return "refused; the store was not touched";
    },
  },
];

async function urnOf(campaign: Campaign, name: string): Promise<string> {
  const { output } = await campaign.checkout.run("pulumi", ["stack", "export", "-s", "local"]);
  const urn = new RegExp(`"urn": "([^"]*::${name})"`).exec(output)?.[1];
  if (urn === undefined) throw new Error(`no resource ${name} in the state`);
  return urn;
}

/** Faults of finished runs, their records, and what they left in the store. */
const runFaults: readonly Fault[] = [
  {
    name: "the record of a finished run is cut off",
    act: async (campaign, before) => {
      const runs = campaign.metaflowRuns();
      campaign.cutOff(path.join(campaign.runOf("dpo"), "status.json"));
      campaign.says(await campaign.pulumi("refresh"), /status\.json cannot be read .*the other copy of the record/);
      await campaign.pulumi("up");
      expect(campaign.statusOf("dpo").status).toBe("succeeded");
      expect(campaign.metaflowRuns()).toBe(runs);
      await expectSameRuns(campaign, before);
      return "no run was started; the record is whole again";
    },
  },
  {
    name: "both copies of the record of a finished run are cut off",
    act: async (campaign, before) => {
      const runs = campaign.metaflowRuns();
      for (const name of ["status.json", "status.copy.json"]) campaign.cutOff(path.join(campaign.runOf("dpo"), name));
      campaign.says(await campaign.pulumi("refresh"), /status\.json cannot be read/);
      await campaign.pulumi("up");
      expect(campaign.statusOf("dpo").status).toBe("succeeded");
      expect(campaign.metaflowRuns()).toBe(runs);
      await expectSameRuns(campaign, before);
      return "no run was started; the record was made anew from the state and from Metaflow";
    },
  },
  {
    name: "the record of a finished run is deleted",
    act: async (campaign, before) => {
      const runs = campaign.metaflowRuns();
      fs.rmSync(campaign.runOf("dpo"), { recursive: true });
      await campaign.pulumi("refresh");
      campaign.says(await campaign.pulumi("up"), /lost: the record of run DpoFlow/);
      expect(campaign.statusOf("dpo").status).toBe("succeeded");
      expect(campaign.metaflowRuns()).toBe(runs);
      await expectSameRuns(campaign, before);
      return "no run was started; the record and its cards were made anew";
    },
  },
  {
    name: "`up --replace` of a run",
    act: async (campaign, before) => {
      const runs = campaign.metaflowRuns();
      const urn = await urnOf(campaign, "sft-run");
      campaign.says(
        await campaign.pulumi("up", "--replace", urn),
        /of the same contents is there already, and none is started/,
      );
      expect(campaign.statusOf("sft").status).toBe("succeeded");
      expect(campaign.metaflowRuns()).toBe(runs);
      await campaign.pulumi("up", "--expect-no-changes");
      await expectSameRuns(campaign, before);
      return "no run was started, and the record of the one that there is stays";
    },
  },
  {
    name: "`generation` asks for a run of the same contents once more",
    act: async (campaign, before) => {
      const runs = campaign.metaflowRuns();
      const key = path.basename(campaign.runOf("dpo"));
      const { stages } = quickStages(campaign, { generation: 2 });
      campaign.configure({ stages });
      campaign.says(await campaign.pulumi("up"), /starts 1 run of dpo/);
      expect(path.basename(campaign.runOf("dpo"))).not.toBe(key);
      campaign.configure();
      await campaign.pulumi("up");
      expect(campaign.metaflowRuns()).toBeGreaterThan(runs);
      expect((await campaign.outputs()).stages[first]).toEqual(before.stages[first]);
      return "one new run under a key of its own; the stage before it as it was";
    },
  },
  {
    name: "`lineage.json` of a model is cut off",
    act: async (campaign, before) => {
      const runs = campaign.metaflowRuns();
      const file = campaign.stored(modelOf(before, first), "lineage.json");
      const whole = fs.readFileSync(file, "utf8");
      campaign.cutOff(file);
      await campaign.pulumi("refresh");
      campaign.says(await campaign.pulumi("up"), /lost: .*lineage\.json, what the model was made from/);
      expect(JSON.parse(fs.readFileSync(file, "utf8"))).toEqual(JSON.parse(whole));
      expect(campaign.metaflowRuns()).toBe(runs);
      return "restored as it was; no run was started";
    },
  },
  {
    name: "the pointer to the promoted model is deleted",
    act: async (campaign, before) => {
      const file = path.join(path.dirname(campaign.stored(modelOf(before, second))), "promoted.json");
      const whole = fs.readFileSync(file, "utf8");
      fs.rmSync(file);
      await campaign.pulumi("refresh");
      campaign.says(await campaign.pulumi("up"), /lost: .*promoted\.json, which names the promoted model/);
      expect(JSON.parse(fs.readFileSync(file, "utf8"))).toEqual(JSON.parse(whole));
      return "restored as it was; no run was started";
    },
  },
  {
    name: "the cards of a run are deleted",
    act: async (campaign) => {
      fs.rmSync(path.join(campaign.runOf("sft"), "cards"), { recursive: true });
      await campaign.pulumi("refresh");
      campaign.says(await campaign.pulumi("up"), /lost: .*cards\/end-result\.html/);
      const { stages } = await campaign.outputs();
      for (const card of stages[first]?.cards ?? []) expect(fs.existsSync(card)).toBe(true);
      return "written anew from Metaflow; no run was started";
    },
  },
  {
    name: "Metaflow's configuration is cut off",
    act: async (campaign, before) => {
      campaign.cutOff(campaign.path("metaflow", "config.json"));
      campaign.says(await campaign.pulumi("up"), /MetaflowHome metaflow-home updated/);
      expect(JSON.parse(fs.readFileSync(campaign.path("metaflow", "config.json"), "utf8"))).toHaveProperty(
        "METAFLOW_USER",
      );
      await expectSameRuns(campaign, before);
      return "written anew";
    },
  },
  {
    name: "a model's weights are deleted from the store",
    act: async (campaign, before) => {
      fs.rmSync(campaign.stored(modelOf(before, first), "model.safetensors"));
      await campaign.pulumi("refresh");
      campaign.says(await campaign.pulumi("up"), /starts 1 run of sft again/);
      expect(fs.existsSync(campaign.stored(modelOf(before, first), "model.safetensors"))).toBe(true);
      const { stages } = await campaign.outputs();
      expect(stages[first]?.modelUri).toBe(modelOf(before, first));
      expect(stages[second]).toEqual(before.stages[second]);
      return "made again in the same place; what was trained from it is not run again";
    },
  },
  {
    name: "a model's weights have another size than was registered",
    act: async (campaign, before) => {
      fs.truncateSync(campaign.stored(modelOf(before, second), "model.safetensors"), 1000);
      await campaign.pulumi("refresh");
      campaign.says(
        await campaign.pulumi("up"),
        /lost: .*model\.safetensors has 1000 bytes, and was registered with \d+/,
      );
      expect(fs.statSync(campaign.stored(modelOf(before, second), "model.safetensors")).size).toBeGreaterThan(1000);
      return "made again in the same place";
    },
  },
  {
    name: "a model is deleted, and the stage is to serve the last one that is there",
    act: async (campaign, before) => {
      const { stages, older } = quickStages(campaign, { whenLost: "serve-last" });
      const own = modelOf(before, second);
      fs.rmSync(campaign.stored(own), { recursive: true });
      campaign.configure({ stages });
      await campaign.pulumi("refresh");
      campaign.says(
        await campaign.pulumi("up"),
        /the last promoted model of dpo that is in the store stands in for it/,
      );
      expect(older.map((run) => own.replace(/[^/]+$/, run))).toContain(modelOf(await campaign.outputs(), second));
      await campaign.pulumi("up", "--expect-no-changes");
      campaign.configure();
      await campaign.pulumi("up");
      expect(modelOf(await campaign.outputs(), second)).toBe(own);
      return "an older promoted model stood in, without a run, until the stage was to make its own again";
    },
  },
  {
    name: "the store hangs (SIGSTOP) while refresh asks it for the models",
    act: async (campaign, before) => {
      await campaign.kill(campaign.recordOf("store").pid, "SIGSTOP");
      campaign.says(await campaign.pulumi("refresh"), /whether the model of \w+ is there could not be asked/);
      await campaign.pulumi("up");
      await expectSameRuns(campaign, before);
      return "given up after seconds, and nothing taken for lost; `up` brought the store back";
    },
  },
  {
    name: "the whole bucket is deleted",
    act: async (campaign) => {
      fs.rmSync(campaign.path("store", "objects", "posttraining"), { recursive: true });
      campaign.says(await campaign.pulumi("refresh"), /lost|whether the model of \w+ is there could not be asked/);
      await campaign.pulumi("up");
      // The store was gone while the runs were looked at; now it is there, and empty.
      await campaign.pulumi("refresh");
      await campaign.pulumi("up");
      for (const stage of [first, second] as const) {
        expect(fs.existsSync(campaign.stored(modelOf(await campaign.outputs(), stage), "model.safetensors"))).toBe(
          true,
        );
      }
      return "the bucket is there again, and every model was made again";
    },
  },
];

/** The two stages, the second changed, and the runs whose models of the second lie in the store. */
function quickStages(campaign: Campaign, change: object): { stages: object[]; older: string[] } {
  const text = fs.readFileSync(campaign.checkout.file("stacks", "Pulumi.local.yaml"), "utf8");
  const { stages } = (
    JSON.parse(JSON.stringify(parseYaml(text))) as { config: { "posttraining:stack": { stages: [object, object] } } }
  ).config["posttraining:stack"];
  const models = campaign.path("store", "objects", "posttraining", "models", "dpo");
  return {
    stages: [stages[0], { ...stages[1], ...change }],
    older: fs.existsSync(models) ? fs.readdirSync(models).filter((name) => /^\d+$/.test(name)) : [],
  };
}

/** Faults of runs that are under way. */
const liveRunFaults: readonly Fault[] = [
  {
    name: "terminal, command and engine are killed while a run trains",
    act: async (campaign) => {
      campaign.configureWith(longStage);
      const child = await campaign.upUntil(/train \d+\/300/);
      const run = campaign.supervisorOf("long");
      await campaign.killGroup(child);
      expect(isAlive(run)).toBe(true);
      const { runId } = campaign.statusOf("long");
      campaign.says(await campaign.pulumi("up"), /Removing the lock of process|An earlier command was interrupted/);
      expect(campaign.statusOf("long")).toMatchObject({ status: "succeeded", runId });
      return endOfLong(campaign, "the same run went on to its end; nothing was run twice");
    },
  },
  {
    name: "the task's process is killed while it trains",
    act: async (campaign) => {
      campaign.configureWith(longStage);
      const child = await campaign.upUntil(/train 4\d\/300/);
      const ended = new Promise((resolve) => child.once("close", resolve));
      const [task] = campaign.processes(/flow\.py.* step train /);
      await campaign.kill(task?.pid ?? 0);
      await ended;
      const log = fs.readFileSync(path.join(campaign.runOf("long"), "log.txt"), "utf8");
      expect(log).toMatch(/Training goes on from the checkpoint at step \d+/);
      campaign.says(log, /Training goes on from the checkpoint at step \d+/);
      await campaign.pulumi("up", "--expect-no-changes");
      return endOfLong(campaign, "the same run went on from its last checkpoint and ended well");
    },
  },
  {
    name: "the run's supervisor is killed",
    act: async (campaign) => {
      campaign.configureWith(longStage);
      const child = await campaign.upUntil(/train \d+\/300/);
      const closed = new Promise((resolve) => child.once("close", resolve));
      await campaign.kill(campaign.supervisorOf("long").pid);
      await closed;
      const { runId } = campaign.statusOf("long");
      campaign.says(await campaign.pulumi("up"), /FlowRun long-run (?:created|creating)/);
      expect(campaign.statusOf("long").status).toBe("succeeded");
      expect(campaign.statusOf("long").runId).not.toBe(runId);
      return endOfLong(campaign, "what it left was ended, and the run started anew, once");
    },
  },
  {
    name: "the record of a live run is cut off, both copies and its supervisor's",
    act: async (campaign) => {
      campaign.configureWith(longStage);
      const child = await campaign.upUntil(/train \d+\/300/);
      const run = campaign.supervisorOf("long");
      await campaign.killGroup(child);
      for (const name of ["status.json", "status.copy.json", "supervisor.json"]) {
        campaign.cutOff(path.join(campaign.runOf("long"), name));
      }
      campaign.says(await campaign.pulumi("up"), /status\.json cannot be read/);
      expect(isAlive(run)).toBe(false);
      expect(campaign.statusOf("long").status).toBe("succeeded");
      return endOfLong(campaign, "the run was found by the machine, waited for, and ended well");
    },
  },
  {
    name: "the files of a live run's record are deleted, its supervisor's too",
    act: async (campaign) => {
      campaign.configureWith(longStage);
      const child = await campaign.upUntil(/train \d+\/300/);
      const run = campaign.supervisorOf("long");
      await campaign.killGroup(child);
      const runs = campaign.metaflowRuns();
      for (const name of ["status.json", "status.copy.json", "supervisor.json"]) {
        fs.rmSync(path.join(campaign.runOf("long"), name));
      }
      campaign.says(await campaign.pulumi("up"), /does not say how the run stands, but process \d+ supervises it/);
      expect(isAlive(run)).toBe(false);
      expect(campaign.statusOf("long").status).toBe("succeeded");
      expect(campaign.metaflowRuns()).toBe(runs);
      return endOfLong(campaign, "the run was found by the machine, waited for, and ended well");
    },
  },
  {
    name: "a lost model is made again when all is killed, and refresh comes before the next `up`",
    act: async (campaign) => {
      campaign.configureWith(longStage);
      await campaign.pulumi("up");
      const modelUri = (await campaign.outputs()).stages[2]?.modelUri ?? "";
      fs.rmSync(campaign.stored(modelUri, "model.safetensors"));
      await campaign.pulumi("refresh");
      await campaign.killGroup(await campaign.upUntil(/train \d+\/300/));
      const { runId } = campaign.statusOf("long");
      await campaign.pulumi("refresh");
      campaign.says(await campaign.pulumi("up"), /waits for the run of long that an earlier command has started/);
      expect(campaign.statusOf("long")).toMatchObject({ status: "succeeded", runId });
      expect((await campaign.outputs()).stages[2]?.modelUri).toBe(modelUri);
      return endOfLong(campaign, "the run that was under way was waited for; its model lies where the lost one did");
    },
  },
  {
    name: "the record of a live run is deleted, and then the stage",
    act: async (campaign) => {
      campaign.configureWith(longStage);
      const child = await campaign.upUntil(/train \d+\/300/);
      const run = campaign.supervisorOf("long");
      await campaign.killGroup(child);
      fs.rmSync(campaign.runOf("long"), { recursive: true });
      campaign.says(await campaign.pulumi("up"), /FlowRun long-run/);
      await campaign.until(() => !isAlive(run), "the end of the run without a record");
      return endOfLong(campaign, "the run without a record was ended, and one with a record made");
    },
  },
  {
    name: "the run is stopped (SIGTERM)",
    act: async (campaign) => {
      campaign.configureWith(longStage);
      const child = await campaign.upUntil(/train \d+\/300/);
      let output = "";
      child.stdout?.on("data", (text: string) => (output += text));
      const closed = new Promise((resolve) => child.once("close", resolve));
      await campaign.kill(campaign.supervisorOf("long").pid, "SIGTERM");
      await closed;
      campaign.says(output, /run SftFlow\/\d+ was stopped/);
      await campaign.pulumi("up");
      return endOfLong(campaign, "`up` failed and said so; the next one ran it anew");
    },
  },
  {
    name: "the stage is removed while its run trains",
    act: async (campaign) => {
      campaign.configureWith(longStage);
      const child = await campaign.upUntil(/train \d+\/300/);
      const run = campaign.supervisorOf("long");
      await campaign.killGroup(child);
      campaign.configure();
      campaign.says(await campaign.pulumi("up"), /Ending run long-\w+, which an interrupted command had started/);
      expect(isAlive(run)).toBe(false);
      return endOfLong(campaign, "the run, of which no state knew, was ended");
    },
  },
];

/** Takes the long stage away again and makes sure that nothing of it is left. */
async function endOfLong(campaign: Campaign, end: string): Promise<string> {
  campaign.configure();
  const { status, output } = await campaign.checkout.run("pulumi", ["up", "-s", "local", "--yes", "--skip-preview"]);
  if (status !== 0) throw new Error(output);
  return end;
}

/** Faults of the endpoint. */
const endpointFaults: readonly Fault[] = [
  {
    name: "the endpoint's main process is killed, as by a kernel without memory",
    endpoint: true,
    act: async (campaign, before) => {
      const engines = campaign.processes(/VLLM::|EngineCore/).map(({ pid }) => pid);
      expect(engines.length).toBeGreaterThan(0);
      await campaign.kill(campaign.recordOf("endpoint").pid);
      campaign.says(await campaign.pulumi("up"), /the endpoint does not serve \(its process has ended\)/);
      for (const pid of engines) expect(startTimeOf(pid)).toBeUndefined();
      expect(await campaign.ask(before)).toBe(200);
      return "its engine's processes were ended; it serves under the same address and key";
    },
  },
  {
    name: "the endpoint's engine is killed, its main process lives",
    endpoint: true,
    act: async (campaign, before) => {
      const [engine] = campaign.processes(/EngineCore/);
      await campaign.kill(engine?.pid ?? 0);
      campaign.says(await campaign.pulumi("up"), /the endpoint does not serve \(/);
      expect(await campaign.ask(before)).toBe(200);
      return "serves under the same address and key";
    },
  },
  {
    name: "the endpoint hangs (SIGSTOP)",
    endpoint: true,
    act: async (campaign, before) => {
      await campaign.kill(campaign.recordOf("endpoint").pid, "SIGSTOP");
      campaign.says(await campaign.pulumi("up"), /the endpoint does not serve \(/);
      expect(await campaign.ask(before)).toBe(200);
      return "the hanging processes were ended; it serves under the same address and key";
    },
  },
  {
    name: "every process of the stack is killed, as by a restart of the machine",
    endpoint: true,
    act: async (campaign, before) => {
      for (const { pid } of campaign.processes()) if (startTimeOf(pid) !== undefined) await campaign.kill(pid);
      campaign.says(await campaign.pulumi("up"), /the object store does not serve/);
      expect(await campaign.ask(before)).toBe(200);
      await expectSameRuns(campaign, before);
      return "store and endpoint serve on their ports; no run was started";
    },
  },
  {
    name: "the endpoint's record is cut off and its main process killed",
    endpoint: true,
    act: async (campaign, before) => {
      const { pid } = campaign.recordOf("endpoint");
      const engines = campaign.processes(/VLLM::|EngineCore/).map(({ pid: engine }) => engine);
      campaign.cutOff(campaign.path("processes", "endpoint", "process.json"));
      await campaign.kill(pid);
      campaign.says(await campaign.pulumi("up"), /process\.json cannot be read/);
      for (const engine of engines) expect(startTimeOf(engine)).toBeUndefined();
      expect(await campaign.ask(before)).toBe(200);
      return "its engine's processes were found and ended; it serves under the same address";
    },
  },
  {
    name: "quickstart is killed while the model server loads, and run again",
    endpoint: true,
    act: async (campaign, before) => {
      await campaign.kill(campaign.recordOf("endpoint").pid);
      const child = await campaign.upUntil(/vllm is loading/);
      await campaign.killGroup(child);
      expect(await campaign.ask(before)).not.toBe(200);
      const { status, output } = await campaign.next("quickstart");
      expect(status).toBe(0);
      campaign.says(output, /Stack local is up/);
      expect(await campaign.ask(before)).toBe(200);
      return "'is up' was said once a completion had been answered";
    },
  },
  {
    name: "`up --replace` of the endpoint",
    endpoint: true,
    act: async (campaign, before) => {
      const urn = await urnOf(campaign, "endpoint-server");
      campaign.says(await campaign.pulumi("up", "--replace", urn), /endpoint stays: what replaces it is the same/);
      expect(await campaign.ask(before)).toBe(200);
      return "serves under the same address and key";
    },
  },
  {
    name: "the served model, its local copy and the endpoint are all gone",
    endpoint: true,
    act: async (campaign, before) => {
      fs.rmSync(campaign.stored(modelOf(before, second)), { recursive: true });
      await campaign.kill(campaign.recordOf("endpoint").pid);
      fs.rmSync(campaign.path("processes", "endpoint", "model"), { recursive: true });
      const { status, output } = await campaign.tryPulumi("up");
      expect(status).not.toBe(0);
      campaign.says(
        output,
        /the model was deleted from the store\. `pulumi up --refresh` notices that and makes it again/,
      );
      await campaign.pulumi("up", "--refresh");
      expect(await campaign.ask(before)).toBe(200);
      return "the remedy that was offered made the model again and served it";
    },
  },
  {
    name: "a port that another program has is asked for the endpoint",
    endpoint: true,
    act: async (campaign, before) => {
      const { port, free } = await takenPort();
      const { pid, startTime } = campaign.recordOf("endpoint");
      campaign.configure({ endpoint: { serves: "dpo", port } });
      const { status, output } = await campaign.tryPulumi("up");
      free();
      campaign.configure();
      expect(status).not.toBe(0);
      campaign.says(output, /port \d+ on 127\.0\.0\.1 is taken by another program: set endpoint\.port/);
      expect(isAlive({ pid, startTime })).toBe(true);
      expect(await campaign.ask(before)).toBe(200);
      return "refused; the endpoint was not touched";
    },
  },
  {
    name: "an engine that is not installed is asked for the endpoint",
    endpoint: true,
    act: async (campaign, before) => {
      const { pid, startTime } = campaign.recordOf("endpoint");
      campaign.configure({ endpoint: { serves: "dpo", engine: "transformers" } });
      const { status, output } = await campaign.tryPulumi("up");
      campaign.configure();
      expect(status).not.toBe(0);
      campaign.says(output, /endpoint\.engine: transformers needs/);
      expect(isAlive({ pid, startTime })).toBe(true);
      expect(await campaign.ask(before)).toBe(200);
      return "refused; the endpoint was not touched";
    },
  },
  {
    name: "the new model cannot be loaded by the server",
    endpoint: true,
    act: async (campaign, before) => {
      const runs = { stages: quickStages(campaign, {}).stages };
      const file = campaign.stored(modelOf(before, first), "config.json");
      const whole = fs.readFileSync(file, "utf8");
      // The same size, so that only the server can tell.
      fs.writeFileSync(file, whole.replace(/"llama"/, '"lxxma"'));
      const attributes = campaign.path("store", "metadata");
      const damaged = fs.existsSync(attributes);
      campaign.configure({ ...runs, endpoint: { serves: "sft" } });
      const { status, output } = await campaign.tryPulumi("up");
      fs.writeFileSync(file, whole);
      campaign.configure();
      expect(status).not.toBe(0);
      expect(damaged).toBe(true);
      campaign.says(output, /cannot be read|cannot be served|it is brought back as it was/);
      expect(await campaign.ask(before)).toBe(200);
      return "refused, or gone back: the model before is served";
    },
  },
  {
    name: "another user of the machine asks without the key",
    endpoint: true,
    act: async (campaign, before) => {
      expect(await campaign.ask(before, false)).toBe(401);
      const preview = (await campaign.tryPulumi("preview")).output;
      const key = before.endpointEnvironment?.OPENAI_API_KEY ?? "";
      expect(key.length).toBeGreaterThan(20);
      const logs = fs
        .readdirSync(campaign.path("processes"), { recursive: true, encoding: "utf8" })
        .filter((name) => /log.*\.txt$/.test(name))
        .map((name) => fs.readFileSync(campaign.path("processes", name), "utf8"));
      for (const text of [preview, ...logs, fs.readFileSync(campaign.stateFile(), "utf8")]) {
        expect(text).not.toContain(key);
      }
      campaign.says("HTTP 401", /HTTP 401/);
      const shared = fs.readdirSync(campaign.path(), { recursive: true, encoding: "utf8" }).filter((name) => {
        const found = fs.lstatSync(campaign.path(name));
        return !found.isSymbolicLink() && (found.mode & 0o077) !== 0;
      });
      expect(shared).toEqual([]);
      return "refused; the key is in no output, log or state, and no file below the stack's folder is anybody else's to read";
    },
  },
];

/** Faults of Pulumi's own files and of commands. */
const commandFaults: readonly Fault[] = [
  {
    name: "another user of the machine looks at the stack's files",
    act: async (campaign) => {
      const shared = ["", ...fs.readdirSync(campaign.path(), { recursive: true, encoding: "utf8" })].filter((name) => {
        const found = fs.lstatSync(campaign.path(name));
        return !found.isSymbolicLink() && (found.mode & 0o077) !== 0;
      });
      expect(shared).toEqual([]);
      campaign.says(await campaign.pulumi("up", "--expect-no-changes"), /\d+ unchanged/);
      return "none of its files and folders is anybody else's to read or enter";
    },
  },
  {
    name: "the checkout is copied with all that it has made, and torn down in the copy",
    act: async (campaign, before) => {
      const copy = campaign.checkout.copy();
      const { status, output } = await campaign.nextInCopy(copy, "teardown", "local");
      fs.rmSync(copy, { recursive: true });
      if (status !== 0) throw new Error(output);
      campaign.says(output, /the object store is another checkout's and stays as it is/);
      await campaign.pulumi("refresh");
      await campaign.pulumi("up", "--expect-no-changes");
      await expectSameRuns(campaign, before);
      return "nothing of the one that it was copied from was touched";
    },
  },
  {
    name: "the salt of the stack's secrets is cut off",
    act: async (campaign, before) => {
      const salt = campaign.checkout.file(".posttraining", "pulumi", "configuration", "Pulumi.local.yaml");
      const whole = fs.readFileSync(salt, "utf8").trim();
      campaign.cutOff(salt);
      campaign.says(await campaign.pulumi("up", "--expect-no-changes"), /\d+ unchanged/);
      expect(fs.readFileSync(salt, "utf8").trim()).toBe(whole);
      expect(fs.readFileSync(campaign.checkout.file("stacks", "Pulumi.local.yaml"), "utf8")).not.toContain(
        "encryptionsalt",
      );
      await expectSameRuns(campaign, before);
      return "the state has it, too; the committed configuration is as it was";
    },
  },
  {
    name: "a lock is left by a command that was killed",
    act: async (campaign) => {
      const folder = campaign.checkout.file(".posttraining/pulumi/state/.pulumi/locks/organization/posttraining/local");
      fs.mkdirSync(folder, { recursive: true });
      const lock = { pid: 999_999, username: "a", hostname: os.hostname(), timestamp: "2026-01-01T00:00:00Z" };
      fs.writeFileSync(path.join(folder, `${randomUUID()}.json`), JSON.stringify(lock));
      campaign.says(await campaign.pulumi("up", "--expect-no-changes"), /Removing the lock of process 999999/);
      return "removed; `up` went on";
    },
  },
  {
    name: "a lock is cut off",
    act: async (campaign) => {
      const folder = campaign.checkout.file(".posttraining/pulumi/state/.pulumi/locks/organization/posttraining/local");
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(path.join(folder, `${randomUUID()}.json`), '{"pid": 12');
      campaign.says(await campaign.pulumi("up", "--expect-no-changes"), /Removing the lock of process 0/);
      return "removed; `up` went on";
    },
  },
  {
    name: "another stack's state is cut off",
    act: async (campaign) => {
      fs.writeFileSync(campaign.stateFile("platform"), '{"version": 3, "check');
      campaign.says(await campaign.pulumi("up", "--expect-no-changes"), /\d+ unchanged/);
      const { status, output } = await campaign.next("teardown", "platform");
      fs.rmSync(campaign.stateFile("platform"));
      expect(status).toBe(1);
      expect(output).toContain("The state of stack platform");
      return "not concerned; the damaged stack's own commands say which file, and how to restore it";
    },
  },
  {
    name: "the stack's own state is cut off",
    act: async (campaign, before) => {
      fs.truncateSync(campaign.stateFile(), 1000);
      const { status, output } = await campaign.tryPulumi("up");
      expect(status).toBe(1);
      campaign.says(output, /The state of stack local, .*local\.json, cannot be read/);
      const [, from, to] = /cp '?([^']*?)'? '?(\S*local\.json)'?$/m.exec(output) ?? [];
      fs.copyFileSync(campaign.checkout.file(from ?? ""), campaign.checkout.file(to ?? ""));
      await campaign.pulumi("refresh");
      await campaign.pulumi("up");
      await expectSameRuns(campaign, before);
      return "told with its file and the copy beside it; after the line that it gives, all is as before";
    },
  },
  ...["../../../victim", "faults/", "local/", "Local"].map((name): Fault => ({
    name: `\`teardown -- ${name}\``,
    act: async (campaign, before) => {
      const victim = campaign.checkout.file("victim", "runs", "kept");
      fs.mkdirSync(path.dirname(victim), { recursive: true });
      fs.writeFileSync(victim, "");
      const { status, output } = await campaign.next("teardown", name);
      expect(status).toBe(1);
      campaign.says(output, /There is no stack ".*" in this checkout/);
      expect(fs.existsSync(victim)).toBe(true);
      await expectSameRuns(campaign, before);
      return "refused; nothing was touched";
    },
  })),
  ...(
    [
      ["an unknown task of lm-eval", { evaluation: { tasks: ["gsm8kk"], headline: "gsm8kk/acc" } }, /gsm8kk/],
      ["a micro batch that does not divide the batch", { batch: { micro: 5 } }, /batch\.(?:micro|global)/],
      ["sharding, on one process", { sharding: "fsdp2" }, /sharding/],
      ["an 8-bit optimizer without a GPU", { optimizer: { name: "adamw_bnb_8bit" } }, /optimizer\.name/],
    ] as const
  ).map(([what, set, message]): Fault => ({
    name: `a recipe asks for ${what}`,
    act: async (campaign, before) => {
      campaign.configureWith({ name: "wrong", recipe: "sft-tiny", set });
      const { status, output } = await campaign.tryPulumi("up");
      campaign.configure();
      expect(status).not.toBe(0);
      campaign.says(output, message);
      await expectSameRuns(campaign, before);
      return "refused before anything was made";
    },
  })),
];

/** Faults of the shell that a command is run from. */
const environmentFaults: readonly Fault[] = (
  [
    ["http_proxy and HTTP_PROXY name a proxy that does not answer", proxies("http_proxy", "HTTP_PROXY")],
    ["HTTP_PROXY alone", proxies("HTTP_PROXY")],
    ["HTTPS_PROXY, ALL_PROXY and grpc_proxy", proxies("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "grpc_proxy")],
    ["TMPDIR names a folder that does not exist", { TMPDIR: "/no/such/folder" }],
    // Below a file, so that nobody can make it, as npm does for a user who may.
    ["HOME names a folder that cannot be", { HOME: "/dev/null/home" }],
    ["HOME is an empty folder", { HOME: "home" }],
    ["PYTHONPATH holds a json.py", { PYTHONPATH: "python" }],
    ["LANG and LC_ALL name what the system does not have", { LANG: "xx_XX.none", LC_ALL: "xx_XX.none" }],
    ["NODE_OPTIONS asks for another module format", { NODE_OPTIONS: "--no-experimental-require-module" }],
    ["AWS_* name an account, an endpoint and FIPS", awsOfAPerson()],
    ["TS_NODE_* belong to another project", { TS_NODE_COMPILER_OPTIONS: '{"module":"esnext"}', TS_NODE_FILES: "true" }],
    [
      "PULUMI_* lead to another account",
      { PULUMI_ACCESS_TOKEN: "pul-0", PULUMI_BACKEND_URL: "https://pulumi.example" },
    ],
    [
      "PULUMI_* keep the state under another name, or not at all, and limit every command",
      {
        PULUMI_DIY_BACKEND_GZIP: "true",
        PULUMI_SKIP_CHECKPOINTS: "true",
        PULUMI_OPTION_TARGET: "urn:pulumi:a::b::c::d",
      },
    ],
  ] as const
).map(([what, variables]): Fault => ({
  name: what,
  act: async (campaign) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "hostile-"));
    fs.writeFileSync(path.join(folder, "json.py"), "raise SystemExit('this is no json')\n");
    const hostile = Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [
        name,
        fs.existsSync(path.join(folder, value)) ? path.join(folder, value) : value,
      ]),
    );
    const { status, output } = await campaign.nextIn(
      hostile,
      "pulumi",
      "preview",
      "-s",
      "local",
      "--expect-no-changes",
    );
    if (status !== 0) throw new Error(output);
    campaign.says(output, /\d+ unchanged/);
    // What the driver and the store's clients are for.
    const refreshed = await campaign.nextIn(hostile, "pulumi", "refresh", "-s", "local", "--yes", "--skip-preview");
    fs.rmSync(folder, { recursive: true });
    if (refreshed.status !== 0) throw new Error(refreshed.output);
    expect(refreshed.output).not.toContain("could not be asked");
    return "as if it were not set";
  },
}));

function proxies(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, "http://127.0.0.1:9"]));
}

function awsOfAPerson(): Record<string, string> {
  return {
    AWS_PROFILE: "production",
    AWS_ENDPOINT_URL: "http://127.0.0.1:9",
    AWS_USE_FIPS_ENDPOINT: "true",
    AWS_SESSION_TOKEN: "of another account",
    AWS_REGION: "xx-nowhere-1",
  };
}

/** Faults before and during teardown; each needs a stack of its own, which the next one makes anew. */
const teardownFaults: readonly Fault[] = [
  {
    name: "the endpoint's main process is killed, then teardown",
    endpoint: true,
    act: async (campaign) => {
      await campaign.kill(campaign.recordOf("endpoint").pid);
      return tornDown(campaign, /Checked: no process, no open port and no lock/);
    },
  },
  {
    name: "the store's record is cut off, then teardown",
    act: async (campaign) => {
      campaign.cutOff(campaign.path("processes", "store", "process.json"));
      return tornDown(campaign, /A record cannot be read, the machine is asked instead/);
    },
  },
  {
    name: "a run trains that no state knows of, then teardown",
    act: async (campaign) => {
      campaign.configureWith(longStage);
      const child = await campaign.upUntil(/train \d+\/300/);
      const run = campaign.supervisorOf("long");
      await campaign.killGroup(child);
      campaign.configure();
      const end = await tornDown(campaign, /Checked: no process/);
      expect(isAlive(run)).toBe(false);
      return end;
    },
  },
  {
    name: "the state is cut off, then teardown",
    act: async (campaign) => {
      fs.truncateSync(campaign.stateFile(), 1000);
      return tornDown(campaign, /Stack local is ended by its records and by what this machine shows/);
    },
  },
  {
    name: "the state is deleted, then teardown",
    act: async (campaign) => {
      for (const file of [campaign.stateFile(), `${campaign.stateFile()}.bak`]) fs.rmSync(file, { force: true });
      return tornDown(campaign, /No state knows of stack local, and there are records/);
    },
  },
  {
    name: "the passphrase is lost, then teardown, and teardown --without-state",
    act: async (campaign) => {
      fs.rmSync(campaign.checkout.file(".posttraining", "pulumi", "passphrase"));
      const { status, output } = await campaign.next("teardown", "local");
      expect(status).toBe(1);
      expect(output).toContain("--without-state");
      return tornDown(campaign, /Stack local is ended by its records/, "--without-state");
    },
  },
  {
    name: "teardown is killed half-way, and run again",
    act: async (campaign) => {
      const child = campaign.checkout.start("teardown", ["local"]);
      let seen = "";
      child.stdout?.setEncoding("utf8").on("data", (text: string) => (seen += text));
      await campaign.until(() => /deleting|deleted/.test(seen) || child.exitCode !== null, "the first deletion");
      await campaign.killGroup(child);
      return tornDown(campaign, /Removing the lock of process|Checked: no process/);
    },
  },
];

async function tornDown(campaign: Campaign, says: RegExp, ...flags: readonly string[]): Promise<string> {
  const ports = campaign.checkout.users("local").flatMap(({ ports: held }) => held);
  const { status, output } = await campaign.next("teardown", "local", ...flags);
  if (status !== 0) throw new Error(output);
  campaign.says(output, says);
  expect(output).toContain("Checked: no process, no open port and no lock of stack local is left");
  expect(campaign.checkout.users("local")).toEqual([]);
  for (const port of ports) expect(await refuses(port)).toBe(true);
  expect(fs.existsSync(campaign.path())).toBe(false);
  return "nothing is left: no process, port, lock or file";
}

function refuses(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", () => {
      resolve(true);
    });
  });
}

/** Faults that leave a whole stack, in the order in which they are tried. */
export const faults: readonly Fault[] = [
  ...storeFaults,
  ...runFaults,
  ...liveRunFaults,
  ...commandFaults,
  ...environmentFaults,
  ...endpointFaults,
];

/** Faults after which there is no stack. */
export const lastFaults: readonly Fault[] = teardownFaults;

/** The fastest dozen and more: neither a run nor a model server has to be started for them. */
export const fastFaults: readonly Fault[] = [...storeFaults, ...commandFaults, ...environmentFaults];
