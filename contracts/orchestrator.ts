/** What starts and watches runs: part of every request to the driver (docs/contracts.md). */
export type Orchestrator =
  | { readonly kind: "local"; readonly runsDirectory: string }
  | { readonly kind: "argo-workflows"; readonly namespace: string; readonly serviceAccount: string }
  | {
      readonly kind: "outerbounds";
      readonly domain: string;
      readonly perimeter: string;
      readonly computePools: readonly string[];
    };
