import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import * as yaml from "yaml";
import { root } from "../machine/checkout.mjs";
import { committedFile } from "./stackConfiguration";

/**
 * What to do about an error of Pulumi that a person can mend.
 *
 * @param errors what Pulumi wrote to standard error
 * @param facts.passphraseSource where the passphrase came from
 * @param facts.configuration the stack's configuration file; left out: the committed one
 */
export function explainFailure(
  errors: string,
  {
    stack,
    passphraseSource,
    stateDirectory,
    configuration = committedFile(stack),
  }: { stack: string; passphraseSource: string; stateDirectory: string; configuration?: string },
): string | undefined {
  const unreadable = explainConfiguration(errors, configuration);
  if (unreadable !== undefined) return unreadable;
  if (/incorrect passphrase/i.test(errors)) {
    return [
      `The passphrase does not open the secrets of stack ${stack}. It was read from ${passphraseSource}.`,
      "  Give the one that the stack was made with: unset PULUMI_CONFIG_PASSPHRASE and PULUMI_CONFIG_PASSPHRASE_FILE to use",
      "  the checkout's own, or set one of them if the stack was made with yours.",
    ].join("\n");
  }
  if (/the stack is currently locked by/i.test(errors)) {
    return [
      `Another Pulumi command works on stack ${stack}, or was killed while it did (the line above says which process).`,
      `  Wait for it; if that process has ended: npm run pulumi -- cancel --yes ${stack}`,
    ].join("\n");
  }
  if (/no space left on device|ENOSPC/i.test(errors)) {
    return `The disk is full. Make room (state, models and logs lie below ${stateDirectory}), then run the command again.`;
  }
  if (/no stack named/i.test(errors)) {
    return `There is no stack ${stack} in this checkout. Make it: npm run pulumi -- stack init ${stack}`;
  }
  if (
    /(?:dial tcp|lookup .*: no such host|could not download plugin|failed to download plugin|ENOTFOUND|EAI_AGAIN)/i.test(
      errors,
    )
  ) {
    return "Something was to be downloaded, and there is no way to it. Check the network (behind a proxy: HTTPS_PROXY), then run the command again.";
  }
  return undefined;
}

/**
 * Values that YAML has and Pulumi's own format has not: it names none of the fields. Sources: what Pulumi 3.248 wrote for each.
 */
const foreignValues: readonly { error: RegExp; isWrong: (place: Place) => boolean; what: string }[] = [
  {
    error: /unsupported value: (?:NaN|[+-]?Inf)/,
    isWrong: ({ value }) => typeof value === "number" && !Number.isFinite(value),
    what: "must be a number, with digits",
  },
  {
    error: /invalid map key/,
    isWrong: ({ key }) => typeof key === "object" && key !== null,
    what: "has a key that is a list or a mapping; keys are text",
  },
  {
    error: /validating stack config: bad value/,
    isWrong: ({ path: place }) => /(?:^|\.)secure$/.test(place),
    what: "must be what `pulumi config set --secret` has written",
  },
];

/** What to do about a configuration file that Pulumi cannot read; undefined where it could. */
function explainConfiguration(errors: string, file: string): string | undefined {
  const name = path.relative(root, file);
  const syntax =
    /invalid YAML file: (yaml: line .*)/.exec(errors)?.[1] ?? /unmarshal errors:\s*(line .*)/.exec(errors)?.[1];
  if (syntax !== undefined) return `${name} is not valid YAML: ${syntax.trim()}`;
  const foreign = foreignValues.find(({ error }) => error.test(errors));
  if (foreign === undefined || !existsSync(file)) return undefined;
  const found = placesIn(readFileSync(file, "utf8")).filter(foreign.isWrong);
  if (found.length === 0) return undefined;
  return [
    `${name} has values that no configuration can hold:`,
    ...found.map(({ path: place, text, line }) => `  - ${place}: got ${text} (line ${line}); ${foreign.what}`),
  ].join("\n");
}

interface Place {
  /** As `pulumi config set --path` takes it, below `posttraining:stack`. */
  readonly path: string;
  /** Of a scalar. */
  readonly value: unknown;
  /** Of the entry, where it is no text. */
  readonly key: unknown;
  /** As it is written. */
  readonly text: string;
  readonly line: number;
}

/** Every value of a stack's configuration. */
function placesIn(text: string): Place[] {
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: lines, logLevel: "silent" });
  const places: Place[] = [];
  const visit = (node: unknown, at: string, key?: unknown): void => {
    const [from = 0, to = 0] = (yaml.isNode(node) ? node.range : undefined) ?? [];
    const value = yaml.isScalar(node) ? node.value : undefined;
    places.push({ path: at, value, key, text: text.slice(from, to), line: lines.linePos(from).line });
    if (yaml.isSeq(node))
      node.items.forEach((item, index) => {
        visit(item, `${at}[${index}]`);
      });
    if (!yaml.isMap(node)) return;
    for (const { key: name, value: below } of node.items) {
      const isText = yaml.isScalar(name);
      const word = isText ? String(name.value) : "?";
      visit(below, at === "" ? word : `${at}.${word}`, isText ? undefined : name);
    }
  };
  visit(document.getIn(["config", "posttraining:stack"], true), "");
  return places;
}
