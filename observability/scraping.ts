/**
 * What Prometheus scrapes besides the cluster itself: specifications of PodMonitors and ServiceMonitors, for every
 * namespace.
 */

/** Label of pods that serve a model with vLLM, and the name of the port that has `/metrics`. */
export const vllmPodLabel = { key: "posttraining.dev/engine", value: "vllm" } as const;
export const vllmPortName = "http";

const everywhere = { any: true } as const;

/** A monitor of the Prometheus operator. */
export interface Monitor {
  readonly kind: "PodMonitor" | "ServiceMonitor";
  readonly spec: Readonly<Record<string, unknown>>;
}

const kueueMonitor: Monitor = {
  kind: "ServiceMonitor",
  spec: {
    namespaceSelector: everywhere,
    selector: {
      matchLabels: { "app.kubernetes.io/name": "kueue", "app.kubernetes.io/component": "metrics-service" },
    },
    endpoints: [
      {
        port: "https",
        path: "/metrics",
        scheme: "https",
        interval: "30s",
        bearerTokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
        tlsConfig: { insecureSkipVerify: true },
      },
    ],
  },
};

/**
 * The monitors by name.
 *
 * - `dcgm`: the exporter says of each GPU which pod holds it, in the labels `namespace`, `pod` and `container`, which
 *   would collide with those of its own pod; those are dropped, and the node is named instead.
 * - `kueue`: its metrics want TLS, with a certificate that it has signed itself, and a token that may get `/metrics`,
 *   which Prometheus' own role has. Only the leader reports.
 * - `argo`: needs the controller's metrics switched on, without TLS (values `controller.metricsConfig`).
 * - `vllm`: endpoints carry the label above.
 */
export function monitors(): Readonly<Record<"dcgm" | "kueue" | "argo" | "vllm", Monitor>> {
  return {
    dcgm: {
      kind: "PodMonitor",
      spec: {
        namespaceSelector: everywhere,
        selector: { matchLabels: { "app.kubernetes.io/name": "dcgm-exporter" } },
        podMetricsEndpoints: [
          {
            port: "metrics",
            path: "/metrics",
            interval: "30s",
            relabelings: [
              { action: "replace", sourceLabels: ["__meta_kubernetes_pod_node_name"], targetLabel: "node" },
              { action: "labeldrop", regex: "namespace|pod|container" },
            ],
          },
        ],
      },
    },
    kueue: kueueMonitor,
    argo: {
      kind: "PodMonitor",
      spec: {
        namespaceSelector: everywhere,
        selector: {
          matchLabels: {
            "app.kubernetes.io/part-of": "argo-workflows",
            "app.kubernetes.io/component": "workflow-controller",
          },
        },
        // The metrics' own label `namespace`, that of the workflow, wins over the controller's.
        podMetricsEndpoints: [{ port: "metrics", path: "/metrics", interval: "30s", honorLabels: true }],
      },
    },
    vllm: {
      kind: "PodMonitor",
      spec: {
        namespaceSelector: everywhere,
        selector: { matchLabels: { [vllmPodLabel.key]: vllmPodLabel.value } },
        podMetricsEndpoints: [{ port: vllmPortName, path: "/metrics", interval: "15s" }],
      },
    },
  };
}
