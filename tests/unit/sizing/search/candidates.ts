import { gpuByKey } from "../../../../catalog/gpus";
import { catalog, type Instance } from "../../../../catalog/instances";
import { readRecipe } from "../../../../recipe/read";
import { jobFromRecipe, type Job } from "../../../../sizing/job";
import type { Candidate } from "../../../../sizing/search";
import { search } from "../../../../sizing/search";

export const job = (recipe: string, fields: Partial<Job> = {}): Job => ({
  ...jobFromRecipe(readRecipe(recipe)),
  ...fields,
});

export function instanceNamed(name: string): Instance {
  const instance = catalog.instances.find((each) => each.name === name);
  if (instance === undefined) throw new Error(`the catalog has no ${name}`);
  return instance;
}

function anyPlan(): Candidate {
  const result = search(job("sft-3b"));
  if (!result.fits) throw new Error(result.message);
  return result.best.plan;
}

const real = anyPlan();

/** What a choice looks at; everything else is of a real plan. */
export interface Drawn {
  readonly instance: string;
  readonly nodes?: number;
  readonly generationNodes?: number;
  readonly hours: number;
  readonly usdPerRun: number;
  readonly usdPerHour?: number;
  readonly headroom?: number;
}

export function candidate({ instance: name, hours, usdPerRun, ...drawn }: Drawn): Candidate {
  const instance = instanceNamed(name);
  return {
    ...real,
    nodes: 1,
    generationNodes: 0,
    headroom: 0.1,
    usdPerHour: 10,
    ...drawn,
    instance,
    gpu: gpuByKey(instance.gpu),
    usdPerRun,
    hours: { ...real.hours, total: hours },
  };
}
