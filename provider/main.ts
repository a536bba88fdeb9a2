import { provider } from "@pulumi/pulumi";
import { EngineLog } from "./engineLog";
import { PostTrainingProvider } from "./postTrainingProvider";

// The engine passes its own address; the SDK parses it too, but keeps it to itself.
const engineAddress = process.argv.slice(2).find((argument) => /^\S+:\d+$/.test(argument));

// An engine that is killed cannot tell its plugins. They notice that they were handed to another parent and end.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 1000).unref();

void provider.main(new PostTrainingProvider(new EngineLog(engineAddress)), process.argv.slice(2));
