import { type Region, regionNames } from "../catalog/regions";

/**
 * What AWS bills a platform for while nothing trains on it. On demand, USD, before tax and without free tiers or discounts.
 *
 * Every table says where its prices are from and when they held. A price that no source gave is "unknown"; none is derived from another.
 */

export type Price = number | "unknown";

export interface PriceTable {
  /** What one unit is: "an hour", "a GiB and month". */
  readonly unit: string;
  readonly source: string;
  /** Day on which the prices held. */
  readonly date: string;
  /** Prices by region, then by what is priced. */
  readonly usd: Readonly<Partial<Record<Region, Readonly<Record<string, number>>>>>;
}

export interface Quote {
  readonly usd: Price;
  readonly date: string;
}

/** Reads a table of regions and prices as people write it; "-" is a price that the source does not have. */
function prices(...blocks: readonly string[]): PriceTable["usd"] {
  const usd: Partial<Record<Region, Record<string, number>>> = {};
  for (const block of blocks) {
    const [head = "", ...lines] = block.trim().split("\n");
    const names = head.trim().split(/\s+/).slice(1);
    for (const line of lines) {
      const [region = "", ...cells] = line.trim().split(/\s+/);
      const row = (usd[region as Region] ??= {});
      cells.forEach((cell, index) => {
        if (cell !== "-") row[names[index] ?? ""] = Number(cell);
      });
    }
  }
  return usd;
}

/** The same price in every region. */
function everywhere(price: Readonly<Record<string, number>>): PriceTable["usd"] {
  return Object.fromEntries(regionNames.map((region) => [region, price]));
}

/** While AWS gives the Kubernetes version standard support, and clusters of this project never leave it (`upgradePolicy`). */
const controlPlane: PriceTable = {
  unit: "an hour",
  source: "AWS Price List (AmazonEKS, us-east-1: perCluster); Amazon EKS pricing names one price for all regions",
  date: "2026-09-22",
  usd: everywhere({ "control-plane": 0.1 }),
};

/** In use or not; charged for every one since February 2024. */
const publicAddress: PriceTable = {
  unit: "an hour",
  source:
    "AWS Price List (AmazonVPC, us-east-1 and ap-northeast-1); Amazon VPC pricing names one price for all regions",
  date: "2026-09-10",
  usd: everywhere({ "public-address": 0.005 }),
};

const keysAndSecrets: PriceTable = {
  unit: "a month",
  source:
    "AWS Price List API, as kept in github.com/xbill9/zombiescan src/zombiescan/pricing/table.json at 07715513, generated 2026-09-21",
  date: "2026-09-21",
  usd: everywhere({ key: 1, secret: 0.4 }),
};

/**
 * Hours of NAT gateways and of interface endpoints (in each zone), months of a GiB of gp3 volumes, of RDS gp3 storage in one zone, and of
 * stored logs. A second list (github.com/wardbox/tofu-drift internal/pricing at 04bbac5a, from the same offers) agrees but for stored
 * logs in ap-south-1, ap-southeast-1 and eu-north-1, where it has up to 0.0035 more.
 */
const networkAndStorage: PriceTable = {
  unit: "an hour, or a GiB and month",
  source: keysAndSecrets.source,
  date: "2026-09-21",
  usd: prices(`
    region         nat-gateway interface-endpoint  volume database-storage log-storage
    us-east-1            0.045               0.01    0.08            0.115        0.03
    us-east-2            0.045               0.01    0.08            0.115        0.03
    us-west-1            0.048              0.011   0.096            0.138       0.033
    us-west-2            0.045               0.01    0.08            0.115        0.03
    ca-central-1          0.05              0.011   0.088            0.127       0.033
    eu-central-1         0.052              0.012  0.0952            0.137      0.0324
    eu-west-1            0.048              0.011   0.088            0.127        0.03
    eu-west-2             0.05              0.011  0.0928            0.133      0.0315
    eu-west-3             0.05              0.011  0.0928            0.133      0.0315
    eu-north-1           0.046             0.0105  0.0836             0.12       0.028
    eu-south-2           0.048              0.011   0.088            0.127        0.03
    ap-northeast-1       0.062              0.014   0.096            0.138       0.033
    ap-northeast-2       0.059              0.013  0.0912            0.131      0.0314
    ap-south-1           0.056              0.013  0.0912            0.131        0.03
    ap-southeast-1       0.059              0.013   0.096            0.138        0.03
    ap-southeast-2       0.059              0.013   0.096            0.138       0.033
    sa-east-1            0.093              0.021   0.152            0.219      0.0408
  `),
};

