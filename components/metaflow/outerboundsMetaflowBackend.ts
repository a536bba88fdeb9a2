import * as pulumi from "@pulumi/pulumi";
import { shellWord } from "../../machine/shellWord";
import type { Orchestrator } from "../../contracts/orchestrator";
import type { AwsArtifactStore } from "../store/artifactStore";
import { componentTypes } from "../core/componentTypes";
import { type Check, checked, refuse } from "../core/inputErrors";
import {
  computePoolProblem,
  domainProblem,
  outerboundsMetaflowBackendArgumentErrors,
  platformNameProblem,
  profileProblem,
} from "./outerboundsMetaflowBackendArguments";
import type { MetaflowBackend } from "./metaflowBackend";
import { policyDocument } from "../core/serviceAccountRole";

/** Where a service principal's OIDC token comes from: GitHub Actions, or the variable `OUTERBOUNDS_JWT`. */
export type TokenSource = "github-actions" | "environment";

/**
 * Arguments of `OuterboundsMetaflowBackend`. Inputs take outputs of other resources; the source of the token is plain, since it decides
 * which command signs in.
 */
export interface OuterboundsMetaflowBackendArgs {
  /**
   * Host name of the platform.
   *
   * @example
   * ```ts
   * { domain: "acme.obp.outerbounds.com" }
   * ```
   */
  domain: pulumi.Input<string>;

  /**
   * Perimeter in which flows run.
   *
   * @example
   * ```ts
   * { perimeter: "default" }
   * ```
   */
  perimeter: pulumi.Input<string>;

  /**
   * Who deploys and runs flows: a service principal of the platform, which trusts the issuer of its token.
   *
   * @example
   * ```ts
   * { servicePrincipal: { name: "post-training", token: "github-actions" } }
   * ```
   */
  servicePrincipal: {
    /** Its name on the platform. */
    name: pulumi.Input<string>;
    /** Where its token comes from. */
    token: TokenSource;
  };

  /**
   * Compute pools that experiments may ask for, by the names that the platform has given them.
   *
   * @example
   * ```ts
   * { computePools: ["h100"] }
   * ```
   */
  computePools: readonly pulumi.Input<string>[];

  /** Store for models and datasets; Metaflow's own artifacts and checkpoints lie where the platform keeps them. */
  store: AwsArtifactStore;

  /**
   * Metaflow profile that signing in writes and clients read: `config_<profile>.json` in the Metaflow home, beside the person's own.
   *
   * @default `"posttraining"`
   * @example
   * ```ts
   * { profile: "post-training-staging" }
   * ```
   */
  profile?: pulumi.Input<string>;
}

/**
 * Metaflow on an Outerbounds platform that is there already. Nothing is made: compute pools, perimeters, the service principal, namespaces
 * and the web interface are the platform's.
 *
 * What a client knows without the platform is one thing only, the profile; everything else it asks the platform for, with the token that
 * signing in left. So `signIn` runs before the first flow: in GitHub Actions in a job with `permissions: id-token: write`, elsewhere
 * with a token in `OUTERBOUNDS_JWT` whose audience is `https://<domain>`; a person takes `outerbounds configure` from the web interface.
 * It writes a token to disk, readable by whom the umask lets: on a machine with other users, set that to 077 first.
 * Clients have the package `outerbounds` and not `metaflow` installed: both own the same folder, and the later one wins.
 *
 * Tasks reach the store only if the role that they have in the perimeter may: `storePolicy` is the policy to give it.
 *
 * **Cost**: none here; the platform's own.
 *
 * **Teardown**: nothing to delete; runs are stopped by their deployments.
 *
 * Commands and file were tried with outerbounds 0.12.53 against answers made up from its sources, not against a platform.
 *
 * @example
 * ```ts
 * new OuterboundsMetaflowBackend("metaflow", {
 *   domain: "acme.obp.outerbounds.com",
 *   perimeter: "default",
 *   servicePrincipal: { name: "post-training", token: "github-actions" },
 *   computePools: ["h100"],
 *   store,
 * });
 * ```
 */
