/**
 * Metrics, dashboards, alarms and a budget.
 *
 * @module observability
 */
export { Observability, type ObservabilityArgs, type Prometheus } from "./observability";
export type { Budget } from "./observabilityArguments";
