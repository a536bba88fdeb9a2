/**
 * Versions of charts and images that go together, pinned: what a platform gets whose configuration names none. Which others Metaflow and
 * each other take is in components/metaflow/metaflowCompatibility.ts and components/gpu/gpuCharts.ts.
 */

/** Charts of what GPU nodes need. */
export const gpuAddonCharts = {
  nvidiaDevicePlugin: "0.19.3",
  efaDevicePlugin: "0.5.30",
  dcgmExporter: "4.8.2",
  // The version that this Kueue is built against.
  jobSet: "0.10.1",
  kueue: "0.16.9",
} as const;

/** Charts that a self-hosted Metaflow stands on. */
export const metaflowCharts = { argoWorkflows: "0.45.2", argoEvents: "2.4.8" } as const;

/** Images of Metaflow's services. */
export const metaflowImages = {
  /** Metadata service and the backend of the web interface. */
  metadataService: "public.ecr.aws/outerbounds/metaflow_metadata_service:v2.5.1",
  userInterface: "public.ecr.aws/outerbounds/metaflow_ui:v1.3.14",
} as const;

/** Chart of Prometheus and Grafana. */
export const observabilityCharts = { kubePrometheusStack: "77.14.0" } as const;