/** Control-plane logs: "vended logs" of CloudWatch's standard class, up to 10 TB a month. */
const logIngestion: PriceTable = {
  unit: "a GB",
  source: "AWS Price List (AmazonCloudWatch, us-east-1, SKU GHRXAWYBWDN7X39F)",
  date: "2026-10-07",
  usd: { "us-east-1": { "log-ingestion": 0.5 } },
};

/** S3 Standard, the first 50 TB. */
const objectStorage: PriceTable = {
  unit: "a GiB and month",
  source: "AWS Price List (AmazonS3), offers by region",
  date: "2026-07-01",
  usd: prices(`
    region         object-storage
    us-east-1               0.023
    us-east-2               0.023
    us-west-1               0.026
    us-west-2               0.023
    ca-central-1            0.025
    eu-central-1           0.0245
    eu-west-1               0.023
    eu-west-2               0.024
    eu-west-3               0.024
    eu-north-1              0.023
    eu-south-2                  -
    ap-northeast-1          0.025
    ap-northeast-2          0.025
    ap-south-1              0.025
    ap-southeast-1          0.025
    ap-southeast-2          0.025
    sa-east-1              0.0405
  `),
};

/** Traffic through a NAT gateway. */
const natTraffic: PriceTable = {
  unit: "a GB",
  source: "AWS Price List (AmazonEC2: NatGateway-Bytes, APN1-NatGateway-Bytes)",
  date: "2026-09-25",
  usd: { "us-east-1": { "nat-traffic": 0.045 }, "ap-northeast-1": { "nat-traffic": 0.062 } },
};

/** Types that system nodes may be of (components/cluster/systemInstanceTypes.ts), in the sizes that are worth it. Linux, shared tenancy. */
const nodesInVirginia: PriceTable = {
  unit: "an hour",
  source:
    "github.com/aws/karpenter-provider-aws pkg/providers/pricing/zz_generated.pricing_aws.go at 1d927085, generated 2026-07-20",
  date: "2026-07-20",
  usd: prices(
    `
    region         t3.large t3.xlarge t3.2xlarge t3a.large t3a.xlarge t3a.2xlarge
    us-east-1        0.0832    0.1664     0.3328    0.0752     0.1504      0.3008
    `,
    `
    region         m5.large m5a.large m6i.large m6a.large m7i.large m7i-flex.large m7a.large
    us-east-1         0.096     0.086     0.096    0.0864    0.1008        0.09576   0.11592
    `,
    `
    region         m5.xlarge m5a.xlarge m6i.xlarge m6a.xlarge m7i.xlarge m7i-flex.xlarge m7a.xlarge
    us-east-1          0.192      0.172      0.192     0.1728     0.2016         0.19152    0.23184
    `,
    `
    region         c5.xlarge c5a.xlarge c6i.xlarge c6a.xlarge c7i.xlarge c7i-flex.xlarge c7a.xlarge
    us-east-1           0.17      0.154       0.17      0.153     0.1785         0.16958    0.20528
    `,
    `
    region         r5.large r5a.large r6i.large r6a.large r7i.large r7a.large
    us-east-1         0.126     0.113     0.126    0.1134    0.1323   0.15215
    `,
    `
    region         r5.xlarge r5a.xlarge r6i.xlarge r6a.xlarge r7i.xlarge r7a.xlarge
    us-east-1          0.252      0.226      0.252     0.2268     0.2646     0.3043
    `,
  ),
};

