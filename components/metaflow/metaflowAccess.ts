import type * as kubernetes from "@pulumi/kubernetes";

/** Who may do what in the namespaces of a self-hosted Metaflow backend. */

type Rules = kubernetes.types.input.rbac.v1.PolicyRule[];

/** Kubernetes group of the people and machines that deploy flows; an access entry of the cluster puts an IAM role into it. */
export const deployersGroup = "metaflow-deployers";

/**
 * Tasks: their executor reports results; the pod that creates the JobSet of a `@parallel` step watches it to its end
 * (argo_workflows.py of Metaflow 2.19.39 makes it a resource template with an owner reference).
 */
export const taskRules: Rules = [
  { apiGroups: ["argoproj.io"], resources: ["workflowtaskresults"], verbs: ["create", "patch"] },
  {
    apiGroups: ["jobset.x-k8s.io"],
    resources: ["jobsets"],
    verbs: ["create", "get", "list", "watch", "patch", "delete"],
  },
];

/**
 * Deployers, in the jobs' namespace: what `argo-workflows create`, `trigger`, `terminate` and `delete` ask of Kubernetes, the JobSets
 * that a terminated run leaves, and looking at pods. No secrets.
 */
export const deployerRules: Rules = [
  {
    apiGroups: ["argoproj.io"],
    resources: ["workflows", "workflowtemplates", "cronworkflows", "sensors"],
    verbs: ["get", "list", "watch", "create", "update", "patch", "delete"],
  },
  { apiGroups: ["jobset.x-k8s.io"], resources: ["jobsets"], verbs: ["get", "list", "watch", "delete"] },
  { apiGroups: [""], resources: ["pods", "pods/log", "events"], verbs: ["get", "list", "watch"] },
];

/** What `kubectl port-forward service/...` needs in a service's namespace. */
export const portForwardRules: Rules = [
  { apiGroups: [""], resources: ["services", "pods"], verbs: ["get", "list"] },
  { apiGroups: [""], resources: ["pods/portforward"], verbs: ["create"] },
];
