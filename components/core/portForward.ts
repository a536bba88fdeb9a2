/** A service of the cluster as a person reaches it: by `kubectl port-forward`, on 127.0.0.1. */
export interface PortForward {
  /** What it is, for messages. */
  readonly name: string;
  readonly namespace: string;
  readonly service: string;
  /** Port on the person's machine. */
  readonly localPort: number;
  /** Port of the service. */
  readonly port: number;
  /** True: pages to look at, which no command needs. */
  readonly onlyToLookAt?: boolean;
}
