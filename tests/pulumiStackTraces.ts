/**
 * Set-up of tests that run programs under Pulumi's mocks. Pulumi takes a stack trace for each promise and each resource, and Vitest
 * looks each of their lines up in source maps: half of such a test's time, for traces that nobody sees. All other traces stay mapped.
 */
type Prepare = (error: Error, sites: NodeJS.CallSite[]) => unknown;
// A property here, not a method as in Node's types: it uses no `this`.
const errors: { prepareStackTrace?: Prepare } = Error;
const mapped = errors.prepareStackTrace;

const withoutPulumi: Prepare = (error, sites) => {
  const ofPulumi = error.message === "" && (sites[0]?.getFileName() ?? "").includes("/node_modules/@pulumi/");
  if (!ofPulumi && mapped !== undefined) return mapped(error, sites);
  // Call sites print themselves, which their types do not say.
  // eslint-disable-next-line @typescript-eslint/no-base-to-string
  return [String(error), ...sites.map((site) => `    at ${site.toString()}`)].join("\n");
};

// Files that share a process each run this.
if (mapped?.name !== withoutPulumi.name) errors.prepareStackTrace = withoutPulumi;
