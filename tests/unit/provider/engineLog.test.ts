import * as grpc from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { type LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { expect, it } from "vitest";
import { EngineLog } from "../../../provider/engineLog";

it("a line reaches the engine beside its resource, and one that is lost fails nothing", async () => {
  const server = new grpc.Server();
  const logged = new Promise<LogRequest.AsObject>((resolve) => {
    server.addService(EngineService, {
      log: (call: { readonly request: LogRequest }, callback: grpc.sendUnaryData<Empty>) => {
        resolve(call.request.toObject());
        callback(null, new Empty());
      },
    });
  });
  const port = await new Promise<number>((resolve) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_, bound) => {
      resolve(bound);
    });
  });
  new EngineLog("127.0.0.1:1").write("info", "urn:lost", "to nobody", false);
  new EngineLog(undefined).write("info", "urn:lost", "to nobody", false);
  new EngineLog(`127.0.0.1:${port}`).write("warning", "urn:run", "step 5", true);
  expect(await logged).toMatchObject({
    severity: LogSeverity.WARNING,
    urn: "urn:run",
    message: "step 5",
    ephemeral: true,
  });
  server.forceShutdown();
});
