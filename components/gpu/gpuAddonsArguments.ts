import { installableVersionProblem, type OldestVersion } from "../core/chartVersion";
import { type InputError, type Limits, valueErrors, wholeNumber } from "../core/inputErrors";
import { kubernetesNameProblem } from "../core/kubernetesNames";
import { type GpuAddon, gpuAddonNames, type GpuAddonVersions, type GpuChart, gpuCharts } from "./gpuCharts";
import { longestTeamName, type Team } from "./kueueQueues";

/** GPUs that may be one team's own. */
export const teamGpuLimits = { least: 0, most: 100_000 } as const satisfies Limits;

/** Everything that is wrong with the arguments of `GpuAddons`, and what to write instead. */
export function gpuAddonsArgumentErrors(args: {
  readonly charts: GpuAddonVersions;
  readonly install?: readonly GpuAddon[];
  readonly teams: readonly Team[];
}): InputError[] {
  const installed = args.install ?? gpuAddonNames;
  return [
    ...installErrors(installed),
    ...gpuAddonNames
      .filter((addon) => installed.includes(addon))
      .flatMap((addon) =>
        valueErrors(`charts.${addon}`, args.charts[addon], (version) =>
          installableVersionProblem(version, oldestOf(addon)),
        ),
      ),
    ...(installed.includes("kueue") ? teamErrors(args.teams) : []),
  ];
}

function oldestOf(addon: GpuAddon): OldestVersion | undefined {
  const chart: GpuChart = gpuCharts[addon];
  return chart.oldest;
}

function installErrors(installed: readonly GpuAddon[]): InputError[] {
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
  return errors;
}

/** Why there cannot be this list of teams. */
export function noTeamProblem(teams: readonly unknown[]): string | undefined {
  return teams.length === 0 ? "no run could ever start; name one team at least" : undefined;
}

function teamErrors(teams: readonly Team[]): InputError[] {
  return [
    ...valueErrors("teams", teams, noTeamProblem),
    ...teams.flatMap(({ name, gpus }, index) => {
      const propertyPath = `teams[${index}]`;
      const earlier = teams.findIndex((team) => team.name === name);
      return [
        ...valueErrors(`${propertyPath}.name`, name, kubernetesNameProblem),
        ...valueErrors(`${propertyPath}.name`, name, ({ length }) =>
          length > longestTeamName
            ? `it has ${length} characters; its queue's name goes into a label, which leaves it ${longestTeamName}`
            : undefined,
        ),
        ...valueErrors(`${propertyPath}.name`, name, () =>
          earlier < index ? `which teams[${earlier}] is called already; add their GPUs up, or rename one` : undefined,
        ),
        ...valueErrors(`${propertyPath}.gpus`, gpus, wholeNumber(teamGpuLimits)),
      ];
    }),
  ];
}