/** The same data has the prices of 2026 in us-east-1 for each of these types: they did not change in between. */
const nodesElsewhere: PriceTable = {
  unit: "an hour",
  source: "ec2instances.info, as kept in the Go module github.com/cristim/ec2-instances-info at 32acf84f",
  date: "2025-05-28",
  usd: prices(
    `
    region         t3.large t3.xlarge t3.2xlarge t3a.large t3a.xlarge t3a.2xlarge
    us-east-2        0.0832    0.1664     0.3328    0.0752     0.1504      0.3008
    us-west-1        0.0992    0.1984     0.3968    0.0893     0.1786      0.3571
    us-west-2        0.0832    0.1664     0.3328    0.0752     0.1504      0.3008
    ca-central-1     0.0928    0.1856     0.3712    0.0835      0.167      0.3341
    eu-central-1      0.096     0.192      0.384    0.0864     0.1728      0.3456
    eu-west-1        0.0912    0.1824     0.3648    0.0816     0.1632      0.3264
    eu-west-2        0.0944    0.1888     0.3776     0.085     0.1699      0.3398
    eu-west-3        0.0944    0.1888     0.3776     0.085     0.1699      0.3398
    eu-north-1       0.0864    0.1728     0.3456         -          -           -
    eu-south-2       0.0912    0.1824     0.3648         -          -           -
    ap-northeast-1   0.1088    0.2176     0.4352    0.0979     0.1958      0.3917
    ap-northeast-2    0.104     0.208      0.416    0.0936     0.1872      0.3744
    ap-south-1       0.0896    0.1792     0.3584    0.0493     0.0986      0.1971
    ap-southeast-1   0.1056    0.2112     0.4224    0.0944     0.1888      0.3776
    ap-southeast-2   0.1056    0.2112     0.4224     0.095     0.1901      0.3802
    sa-east-1        0.1344    0.2688     0.5376     0.121     0.2419      0.4838
    `,
    `
    region         m5.large m5a.large m6i.large m6a.large m7i.large m7i-flex.large m7a.large
    us-east-2         0.096     0.086     0.096    0.0864    0.1008        0.09576   0.11592
    us-west-1         0.112     0.101     0.112    0.1008    0.1176        0.11172         -
    us-west-2         0.096     0.086     0.096    0.0864    0.1008        0.09576   0.11592
    ca-central-1      0.107     0.096     0.107    0.0963   0.11235        0.10673         -
    eu-central-1      0.115     0.104     0.115    0.1035   0.12075        0.11471   0.13886
    eu-west-1         0.107     0.096     0.107    0.0963   0.11235        0.10673    0.1292
    eu-west-2         0.111       0.1     0.111    0.0999   0.11655        0.11072         -
    eu-west-3         0.112     0.101     0.112    0.1008    0.1176        0.11172         -
    eu-north-1        0.102         -     0.102         -    0.1071        0.10175   0.12316
    eu-south-2        0.107         -         -         -   0.11235        0.10673    0.1292
    ap-northeast-1    0.124     0.112     0.124    0.1116    0.1302        0.12369   0.14973
    ap-northeast-2    0.118     0.106     0.118         -    0.1239        0.11771         -
    ap-south-1        0.101     0.056     0.101   0.05555   0.10605        0.10075         -
    ap-southeast-1     0.12     0.108      0.12     0.108     0.126         0.1197         -
    ap-southeast-2     0.12     0.108      0.12     0.108     0.126         0.1197    0.1449
    sa-east-1         0.153     0.138     0.153    0.1377   0.16065        0.15262         -
    `,
    `
    region         m5.xlarge m5a.xlarge m6i.xlarge m6a.xlarge m7i.xlarge m7i-flex.xlarge m7a.xlarge
    us-east-2          0.192      0.172      0.192     0.1728     0.2016         0.19152    0.23184
    us-west-1          0.224      0.202      0.224     0.2016     0.2352         0.22344          -
    us-west-2          0.192      0.172      0.192     0.1728     0.2016         0.19152    0.23184
    ca-central-1       0.214      0.192      0.214     0.1926     0.2247         0.21346          -
    eu-central-1        0.23      0.208       0.23      0.207     0.2415         0.22942    0.27772
    eu-west-1          0.214      0.192      0.214     0.1926     0.2247         0.21346     0.2584
    eu-west-2          0.222        0.2      0.222     0.1998     0.2331         0.22144          -
    eu-west-3          0.224      0.202      0.224     0.2016     0.2352         0.22344          -
    eu-north-1         0.204          -      0.204          -     0.2142          0.2035    0.24632
    eu-south-2         0.214          -          -          -     0.2247         0.21346     0.2584
    ap-northeast-1     0.248      0.224      0.248     0.2232     0.2604         0.24738    0.29946
    ap-northeast-2     0.236      0.212      0.236          -     0.2478         0.23542          -
    ap-south-1         0.202      0.111      0.202     0.1111     0.2121          0.2015          -
    ap-southeast-1      0.24      0.216       0.24      0.216      0.252          0.2394          -
    ap-southeast-2      0.24      0.216       0.24      0.216      0.252          0.2394     0.2898
    sa-east-1          0.306      0.276      0.306     0.2754     0.3213         0.30524          -
    `,
    `
    region         c5.xlarge c5a.xlarge c6i.xlarge c6a.xlarge c7i.xlarge c7i-flex.xlarge c7a.xlarge
    us-east-2           0.17      0.154       0.17      0.153     0.1785         0.16958    0.20528
    us-west-1          0.212       0.19      0.212     0.1908     0.2226         0.21147          -
    us-west-2           0.17      0.154       0.17      0.153     0.1785         0.16958    0.20528
    ca-central-1       0.186      0.168      0.186     0.1674     0.1953         0.18554          -
    eu-central-1       0.194      0.174      0.194     0.1746     0.2037         0.19352    0.23426
    eu-west-1          0.192      0.172     0.1824    0.16416    0.19152         0.18194    0.22024
    eu-west-2          0.202      0.182      0.202     0.1818     0.2121          0.2015          -
    eu-west-3          0.202      0.182      0.202          -     0.2121          0.2015          -
    eu-north-1         0.182      0.164      0.182          -     0.1911         0.18155    0.21976
    eu-south-2         0.192          -          -          -     0.2016         0.19152    0.23184
    ap-northeast-1     0.214      0.192      0.214     0.1926     0.2247         0.21347     0.2584
    ap-northeast-2     0.192      0.172      0.192          -     0.2016         0.19152          -
    ap-south-1          0.17      0.094       0.17     0.0935     0.1785         0.16958          -
    ap-southeast-1     0.196      0.176      0.196     0.1764     0.2058         0.19555          -
    ap-southeast-2     0.222        0.2      0.222     0.1998     0.2331         0.22145          -
    sa-east-1          0.262      0.236      0.262     0.2358     0.2751         0.26135          -
    `,
    `
    region         r5.large r5a.large r6i.large r6a.large r7i.large r7a.large
    us-east-2         0.126     0.113     0.126    0.1134    0.1323   0.15215
    us-west-1          0.14     0.126      0.14     0.126     0.147         -
    us-west-2         0.126     0.113     0.126    0.1134    0.1323   0.15215
    ca-central-1      0.138     0.124     0.138    0.1242    0.1449         -
    eu-central-1      0.152     0.137     0.152    0.1368    0.1596   0.18354
    eu-west-1         0.141     0.127     0.141    0.1269   0.14805   0.17026
    eu-west-2         0.148     0.133     0.148         -    0.1554         -
    eu-west-3         0.148     0.133     0.148         -    0.1554         -
    eu-north-1        0.134         -     0.134         -    0.1407    0.1618
    eu-south-2        0.141         -         -         -   0.14805   0.17026
    ap-northeast-1    0.152     0.137     0.152    0.1368    0.1596   0.18354
    ap-northeast-2    0.152     0.136     0.152         -    0.1596         -
    ap-south-1         0.13     0.072      0.13    0.0715    0.1365         -
    ap-southeast-1    0.152     0.136     0.152    0.1368    0.1596         -
    ap-southeast-2    0.151     0.136     0.151    0.1359   0.15855         -
    sa-east-1         0.201     0.181     0.201         -   0.21105         -
    `,
    `
    region         r5.xlarge r5a.xlarge r6i.xlarge r6a.xlarge r7i.xlarge r7a.xlarge
    us-east-2          0.252      0.226      0.252     0.2268     0.2646     0.3043
    us-west-1           0.28      0.252       0.28      0.252      0.294          -
    us-west-2          0.252      0.226      0.252     0.2268     0.2646     0.3043
    ca-central-1       0.276      0.248      0.276     0.2484     0.2898          -
    eu-central-1       0.304      0.274      0.304     0.2736     0.3192    0.36708
    eu-west-1          0.282      0.254      0.282     0.2538     0.2961    0.34052
    eu-west-2          0.296      0.266      0.296          -     0.3108          -
    eu-west-3          0.296      0.266      0.296          -     0.3108          -
    eu-north-1         0.268          -      0.268          -     0.2814     0.3236
    eu-south-2         0.282          -          -          -     0.2961    0.34052
    ap-northeast-1     0.304      0.274      0.304     0.2736     0.3192    0.36708
    ap-northeast-2     0.304      0.272      0.304          -     0.3192          -
    ap-south-1          0.26      0.143       0.26      0.143      0.273          -
    ap-southeast-1     0.304      0.272      0.304     0.2736     0.3192          -
    ap-southeast-2     0.302      0.272      0.302     0.2718     0.3171          -
    sa-east-1          0.402      0.362      0.402          -     0.4221          -
    `,
  ),
};

