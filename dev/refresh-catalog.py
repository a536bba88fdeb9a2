# /// script
# requires-python = ">=3.11"
# dependencies = ["boto3>=1.40,<2"]
# ///
"""Refreshes `catalog/aws-instances.json` from the EC2 and Pricing APIs of an AWS account.

    npm run refresh-catalog -- --region us-east-1

EC2 says what an instance type has; Pricing says what it costs on demand. What no API says (whether GPUs talk to the
network directly, memory that Kubernetes leaves for pods, prices of Capacity Blocks) is kept from the file. Needs the
permissions `ec2:DescribeInstanceTypes` and `pricing:GetProducts`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

CATALOG = Path(__file__).resolve().parent.parent / "catalog" / "aws-instances.json"

FAMILIES = ["g5", "g6", "g6e", "g7", "g7e", "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300", "p6e-gb200"]

# EC2's names of GPUs, with their memory in MiB where one name has two sizes, to keys of catalog/gpus.ts.
GPUS: list[tuple[str, int, str]] = [
    ("A10G", 0, "a10g"),
    ("L40S", 0, "l40s"),
    ("L4", 0, "l4"),
    ("RTX PRO 4500", 0, "rtx-pro-4500"),
    ("RTX PRO", 0, "rtx-pro-server-6000"),
    ("A100", 60000, "a100-80"),
    ("A100", 0, "a100-40"),
    ("H100", 0, "h100"),
    ("H200", 0, "h200"),
    ("GB200", 0, "gb200"),
    ("B200", 0, "b200"),
    ("B300", 0, "b300"),
]

# Share of a node's memory that Kubernetes leaves for pods, for types that the file does not know yet.
ALLOCATABLE_SHARE = 0.92


class RefreshError(RuntimeError):
    """The catalog could not be refreshed; the message says why and what to do."""


def gpu_key(name: str, memory_mib: int) -> str | None:
    """Key in `catalog/gpus.ts` of EC2's name for a GPU; None if the planner does not know the GPU."""
    for part, at_least, key in GPUS:
        if part.lower() in name.lower() and memory_mib >= at_least:
            return key
    return None


def describe_types(ec2: Any, families: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Instance types of the families, as EC2 describes them."""
    pages = ec2.get_paginator("describe_instance_types").paginate(
        Filters=[{"Name": "instance-type", "Values": [f"{family}.*" for family in families]}]
    )
    for page in pages:
        yield from page["InstanceTypes"]


def specification(described: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any] | None:
    """The catalog's entry for one described type, without a price; None if it has no GPU that the planner knows."""
    gpu_info = described.get("GpuInfo") or {}
    gpus = gpu_info.get("Gpus") or []
    if not gpus:
        return None
    key = gpu_key(gpus[0]["Name"], gpus[0].get("MemoryInfo", {}).get("SizeInMiB", 0))
    if key is None:
        return None
    network = described.get("NetworkInfo", {})
    cards = network.get("NetworkCards") or []
    peak = sum(card.get("PeakBandwidthInGbps", card.get("BaselineBandwidthInGbps", 0)) for card in cards)
    efa = network.get("EfaInfo", {}).get("MaximumEfaInterfaces", 0) if network.get("EfaSupported") else 0
    memory_gib = described["MemoryInfo"]["SizeInMiB"] / 1024
    name = described["InstanceType"]
    kept = known or {}
    return {
        "name": name,
        "family": name.split(".")[0],
        "gpu": key,
        "gpus": sum(gpu["Count"] for gpu in gpus),
        "vcpus": described["VCpuInfo"]["DefaultVCpus"],
        "hostMemoryGib": memory_gib,
        "allocatableMemoryGib": kept.get("allocatableMemoryGib", round(memory_gib * ALLOCATABLE_SHARE, 1)),
        "localDiskGb": (described.get("InstanceStorageInfo") or {}).get("TotalSizeInGB", 0),
        "networkGbps": peak or kept.get("networkGbps", 10),
        "efaInterfaces": efa,
        "gpuDirectRdma": kept.get("gpuDirectRdma", False),
        "architecture": "arm64" if "arm64" in described["ProcessorInfo"]["SupportedArchitectures"] else "x86_64",
        "onDemandUsdPerHour": None,
        "capacityBlock": kept.get("capacityBlock", False),
        "capacityBlockUsdPerHour": kept.get("capacityBlockUsdPerHour"),
    }


def on_demand_price(pricing: Any, name: str, region: str) -> float | None:
    """USD per hour of shared Linux on demand; None where the type is not sold that way."""
    wanted = {
        "instanceType": name,
        "regionCode": region,
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
        "tenancy": "Shared",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
    }
    answer = pricing.get_products(
        ServiceCode="AmazonEC2",
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()],
    )
    for text in answer["PriceList"]:
        product = json.loads(text) if isinstance(text, str) else text
        for term in product.get("terms", {}).get("OnDemand", {}).values():
            for dimension in term["priceDimensions"].values():
                price = float(dimension["pricePerUnit"].get("USD", 0))
                if price > 0:
                    return price
    return None


