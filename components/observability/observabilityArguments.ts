import type * as pulumi from "@pulumi/pulumi";
import { installableVersionProblem } from "../core/chartVersion";
import { type InputError, type Limits, valueErrors, wholeNumber } from "../core/inputErrors";
import { prometheusChart } from "./prometheusChart";

/** What may be spent in a month, and who hears when it is. */
export interface Budget {
  /** Dollars a month. */
  readonly usdPerMonth: pulumi.Input<number>;
  /** Addresses that are told: 1 to 10. */
  readonly emails: readonly pulumi.Input<string>[];
}

/** Days for which metrics may be kept: the volume has room for about 90 of an idle platform. */
export const retentionDayLimits = { least: 1, most: 90 } as const satisfies Limits;

/** Minutes until an idle GPU raises an alarm: it is scraped twice a minute, and after a day nobody needs an alarm. */
export const idleGpuMinuteLimits = { least: 5, most: 1440 } as const satisfies Limits;

/** Everything that is wrong with the arguments of `Observability`, and what to write instead. */
export function observabilityArgumentErrors(args: {
  readonly charts: { readonly kubePrometheusStack: string };
  readonly retentionDays: number;
  readonly idleGpuMinutes: number;
  readonly budget?: Budget;
  readonly hasAwsProvider: boolean;
}): InputError[] {
  const { charts, retentionDays, idleGpuMinutes, budget, hasAwsProvider } = args;
  return [
    ...valueErrors("charts.kubePrometheusStack", charts.kubePrometheusStack, (version) =>
      installableVersionProblem(version, prometheusChart.oldest),
    ),
    ...valueErrors("retentionDays", retentionDays, wholeNumber(retentionDayLimits)),
    ...valueErrors("idleGpuMinutes", idleGpuMinutes, wholeNumber(idleGpuMinuteLimits)),
    ...(budget === undefined ? [] : budgetErrors(budget, hasAwsProvider)),
  ];
}

function budgetErrors({ usdPerMonth, emails }: Budget, hasProvider: boolean): InputError[] {
  return [
    ...valueErrors("budget.usdPerMonth", usdPerMonth, budgetProblem),
    ...valueErrors("budget.emails", emails, subscribersProblem),
    ...(hasProvider
      ? []
      : [
          {
            propertyPath: "awsProvider",
            reason: "is missing; AWS keeps the budget, so name the provider of its account",
          },
        ]),
  ];
}

/** Why AWS cannot keep a budget of so many dollars a month. */
export function budgetProblem(usdPerMonth: number): string | undefined {
  if (!(usdPerMonth > 0)) return "must be greater than 0";
  return usdPerMonth > 1_000_000_000 ? "must be at most 1000000000" : undefined;
}

/** Why AWS Budgets cannot tell these addresses: it takes 10 e-mail subscribers of a notification (API reference, CreateNotification). */
export function subscribersProblem(emails: readonly unknown[]): string | undefined {
  if (emails.length === 0) return "nobody would hear of it; name one address at least";
  return emails.length > 10 ? `it has ${emails.length} addresses; AWS takes 10, use a list's` : undefined;
}
