import { gpuAddonNames } from "../../configuration/platform";
import { type GpuAddon, type GpuAddonVersions, type GpuChart, gpuCharts } from "./gpuCharts";
import { isAtLeast } from "../core/helmRelease";
import type { InputError } from "../core/inputErrors";
import { longestTeamName, type Team } from "./kueueQueues";

/** Lower-case letters, digits and dashes, as Kubernetes wants names. */
const teamNamePattern = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/**
 * What is wrong with the arguments of `GpuAddons`, all of it. Pure, so that a configuration can be judged by it too.
 */
export function gpuAddonErrors(args: {
  readonly charts: GpuAddonVersions;
  readonly install?: readonly GpuAddon[];
  readonly teams: readonly Team[];
}): InputError[] {
  const installed = args.install ?? gpuAddonNames;
  const errors: InputError[] = [];
  const unknown = installed.filter((addon) => !(gpuAddonNames as readonly string[]).includes(addon));
  if (unknown.length > 0)
    errors.push({
      propertyPath: "install",
      reason: `knows no ${unknown.map((addon) => `"${addon}"`).join(", ")}; write some of ${gpuAddonNames.join(", ")}`,
    });
  const repeated = installed.filter((addon, index) => installed.indexOf(addon) !== index);
  if (repeated.length > 0)
    errors.push({ propertyPath: "install", reason: `names ${repeated.join(", ")} twice; write it once` });
  for (const addon of gpuAddonNames) {
    const oldest = (gpuCharts[addon] as GpuChart).oldest;
    if (oldest === undefined || !installed.includes(addon) || isAtLeast(args.charts[addon], oldest.version)) continue;
    errors.push({
      propertyPath: `charts.${addon}`,
      reason: `got "${args.charts[addon]}"; needs ${oldest.version} or newer: ${oldest.because}`,
    });
  }
  return installed.includes("kueue") ? [...errors, ...teamErrors(args.teams)] : errors;
}

function teamErrors(teams: readonly Team[]): InputError[] {
  if (teams.length === 0)
    return [{ propertyPath: "teams", reason: "is empty, so that no run could ever start; name one team at least" }];
  return teams.flatMap(({ name, gpus }, index) => {
    const propertyPath = `teams[${index}]`;
    const earlier = teams.findIndex((team) => team.name === name);
    const errors: InputError[] = [];
    if (!teamNamePattern.test(name))
      errors.push({
        propertyPath: `${propertyPath}.name`,
        reason: `got "${name}"; write lower-case letters, digits and dashes`,
      });
    if (name.length > longestTeamName)
      errors.push({
        propertyPath: `${propertyPath}.name`,
        reason: `has ${name.length} characters; its queue's name goes into a label, which leaves it ${longestTeamName}`,
      });
    if (earlier < index)
      errors.push({
        propertyPath: `${propertyPath}.name`,
        reason: `is "${name}", which teams[${earlier}] is called already; add their GPUs up, or rename one`,
      });
    if (!Number.isInteger(gpus) || gpus < 0)
      errors.push({ propertyPath: `${propertyPath}.gpus`, reason: `got ${gpus}; write a whole number, 0 or more` });
    return errors;
  });
}
