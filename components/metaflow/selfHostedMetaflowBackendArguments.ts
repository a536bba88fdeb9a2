import { type InputError, valueErrors } from "../core/inputErrors";
import { kubernetesNameProblem } from "../core/kubernetesNames";
import { type ArgoCharts, argoWorkflowsArgumentErrors } from "./argoWorkflowsArguments";

/** Namespaces that every cluster has: they can be neither made nor deleted. */
const reservedNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** Everything that is wrong with the arguments of `SelfHostedMetaflowBackend`, and what to write instead. */
export function selfHostedMetaflowBackendArgumentErrors(args: {
  readonly systemNamespace: string;
  readonly jobsNamespace: string;
  readonly charts: ArgoCharts;
}): InputError[] {
  const { systemNamespace, jobsNamespace, charts } = args;
  return [
    ...valueErrors("systemNamespace", systemNamespace, ownNamespaceProblem),
    ...valueErrors("jobsNamespace", jobsNamespace, ownNamespaceProblem),
    ...valueErrors("jobsNamespace", jobsNamespace, (namespace) =>
      namespace === systemNamespace
        ? "which is systemNamespace too; runs must not share a namespace with the database's password"
        : undefined,
    ),
    ...argoWorkflowsArgumentErrors({ charts }),
  ];
}

/** Why a namespace of a name cannot be made and deleted with the stack. */
function ownNamespaceProblem(namespace: string): string | undefined {
  if (!reservedNamespaces.includes(namespace)) return kubernetesNameProblem(namespace);
  return "which every cluster has; choose a name of its own, for it is made and deleted with the stack";
}
