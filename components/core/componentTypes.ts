/** Type tokens of the project's components: the one place that names them. */
export const componentTypes = {
  artifactStore: "posttraining:index:ArtifactStore",
  metaflowBackend: "posttraining:index:MetaflowBackend",
  metaflowDatabase: "posttraining:index:MetaflowDatabase",
  argoWorkflows: "posttraining:index:ArgoWorkflows",
  flowDeployment: "posttraining:index:FlowDeployment",
  inferenceEndpoint: "posttraining:index:InferenceEndpoint",
  network: "posttraining:index:Network",
  cluster: "posttraining:index:Cluster",
  serviceAccountRole: "posttraining:index:ServiceAccountRole",
  teamQueues: "posttraining:index:TeamQueues",
  gpuAddons: "posttraining:index:GpuAddons",
  observability: "posttraining:index:Observability",
} as const;