export class OuterboundsMetaflowBackend extends pulumi.ComponentResource implements MetaflowBackend {
  readonly configuration: pulumi.Output<Record<string, string>>;
  readonly environment: pulumi.Output<Record<string, string>>;
  readonly orchestrator: pulumi.Output<Orchestrator>;
  readonly store: AwsArtifactStore;
  readonly uiUrl: pulumi.Output<string | null>;
  /** Command that signs the service principal in, by the token source that was chosen. */
  readonly signIn: pulumi.Output<string>;
  /** The same for each source of a token. */
  readonly signInCommands: pulumi.Output<Readonly<Record<TokenSource, string>>>;
  /** IAM policy that the role of the perimeter's tasks needs for the store. */
  readonly storePolicy: pulumi.Output<string>;

  constructor(name: string, args: OuterboundsMetaflowBackendArgs, options?: pulumi.ComponentResourceOptions) {
    refuse(
      "OuterboundsMetaflowBackend",
      name,
      outerboundsMetaflowBackendArgumentErrors({ ...args, hasEndpoint: args.store.endpoint !== undefined }),
    );
    super(componentTypes.metaflowBackend, name, {}, options);
    const { servicePrincipal, store } = args;
    const known = (propertyPath: string, value: pulumi.Input<string>, check: Check<string>) =>
      checked("OuterboundsMetaflowBackend", name, propertyPath, value, check);
    const profile = known("profile", args.profile ?? defaultProfile, profileProblem);
    const platform = pulumi.output({
      domain: known("domain", args.domain, domainProblem),
      perimeter: known("perimeter", args.perimeter, platformNameProblem),
      computePools: args.computePools.map((pool, index) => known(`computePools[${index}]`, pool, computePoolProblem)),
      principal: known("servicePrincipal.name", servicePrincipal.name, platformNameProblem),
      profile,
    });
    const signIn = (token: TokenSource) => platform.apply((words) => signInCommand(words, token));
    this.store = store;
    this.configuration = platform.apply((words): Record<string, string> => ({ METAFLOW_PROFILE: words.profile }));
    this.environment = pulumi.secret(
      pulumi
        .all([this.configuration, store.environment])
        .apply(([configuration, variables]): Record<string, string> => ({ ...configuration, ...variables })),
    );
    this.orchestrator = platform.apply(({ domain, perimeter, computePools }): Orchestrator => ({
      kind: "outerbounds",
      domain,
      perimeter,
      computePools,
    }));
    // METAFLOW_UI_URL of a platform: `ui.` before the domain (check_metaflow_config in outerbounds 0.12.53, local_setup_cli.py).
    this.uiUrl = platform.apply(({ domain }): string | null => `https://ui.${domain}`);
    this.signIn = signIn(servicePrincipal.token);
    this.signInCommands = pulumi.output({
      "github-actions": signIn("github-actions"),
      environment: signIn("environment"),
    });
    this.storePolicy = policyDocument(store.statements("read-write"));
    this.registerOutputs({ uiUrl: this.uiUrl, signIn: this.signIn });
  }
}

const defaultProfile = "posttraining";

/**
 * Command line that signs a service principal in. The options are those of outerbounds 0.12.53; without `--force` it asks before it
 * writes over an earlier sign-in, and a job in CI would wait for the answer.
 */
export function signInCommand(
  args: { readonly domain: string; readonly perimeter: string; readonly principal: string; readonly profile: string },
  token: TokenSource,
): string {
  const words = [
    "outerbounds",
    "service-principal-configure",
    ...["--name", args.principal],
    ...["--deployment-domain", args.domain],
    ...["--perimeter", args.perimeter],
    ...["--profile", args.profile],
  ].map(shellWord);
  switch (token) {
    case "github-actions":
      return [...words, "--github-actions", "--force"].join(" ");
    case "environment":
      return [...words, "--jwt-token", '"$OUTERBOUNDS_JWT"', "--force"].join(" ");
  }
}
