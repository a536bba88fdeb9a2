import { type InputError, valueErrors } from "../core/inputErrors";
import { metaflowChartProblem } from "./metaflowCompatibility";

/** Versions of the charts by which Metaflow's flows run. */
export interface ArgoCharts {
  /** Version of the chart `argo-workflows`. */
  readonly argoWorkflows: string;
  /** Version of the chart `argo-events`. */
  readonly argoEvents: string;
}

/** Everything that is wrong with the arguments of `ArgoWorkflows`, and what to write instead. */
export function argoWorkflowsArgumentErrors({ charts }: { readonly charts: ArgoCharts }): InputError[] {
  return (["argoWorkflows", "argoEvents"] as const).flatMap((chart) =>
    valueErrors(`charts.${chart}`, charts[chart], (version) => metaflowChartProblem(chart, version)),
  );
}
