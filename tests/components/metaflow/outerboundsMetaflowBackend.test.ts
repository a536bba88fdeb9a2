import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { existingArtifactStore } from "../../../components/store/existingArtifactStore";
import {
  OuterboundsMetaflowBackend,
  type OuterboundsMetaflowBackendArgs,
  signInCommand,
} from "../../../components/metaflow/outerboundsMetaflowBackend";
import { componentTypes } from "../../../components/core/componentTypes";
import { collect, valueOf } from "../collect";

const valid: OuterboundsMetaflowBackendArgs = {
  domain: "acme.obp.outerbounds.com",
  perimeter: "default",
  servicePrincipal: { name: "post-training", token: "github-actions" },
  computePools: ["h100", "l4"],
  store: existingArtifactStore({ bucket: "theirs", region: "eu-west-1" }),
};

const build = (args: Partial<OuterboundsMetaflowBackendArgs> = {}, options?: pulumi.ComponentResourceOptions) =>
  collect(() => new OuterboundsMetaflowBackend("metaflow", { ...valid, ...args }, options));

describe("OuterboundsMetaflowBackend", () => {
  it("makes nothing on the platform or elsewhere", async () => {
    const { registrations } = await build();
    expect(registrations.map(({ type }) => type)).toEqual([componentTypes.metaflowBackend]);
  });

  it("tells clients the profile, and nothing that only the platform knows", async () => {
    const { result } = await build();
    expect(await valueOf(result.configuration)).toEqual({ METAFLOW_PROFILE: "posttraining" });
    expect(await pulumi.isSecret(result.configuration)).toBe(false);
    expect(await valueOf(result.uiUrl)).toBe("https://ui.acme.obp.outerbounds.com");
    expect(await valueOf(result.orchestrator)).toEqual({
      kind: "outerbounds",
      domain: "acme.obp.outerbounds.com",
      perimeter: "default",
      computePools: ["h100", "l4"],
    });
  });

  it("gives what runs flows the profile and the way to the store, as a secret", async () => {
    const { result } = await build();
    expect(await pulumi.isSecret(result.environment)).toBe(true);
    expect(await valueOf(result.environment)).toEqual({
      METAFLOW_PROFILE: "posttraining",
      AWS_REGION: "eu-west-1",
      AWS_DEFAULT_REGION: "eu-west-1",
    });
    expect(result.store).toBe(valid.store);
  });

  it("says what the role of its tasks needs for the store", async () => {
    const { result } = await build();
    const policy = JSON.parse(await valueOf(result.storePolicy)) as { Statement: { Resource: string[] }[] };
    expect(policy.Statement.map(({ Resource }) => Resource)).toEqual([
      ["arn:aws:s3:::theirs"],
      ["arn:aws:s3:::theirs/*"],
    ]);
    expect(JSON.stringify(policy)).toContain("s3:PutObject");
  });

  it("signs in as the configuration says, and knows both ways", async () => {
    const shared =
      "outerbounds service-principal-configure --name post-training --deployment-domain acme.obp.outerbounds.com" +
      " --perimeter default --profile posttraining";
    const inActions = await build();
    expect(await valueOf(inActions.result.signIn)).toBe(`${shared} --github-actions --force`);
    const elsewhere = await build({ servicePrincipal: { name: "post-training", token: "environment" } });
    expect(await valueOf(elsewhere.result.signIn)).toBe(`${shared} --jwt-token "$OUTERBOUNDS_JWT" --force`);
    expect(await valueOf(inActions.result.signInCommands)).toEqual({
      "github-actions": `${shared} --github-actions --force`,
      environment: `${shared} --jwt-token "$OUTERBOUNDS_JWT" --force`,
    });
  });

  it("uses another profile throughout", async () => {
    const { result } = await build({ profile: "acme-training" });
    expect(await valueOf(result.signIn)).toContain(" --profile acme-training ");
    expect(await valueOf(result.configuration)).toEqual({ METAFLOW_PROFILE: "acme-training" });
  });

  it("is a child where its options say so", async () => {
    const { result, registrations } = await collect(() => {
      const parent = new pulumi.ComponentResource("test:index:Parent", "parent");
      new OuterboundsMetaflowBackend("metaflow", valid, { parent });
      return parent;
    });
    expect(registrations.find(({ name }) => name === "metaflow")?.opts.parent).toBe(result);
  });

  it.each<[string, Partial<OuterboundsMetaflowBackendArgs>, RegExp]>([
    [
      "an address for a domain",
      { domain: "https://acme.obp.outerbounds.com" },
      /domain: got .*; must be the platform's host name/,
    ],
    [
      "the web interface's host",
      { domain: "ui.acme.obp.outerbounds.com" },
      /domain: .*write "acme.obp.outerbounds.com"/,
    ],
    ["no perimeter", { perimeter: " " }, /perimeter: got " "; must be the name/],
    [
      "an option for a name",
      { servicePrincipal: { name: "--force", token: "environment" } },
      /servicePrincipal.name: got "--force"/,
    ],
    ["a profile that is a path", { profile: "../config" }, /profile: got .*; must be letters/],
    ["no pool", { computePools: [] }, /computePools: got \[\]; must name at least one/],
    ["a pool that no label can name", { computePools: ["h100", "big pool"] }, /computePools\[1\]: got "big pool"/],
    [
      "a pool twice",
      { computePools: ["h100", "l4", "h100"] },
      /computePools\[2\]: got "h100", which is computePools\[0\] already/,
    ],
    [
      "a store that is not AWS's",
      { store: existingArtifactStore({ bucket: "theirs", region: "lab", endpoint: "https://s3.lab.example.com" }) },
      /store: .*name a bucket of AWS/,
    ],
  ])("refuses %s", async (_what, wrong, message) => {
    await expect(build(wrong)).rejects.toThrow(message);
  });

  it("says all that is wrong at once, before it registers anything", async () => {
    const registered: string[] = [];
    const attempt = collect(() => {
      pulumi.runtime.registerStackTransformation(({ name }) => {
        registered.push(name);
        return undefined;
      });
      return new OuterboundsMetaflowBackend("metaflow", { ...valid, domain: "acme", perimeter: "", computePools: [] });
    });
    await expect(attempt).rejects.toThrow(/domain:[^]*perimeter:[^]*computePools:/);
    expect(registered).toEqual([]);
  });
});

