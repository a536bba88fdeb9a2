import { isAtLeast } from "../core/helmRelease";
import type { InputError } from "../core/inputErrors";
import { monitoringChart } from "./monitoringValues";

/** What may be spent in a month, and who hears when it is. */
export interface Budget {
  readonly usdPerMonth: number;
  readonly emails: readonly string[];
}

/**
 * What is wrong with the arguments of `Observability`, all of it. Pure, so that a configuration can be judged by it
 * too.
 */
export function observabilityErrors(args: {
  readonly charts: { readonly kubePrometheusStack: string };
  readonly retentionDays: number;
  readonly idleGpuMinutes: number;
  readonly budget?: Budget;
  readonly hasAwsProvider: boolean;
}): InputError[] {
  const { charts, retentionDays, idleGpuMinutes, budget, hasAwsProvider } = args;
  const { oldest } = monitoringChart;
  const errors: InputError[] = [];
  if (!isAtLeast(charts.kubePrometheusStack, oldest.version))
    errors.push({
      propertyPath: "charts.kubePrometheusStack",
      reason: `got "${charts.kubePrometheusStack}"; needs ${oldest.version} or newer: ${oldest.because}`,
    });
  if (!Number.isInteger(retentionDays) || retentionDays < 1)
    errors.push({
      propertyPath: "retentionDays",
      reason: `got ${retentionDays}; write a whole number of days, 1 or more`,
    });
  if (!Number.isInteger(idleGpuMinutes) || idleGpuMinutes < 1)
    errors.push({
      propertyPath: "idleGpuMinutes",
      reason: `got ${idleGpuMinutes}; write a whole number of minutes, 1 or more`,
    });
  return budget === undefined ? errors : [...errors, ...budgetErrors(budget, hasAwsProvider)];
}

function budgetErrors({ usdPerMonth, emails }: Budget, hasProvider: boolean): InputError[] {
  const errors: InputError[] = [];
  if (!(usdPerMonth > 0))
    errors.push({ propertyPath: "budget.usdPerMonth", reason: `got ${usdPerMonth}; write an amount above 0` });
  if (emails.length === 0)
    errors.push({
      propertyPath: "budget.emails",
      reason: "is empty, so that nobody would hear of it; name one address at least",
    });
  // AWS Budgets takes 10 e-mail subscribers for a notification (API reference, CreateNotification).
  if (emails.length > 10)
    errors.push({
      propertyPath: "budget.emails",
      reason: `has ${emails.length} addresses; AWS takes 10, use a list's`,
    });
  if (!hasProvider)
    errors.push({
      propertyPath: "awsProvider",
      reason: "is missing; AWS keeps the budget, so name the provider of its account",
    });
  return errors;
}
