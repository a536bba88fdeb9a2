import { AwsDouble } from "./awsDouble";
import { DoubleServer } from "./server";
import { Journal } from "./journal";
import { KubernetesDouble } from "./kubernetesDouble";
import { journalVariable, Scenario } from "./scenario";

// An engine that is killed cannot tell its plugins. They notice that they were handed to another parent and end.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 1000).unref();

const file = process.env[journalVariable];
if (file === undefined) throw new Error(`${journalVariable} must name the journal's file`);
const name = process.argv[2];
const double = name === "kubernetes" ? new KubernetesDouble() : new AwsDouble();
new DoubleServer(double, new Journal(file), Scenario.fromEnvironment(process.env)).serve().then(
  (port) => {
    console.log(String(port));
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
