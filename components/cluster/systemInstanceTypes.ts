import { catalog } from "../../catalog/instances";

/**
 * Families that system nodes may be of: x86-64, on the Nitro system, without accelerators. GiB of memory for each vCPU.
 *
 * Nitro because prefix delegation of the VPC CNI needs it; x86-64 because the images of Metaflow's services are built for nothing else
 * (workflow `dockerimage.yml` of Netflix/metaflow-service, read 2026-11). Source: AWS documentation, "EC2 instance types", read 2026-11.
 */
const gibPerVcpu: Readonly<Record<string, number>> = {
  c5: 2,
  c5a: 2,
  c6i: 2,
  c6a: 2,
  c7i: 2,
  "c7i-flex": 2,
  c7a: 2,
  m5: 4,
  m5a: 4,
  m6i: 4,
  m6a: 4,
  m7i: 4,
  "m7i-flex": 4,
  m7a: 4,
  r5: 8,
  r5a: 8,
  r6i: 8,
  r6a: 8,
  r7i: 8,
  r7a: 8,
};

/** Burstable families give every size two vCPUs up to `large`; their memory by size, in GiB. */
const burstableFamilies: readonly string[] = ["t3", "t3a"];
const burstableGib: Readonly<Record<string, number>> = {
  nano: 0.5,
  micro: 1,
  small: 2,
  medium: 4,
  large: 8,
  xlarge: 16,
  "2xlarge": 32,
};

const vcpusOfSize: Readonly<Record<string, number>> = { medium: 1, large: 2, xlarge: 4 };

/**
 * What one system node must have. Requests of the platform's pods (DNS, storage driver, Argo, Metaflow, Prometheus) with what a node keeps
 * for itself fill most of two such nodes, and a pod that finds no room shows as an `up` that waits until it times out.
 */
export const leastSystemNode = { vcpus: 2, memoryGib: 8 } as const;

/** Why an instance type cannot carry the platform's own pods, as it reads after "got <type>; "; undefined if it can. */
export function systemInstanceTypeProblem(instanceType: string): string | undefined {
  const [family = "", size = ""] = instanceType.split(".", 2);
  if (catalog.instances.some(({ name }) => name === instanceType) || /^(?:p|g|gr|trn|inf|dl|vt|f)\d/.test(family)) {
    return 'it has accelerators, which the platform never uses: experiments bring their own GPU nodes; write "t3.large"';
  }
  if (/^(?:a1|[a-z]+\d+g[a-z]*)$/.test(family)) {
    return 'it has an Arm processor, and the images of Metaflow\'s services are for x86-64 only; write "t3.large"';
  }
  const capacity = capacityOf(family, size);
  if (capacity === undefined) {
    const known = [...burstableFamilies, ...Object.keys(gibPerVcpu)].join(", ");
    return `which is not a known type; system nodes may be of the families ${known}; write "t3.large"`;
  }
  const { vcpus, memoryGib } = leastSystemNode;
  if (capacity.vcpus >= vcpus && capacity.memoryGib >= memoryGib) return undefined;
  return (
    `it has ${capacity.vcpus} vCPUs and ${capacity.memoryGib} GiB, too little for the platform's pods; ` +
    `${vcpus} vCPUs and ${memoryGib} GiB is the least: write "t3.large"`
  );
}

function capacityOf(family: string, size: string): { vcpus: number; memoryGib: number } | undefined {
  if (burstableFamilies.includes(family)) {
    const memoryGib = burstableGib[size];
    return memoryGib === undefined ? undefined : { vcpus: Math.max(2, memoryGib / 4), memoryGib };
  }
  const perVcpu = gibPerVcpu[family];
  const multiple = /^(\d+)xlarge$/.exec(size)?.[1];
  const vcpus = multiple === undefined ? vcpusOfSize[size] : 4 * Number(multiple);
  return perVcpu === undefined || vcpus === undefined ? undefined : { vcpus, memoryGib: vcpus * perVcpu };
}