/** PostgreSQL in one zone. AWS bills the standby of a second zone like the first (RDS User Guide, Multi-AZ DB instances). */
const smallDatabasesInVirginia: PriceTable = {
  unit: "an hour",
  source: "AWS Price List (AmazonRDS, us-east-1, SKUs 9HPEGXQTDDGH53C9 and S9H3AXMBHSKRFJTA)",
  date: "2026-10-06",
  usd: { "us-east-1": { "db.t4g.micro": 0.016, "db.t4g.small": 0.032 } },
};

const databases: PriceTable = {
  unit: "an hour",
  source: nodesElsewhere.source,
  date: "2025-05-28",
  usd: prices(
    `
    region         db.t4g.micro db.t4g.small db.t4g.medium db.t4g.large db.t3.micro db.t3.small db.t3.medium
    us-east-1             0.016        0.032         0.065        0.129       0.018       0.036        0.072
    us-east-2             0.016        0.032         0.065        0.129       0.018       0.036        0.072
    us-west-1             0.021        0.043         0.085        0.171       0.024       0.048        0.095
    us-west-2             0.016        0.032         0.065        0.129       0.018       0.036        0.072
    ca-central-1          0.018        0.035          0.07        0.141        0.02        0.04         0.08
    eu-central-1          0.019        0.037         0.074        0.149       0.021       0.042        0.084
    eu-west-1             0.017        0.035         0.069        0.138        0.02       0.039        0.078
    eu-west-2             0.018        0.036         0.072        0.145       0.021       0.041        0.082
    eu-west-3             0.018        0.036         0.072        0.145       0.021       0.041        0.082
    eu-north-1            0.016        0.033         0.065         0.13       0.019       0.037        0.074
    eu-south-2            0.018        0.035          0.07         0.14        0.02       0.039        0.078
    ap-northeast-1        0.025         0.05         0.101        0.202       0.028       0.056        0.112
    ap-northeast-2        0.025        0.051         0.102        0.203       0.028       0.056        0.112
    ap-south-1            0.021        0.042         0.084        0.167       0.026       0.053        0.106
    ap-southeast-1        0.025        0.051         0.102        0.203       0.028       0.056        0.112
    ap-southeast-2        0.025        0.051         0.102        0.203       0.028       0.056        0.112
    sa-east-1             0.034        0.069         0.137        0.275       0.038       0.076        0.151
    `,
    `
    region         db.m6g.large db.m7g.large db.m6i.large db.m7i.large db.r6g.large db.r7g.large
    us-east-1             0.159        0.168        0.178        0.178        0.225        0.239
    us-east-2             0.159        0.168        0.178        0.178        0.225        0.239
    us-west-1             0.181        0.192        0.203        0.203        0.252       0.2678
    us-west-2             0.159        0.168        0.178        0.178        0.225        0.239
    ca-central-1          0.175       0.1856        0.196        0.196        0.243       0.2582
    eu-central-1          0.189          0.2        0.212        0.212        0.274        0.291
    eu-west-1             0.176        0.186        0.197        0.197        0.252        0.268
    eu-west-2             0.184       0.1952        0.206        0.206        0.264       0.2805
    eu-west-3             0.184        0.195        0.206        0.206        0.264            -
    eu-north-1            0.167        0.177        0.187        0.187        0.231       0.2454
    eu-south-2            0.176       0.1864            -        0.197        0.252       0.2678
    ap-northeast-1        0.221        0.234        0.247        0.247         0.27        0.287
    ap-northeast-2        0.221       0.2344        0.247        0.247         0.27       0.2869
    ap-south-1            0.226         0.24        0.253        0.253        0.256        0.272
    ap-southeast-1        0.221        0.234        0.247        0.247         0.27        0.287
    ap-southeast-2        0.221        0.234        0.247        0.247         0.27        0.287
    sa-east-1             0.208        0.221        0.233            -        0.468        0.497
    `,
  ),
};

/** All tables; of two that have a price, the earlier here counts. */
export const priceTables: readonly PriceTable[] = [
  controlPlane,
  publicAddress,
  keysAndSecrets,
  networkAndStorage,
  logIngestion,
  objectStorage,
  natTraffic,
  nodesInVirginia,
  nodesElsewhere,
  smallDatabasesInVirginia,
  databases,
];

/** What one unit costs in a region, and since when that is known. */
export function quote(region: Region, what: string): Quote {
  for (const { usd, date } of priceTables) {
    const price = usd[region]?.[what];
    if (price !== undefined) return { usd: price, date };
  }
  return { usd: "unknown", date: newestPricesDate };
}

/** Day of the newest prices. */
export const newestPricesDate = priceTables.map(({ date }) => date).reduce((one, other) => (one > other ? one : other));
