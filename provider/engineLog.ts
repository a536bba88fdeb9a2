import * as grpc from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

export type Severity = "info" | "warning";

/** Lines beside a resource in the engine's display. */
export class EngineLog {
  private readonly client: InstanceType<typeof EngineClient> | undefined;

  /** @param address `host:port` of the engine; without one, lines go nowhere. */
  constructor(address: string | undefined) {
    this.client = address === undefined ? undefined : new EngineClient(address, grpc.credentials.createInsecure());
  }

  /** @param ephemeral the line replaces the last one and is not kept. */
  write(severity: Severity, urn: string, message: string, ephemeral: boolean): void {
    if (this.client === undefined) return;
    const line = new LogRequest();
    line.setSeverity(severity === "warning" ? LogSeverity.WARNING : LogSeverity.INFO);
    line.setMessage(message);
    line.setUrn(urn);
    line.setEphemeral(ephemeral);
    this.client.log(line, () => {
      // A line that is lost loses nothing else: progress must never fail an operation.
    });
  }
}
