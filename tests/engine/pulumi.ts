import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { root, stackLayout } from "../../machine/checkout.mjs";

/** The real engine on a stack of its own: its own backend and passphrase, the checkout's program and provider. */

export interface Outcome {
  readonly status: number | null;
  /** Standard output and error together, as a person sees them. */
  readonly output: string;
}

export interface PreviewStep {
  readonly op: string;
  readonly urn: string;
  /** What the resource would be; secrets are hidden. */
  readonly newState?: {
    readonly inputs?: Readonly<Record<string, unknown>>;
    /** By the name of each input: the resources whose outputs it is made of. */
    readonly propertyDependencies?: Readonly<Record<string, readonly string[] | null>>;
  };
  /** By the path of each property that changes. */
  readonly detailedDiff?: Readonly<Record<string, unknown>> | null;
}

export interface Preview {
  readonly steps: readonly PreviewStep[];
  /** What the engine, the program and the providers have to say. */
  readonly diagnostics: readonly { readonly severity: string; readonly message: string }[];
}

export interface TestStackOptions {
  /** Folder with `Pulumi.yaml`. */
  readonly projectDirectory?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The environment that the project's own commands give to Pulumi. */
function pulumiEnvironment(): Record<string, string> {
  const script =
    'import("./setup/environment.mjs").then((m) => process.stdout.write(JSON.stringify(m.pulumiEnvironment())))';
  const text = execFileSync(process.execPath, ["-e", script], { cwd: root, encoding: "utf8" });
  return JSON.parse(text) as Record<string, string>;
}

export class TestStack {
  readonly layout;
  /** Where the backend, the home and the configuration of this stack lie. */
  readonly directory: string;
  readonly environment: Record<string, string>;
  private readonly configurationFile: string;
  private readonly projectDirectory: string;

  constructor(
    readonly name: string,
    options: TestStackOptions = {},
  ) {
    this.projectDirectory = options.projectDirectory ?? root;
    this.layout = stackLayout(name);
    this.directory = path.join(root, ".posttraining", "tests", name);
    const state = path.join(this.directory, "state");
    fs.rmSync(this.directory, { recursive: true, force: true });
    fs.mkdirSync(state, { recursive: true });
    this.configurationFile = path.join(this.directory, `Pulumi.${name}.yaml`);
    const tools = path.join(root, ".posttraining", "tools");
    const inherited = pulumiEnvironment();
    delete inherited.PULUMI_CONFIG_PASSPHRASE_FILE;
    this.environment = {
      ...inherited,
      PATH: [path.join(tools, "pulumi-engine"), tools, inherited.PATH].join(path.delimiter),
      PULUMI_HOME: path.join(this.directory, "home"),
      PULUMI_BACKEND_URL: `file://${encodeURI(state)}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      ...options.environment,
    };
  }

  /** Sets the value of `posttraining:stack`. */
  configure(stack: unknown): void {
    this.configureKeys({ "posttraining:stack": stack });
  }

  /** Sets the whole configuration, by keys such as `aws:region`; the salt that Pulumi has added stays. */
  configureKeys(config: Readonly<Record<string, unknown>>): void {
    const salt = fs.existsSync(this.configurationFile)
      ? /^encryptionsalt: .*$/m.exec(fs.readFileSync(this.configurationFile, "utf8"))?.[0]
      : undefined;
    const text = stringify({ config });
    fs.writeFileSync(this.configurationFile, salt === undefined ? text : `${salt}\n${text}`);
  }

  /** Starts a command and gives its process, to be killed. */
  spawn(command: string, ...extra: readonly string[]): ChildProcess {
    return spawn("pulumi", this.argumentsOf(command, extra), { cwd: this.projectDirectory, env: this.environment });
  }

  /** Runs a command to its end. */
  async run(command: string, ...extra: readonly string[]): Promise<Outcome> {
    const child = this.spawn(command, ...extra);
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (output += text));
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    return { status, output };
  }

  /** Runs a command that must succeed. */
  async ok(command: string, ...extra: readonly string[]): Promise<string> {
    const { status, output } = await this.run(command, ...extra);
    if (status !== 0) throw new Error(`pulumi ${command} ended with ${String(status)}:\n${output}`);
    return output;
  }

  private argumentsOf(command: string, extra: readonly string[]): string[] {
    const [verb = "", ...rest] = command.split(" ");
    const common = ["--stack", this.name, "--non-interactive"];
    switch (verb) {
      case "up":
        return [verb, ...rest, ...common, "--config-file", this.configurationFile, "--yes", "--skip-preview", ...extra];
      case "destroy":
      case "refresh":
        return [verb, ...rest, ...common, "--config-file", this.configurationFile, "--yes", "--skip-preview", ...extra];
      case "preview":
        return [verb, ...rest, ...common, "--config-file", this.configurationFile, ...extra];
      default:
        return [verb, ...rest, ...common, ...extra];
    }
  }

  initialize(): void {
    // `stack init` writes the salt into the default configuration file: let it do so in a folder of its own.
    const scratch = path.join(this.directory, "scratch");
    fs.mkdirSync(scratch, { recursive: true });
    // A stack belongs to the project of its name.
    const project = parse(fs.readFileSync(path.join(this.projectDirectory, "Pulumi.yaml"), "utf8")) as { name: string };
    fs.writeFileSync(path.join(scratch, "Pulumi.yaml"), stringify({ name: project.name, runtime: "nodejs" }));
    execFileSync("pulumi", ["stack", "init", this.name, "--non-interactive"], {
      cwd: scratch,
      env: this.environment,
      stdio: "pipe",
    });
    fs.copyFileSync(path.join(scratch, `Pulumi.${this.name}.yaml`), this.configurationFile);
  }

  async outputs(): Promise<Record<string, unknown>> {
    const { output } = await this.run("stack output", "--json", "--show-secrets");
    return JSON.parse(output) as Record<string, unknown>;
  }

  /** What a preview would do, as the engine says it to machines. */
  async preview(): Promise<Preview> {
    const { status, output } = await this.run("preview", "--json");
    if (status !== 0) throw new Error(output);
    const { steps, diagnostics = [] } = JSON.parse(output.slice(output.indexOf("{"))) as Partial<Preview>;
    if (steps === undefined) throw new Error(output);
    return { steps, diagnostics };
  }

  async previewSteps(): Promise<readonly PreviewStep[]> {
    return (await this.preview()).steps;
  }
}
