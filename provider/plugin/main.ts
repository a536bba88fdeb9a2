import "../ownEnvironment";
import * as path from "node:path";
import { provider } from "@pulumi/pulumi";
import { layout } from "../../machine/checkout.mjs";
import { EngineLog } from "../engineLog";
import { Incarnations } from "../incarnations";
import { PostTrainingProvider } from "./postTrainingProvider";

// The engine passes its own address; the SDK parses it too, but keeps it to itself.
const engineAddress = process.argv.slice(2).find((argument) => /^\S+:\d+$/.test(argument));

// An engine that is killed cannot tell its plugins. They notice that they were handed to another parent and end.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 1000).unref();

const incarnations = new Incarnations(path.join(layout.state, "pulumi", "incarnations"));

void provider.main(new PostTrainingProvider(new EngineLog(engineAddress), incarnations), process.argv.slice(2));