describe("signInCommand", () => {
  it("reaches the command line whole, whatever the names hold", () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "sign-in-"));
    try {
      // Stands in for the real command, and says which words the shell made of the line.
      const command = path.join(directory, "outerbounds");
      fs.writeFileSync(command, `#!${process.execPath}\nconsole.log(JSON.stringify(process.argv.slice(2)));\n`, {
        mode: 0o755,
      });
      const environment = { PATH: `${directory}:/bin:/usr/bin`, OUTERBOUNDS_JWT: "a.b.c d" };
      const words = (line: string): unknown =>
        JSON.parse(execFileSync("/bin/sh", ["-c", line], { env: environment }).toString());
      const name = fc.stringMatching(/^[a-z][ -~]{0,12}$/);
      fc.assert(
        fc.property(name, name, (principal, perimeter) => {
          const args = {
            domain: "acme.obp.outerbounds.com",
            perimeter,
            principal,
            profile: "posttraining",
          };
          expect(words(signInCommand(args, "environment"))).toEqual([
            ...["service-principal-configure", "--name", principal, "--deployment-domain", args.domain],
            ...["--perimeter", perimeter, "--profile", "posttraining", "--jwt-token", "a.b.c d", "--force"],
          ]);
        }),
        {
          numRuns: 15,
          examples: [
            ["it's", "$(id)"],
            ['"quoted"', "a b"],
          ],
        },
      );
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });
});
