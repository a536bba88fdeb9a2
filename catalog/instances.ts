import { z } from "zod";
import catalogJson from "./aws-instances.json";

/** One AWS instance type with GPUs; prices in USD per hour, memory in GiB, disk in GB. */
const instanceSchema = z.strictObject({
  name: z.string(),
  family: z.string(),
  /** Key in `gpus.ts`. */
  gpu: z.string(),
  gpus: z.number().int().positive(),
  vcpus: z.number().int().positive(),
  hostMemoryGib: z.number().positive(),
  /** What Kubernetes leaves for pods. */
  allocatableMemoryGib: z.number().positive(),
  localDiskGb: z.number().min(0),
  networkGbps: z.number().positive(),
  efaInterfaces: z.number().int().min(0),
  gpuDirectRdma: z.boolean(),
  architecture: z.enum(["x86_64", "arm64"]),
  /** Null: not sold on demand in the catalog's region. */
  onDemandUsdPerHour: z.number().positive().nullable(),
  capacityBlock: z.boolean(),
  capacityBlockUsdPerHour: z.number().positive().nullable(),
});

export const catalogSchema = z.strictObject({
  region: z.string(),
  specificationsDate: z.string(),
  pricesDate: z.string(),
  compiledDate: z.string(),
  sources: z.array(z.strictObject({ fact: z.string(), source: z.string() })),
  capacityBlocks: z.strictObject({
    days: z.string(),
    maximumInstances: z.number().int(),
    bookableWeeksAhead: z.number().int(),
  }),
  instances: z.array(instanceSchema),
});

export type Instance = z.infer<typeof instanceSchema>;
export type Catalog = z.infer<typeof catalogSchema>;

/** The catalog that ships with the project; `npm run refresh-catalog` writes a newer one. */
export const catalog: Catalog = catalogSchema.parse(catalogJson);