def refresh(catalog: dict[str, Any], ec2: Any, pricing: Any, region: str, today: datetime.date) -> dict[str, Any]:
    """A new catalog for the region.

    Raises:
        RefreshError: if EC2 describes none of the GPU families in the region.
    """
    known = {instance["name"]: instance for instance in catalog["instances"]}
    instances = []
    for described in describe_types(ec2, FAMILIES):
        entry = specification(described, known.get(described["InstanceType"]))
        if entry is None:
            continue
        entry["onDemandUsdPerHour"] = on_demand_price(pricing, entry["name"], region)
        instances.append(entry)
    if not instances:
        raise RefreshError(f"EC2 describes no GPU instance of {', '.join(FAMILIES)} in {region}; is the region right?")
    order = {name: index for index, name in enumerate(FAMILIES)}
    instances.sort(key=lambda e: (order.get(e["family"], len(order)), e["vcpus"], e["gpus"], e["name"]))
    date = today.isoformat()
    kept = [s for s in catalog["sources"] if "price" not in s["fact"] or "Capacity" in s["fact"]]
    return {
        **catalog,
        "region": region,
        "specificationsDate": date,
        "pricesDate": date,
        "compiledDate": date,
        "sources": [
            *[s for s in kept if "DescribeInstanceTypes" not in s["source"]],
            {"fact": f"specifications of {date}", "source": f"EC2 DescribeInstanceTypes in {region}"},
            {"fact": f"on-demand prices of {date}", "source": f"AWS Pricing GetProducts for {region}"},
        ],
        "instances": instances,
    }


def main() -> int:
    """Refreshes the file for the region on the command line."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    parser = argparse.ArgumentParser(description="Refresh the catalog of GPU instances.")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--file", type=Path, default=CATALOG)
    arguments = parser.parse_args()
    catalog = json.loads(arguments.file.read_text())
    try:
        # The Pricing API answers from few regions only, whatever region is asked about.
        pricing = boto3.client("pricing", region_name="us-east-1")
        ec2 = boto3.client("ec2", region_name=arguments.region)
        renewed = refresh(catalog, ec2, pricing, arguments.region, datetime.date.today())
    except RefreshError as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"AWS did not answer: {error}", file=sys.stderr)
        print("Needs credentials with ec2:DescribeInstanceTypes and pricing:GetProducts.", file=sys.stderr)
        return 1
    arguments.file.write_text(json.dumps(renewed, indent=2) + "\n")
    before = {entry["name"] for entry in catalog["instances"]}
    after = {entry["name"] for entry in renewed["instances"]}
    new, gone = (", ".join(sorted(names)) or "none" for names in (after - before, before - after))
    print(f"{len(after)} instance types in {arguments.region}; new: {new}; gone: {gone}.")
    print("Run `npm run readme-table` and `npm run bench:sizing` next.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
