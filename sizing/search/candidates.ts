import { gpuByKey, type Gpu } from "../../catalog/gpus";
import { catalog as builtInCatalog, type Catalog, type Instance } from "../../catalog/instances";
import type { Job } from "../job";
import { estimateStepTime } from "../throughput";
import { byObjective, type Candidate } from "./candidate";
import { checkConstraints, defaultHeadroom, type Constraints } from "./constraints";
import { generationNodesFor } from "./engine";
import { hostMemoryGib, localDiskGb } from "./hosts";
import { runHours } from "./hours";
import { layoutsThatFit, type Room, type SizedLayout, type TrainingGpus } from "./layouts";
import { billedHours, pricesOf, type Price } from "./prices";

const trainingNodeCounts = [1, 2, 4, 8, 16, 32];
/** Where the user sets no limit. */
const defaultMaximumNodes = 16;
/** Prices an hour that were added up differently are the same. */
const roundingOfPrices = 1.000001;

/** An instance type that may be bought. */
interface Offer {
  readonly instance: Instance;
  readonly gpu: Gpu;
  readonly prices: readonly Price[];
}

/** A number of nodes of one offer. */
interface Fleet extends Offer {
  readonly trainingNodes: number;
  readonly generationNodes: number;
}

/** What the run of one layout takes. */
type Run = Pick<Candidate, "layout" | "memory" | "hostGib" | "diskGb" | "step" | "hours">;

function offersOf(constraints: Constraints, catalog: Catalog): Offer[] {
  const { families } = constraints;
  return (
    catalog.instances
      .filter(({ family }) => families === undefined || families.includes(family))
      // Images are built for x86.
      .filter(({ architecture }) => architecture === "x86_64")
      .map((instance) => ({ instance, gpu: gpuByKey(instance.gpu), prices: pricesOf(instance, constraints) }))
      .filter(({ prices }) => prices.length > 0)
  );
}

/** More than one node needs the low-latency network. */
const canCluster = (instance: Instance): boolean => instance.efaInterfaces > 0 && instance.gpus >= 4;

function fleetsOf(job: Job, offer: Offer, constraints: Constraints): Fleet[] {
  const generationNodes = generationNodesFor(job, offer.instance, offer.gpu);
  if (generationNodes === undefined) return [];
  const maximum = Math.min(constraints.maximumNodes ?? defaultMaximumNodes, canCluster(offer.instance) ? Infinity : 1);
  return trainingNodeCounts
    .filter((trainingNodes) => trainingNodes + generationNodes <= maximum)
    .map((trainingNodes) => ({ ...offer, trainingNodes, generationNodes }));
}

/** What a layout takes on a fleet, whatever it costs; undefined where the machines or the deadline do not allow it. */
function runOn(
  job: Job,
  fleet: Fleet,
  { layout, workload, memory }: SizedLayout,
  limits: Constraints,
): Run | undefined {
  const { instance, gpu, trainingNodes } = fleet;
  const hostGib = hostMemoryGib(job, layout, memory);
  const diskGb = localDiskGb(job, layout, trainingNodes);
  if (hostGib > instance.allocatableMemoryGib || diskGb > instance.localDiskGb) return undefined;
  const step = estimateStepTime(workload, gpu, {
    fillShare: job.fillShare,
    packed: job.packed,
    interconnect: { gpusPerNode: instance.gpus, networkGbps: instance.networkGbps },
  });
  const hours = runHours(job, instance, step, trainingNodes);
  return hours.total > (limits.maximumHours ?? Infinity) ? undefined : { layout, memory, hostGib, diskGb, step, hours };
}

/** A run at a price; undefined where that is above a limit. */
function boughtAt(price: Price, fleet: Fleet, run: Run, limits: Constraints): Candidate | undefined {
  const { instance, gpu, generationNodes } = fleet;
  const nodes = fleet.trainingNodes + generationNodes;
  const usdPerHour = price.usdPerHour * nodes;
  if (usdPerHour > (limits.maximumUsdPerHour ?? Infinity) * roundingOfPrices) return undefined;
  const usdPerRun = billedHours(price.capacity, run.hours.total) * usdPerHour;
  if (usdPerRun > (limits.maximumUsdPerRun ?? Infinity)) return undefined;
  // Written out: a search makes thousands of them.
  return {
    instance,
    gpu,
    nodes,
    generationNodes,
    layout: run.layout,
    memory: run.memory,
    step: run.step,
    capacity: price.capacity,
    usdPerHour,
    hours: run.hours,
    usdPerRun,
    hostGib: run.hostGib,
    diskGb: run.diskGb,
    headroom: 1 - run.memory.requiredGib / gpu.memoryGib,
  };
}

/** Of all layouts and prices the best. */
function bestOn(job: Job, fleet: Fleet, layouts: readonly SizedLayout[], limits: Constraints): Candidate | undefined {
  const order = byObjective(limits.objective ?? "cheapest");
  let best: Candidate | undefined;
  for (const sized of layouts) {
    const run = runOn(job, fleet, sized, limits);
    if (run === undefined) continue;
    for (const price of fleet.prices) {
      const candidate = boughtAt(price, fleet, run, limits);
      if (candidate !== undefined && (best === undefined || order(candidate, best) < 0)) best = candidate;
    }
  }
  return best;
}

/** Layouts by GPU, GPUs and nodes: instance types that differ in nothing else share them. */
function rememberedLayouts(job: Job, room: Room): (training: TrainingGpus) => readonly SizedLayout[] {
  const known = new Map<string, readonly SizedLayout[]>();
  return (training) => {
    const key = `${training.gpu.key}/${String(training.gpusPerNode)}/${String(training.nodes)}`;
    const layouts = known.get(key) ?? layoutsThatFit(job, training, room);
    known.set(key, layouts);
    return layouts;
  };
}

/**
 * Every instance type and number of nodes that fits, each with the layout and price that serve the objective best.
 * @throws ConstraintError when a constraint names what the catalog does not have.
 */
export function candidates(job: Job, constraints: Constraints = {}, catalog: Catalog = builtInCatalog): Candidate[] {
  checkConstraints(constraints, catalog);
  const layoutsOn = rememberedLayouts(job, {
    headroom: constraints.headroom ?? defaultHeadroom,
    offloads: constraints.allowOffload === true ? ["none", "parameters"] : ["none"],
  });
  return offersOf(constraints, catalog)
    .flatMap((offer) => fleetsOf(job, offer, constraints))
    .flatMap((fleet) => {
      const layouts = layoutsOn({ gpu: fleet.gpu, gpusPerNode: fleet.instance.gpus, nodes: fleet.trainingNodes });
      return bestOn(job, fleet, layouts, constraints) ?? [];
    });
}
