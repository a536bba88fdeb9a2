import { Journal } from "../engine/doubles/journal";
import { KubernetesDouble } from "../engine/doubles/kubernetesDouble";
import { journalVariable, Scenario } from "../engine/doubles/scenario";
import { DoubleServer } from "../engine/doubles/server";

/**
 * The engine tests' double of the provider `kubernetes`, for a cluster that it knows nothing of: here the AWS plugin keeps the cluster,
 * not the double's journal. What needs nodes, a namespace or a custom resource's kind is not judged here; the engine tests do that.
 */
class KubernetesOfAnyCluster extends KubernetesDouble {
  override beforeCreate(): void {
    // Nothing to look into: see above.
  }

  override beforeDelete(): void {
    // Nothing to look into: see above.
  }
}

// An engine that is killed cannot tell its plugins. They notice that they were handed to another parent and end.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 1000).unref();

const file = process.env[journalVariable];
if (file === undefined) throw new Error(`${journalVariable} must name the journal's file`);
new DoubleServer(new KubernetesOfAnyCluster(), new Journal(file), Scenario.fromEnvironment(process.env)).serve().then(
  (port) => {
    console.log(String(port));
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
