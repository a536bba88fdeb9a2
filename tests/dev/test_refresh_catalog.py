"""The catalog's refresher against moto's EC2 and stubbed answers of the Pricing API, which moto does not emulate.

.posttraining/python/train/bin/python -m pytest -c flows/pyproject.toml tests/dev/test_refresh_catalog.py
"""

from __future__ import annotations

import datetime
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("refresh_catalog", ROOT / "dev" / "refresh-catalog.py")
assert _spec is not None and _spec.loader is not None
refresh_catalog = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(refresh_catalog)

TODAY = datetime.date(2026, 11, 23)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture
def ec2() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("ec2", region_name="us-east-1")


def catalog() -> dict[str, Any]:
    return json.loads((ROOT / "catalog" / "aws-instances.json").read_text())


def product(usd: str) -> str:
    """One product as Pricing answers it: JSON in a string."""
    dimension = {"SKU.T.R": {"unit": "Hrs", "pricePerUnit": {"USD": usd}}}
    return json.dumps(
        {
            "product": {},
            "terms": {"OnDemand": {"SKU.T": {"priceDimensions": dimension}}},
        }
    )


def pricing(answers: list[list[str]]) -> Any:
    client = boto3.client("pricing", region_name="us-east-1")
    stubber = Stubber(client)
    for answer in answers:
        stubber.add_response(
            "get_products",
            {"FormatVersion": "aws_v1", "PriceList": answer},
            {"ServiceCode": "AmazonEC2", "Filters": ANY},
        )
    stubber.activate()
    return client


def refreshed(ec2: Any, price: str = "3.21") -> dict[str, Any]:
    return refresh_catalog.refresh(catalog(), ec2, pricing([[product(price)]] * 200), "us-east-1", TODAY)


def test_specifications_come_from_ec2(ec2: Any) -> None:
    by_name = {entry["name"]: entry for entry in refreshed(ec2)["instances"]}
    p4d = by_name["p4d.24xlarge"]
    assert (
        p4d["gpu"],
        p4d["gpus"],
        p4d["vcpus"],
        p4d["hostMemoryGib"],
        p4d["localDiskGb"],
    ) == (
        "a100-40",
        8,
        96,
        1152,
        8000,
    )
    assert p4d["efaInterfaces"] == 4
    g5 = by_name["g5.12xlarge"]
    assert (g5["gpu"], g5["gpus"], g5["hostMemoryGib"]) == ("a10g", 4, 192)


def test_agrees_with_the_catalog_that_ships(ec2: Any) -> None:
    shipped = {entry["name"]: entry for entry in catalog()["instances"]}
    compared = 0
    for entry in refreshed(ec2)["instances"]:
        known = shipped.get(entry["name"])
        if known is None:
            continue
        compared += 1
        for field in ("gpu", "gpus", "vcpus", "hostMemoryGib", "architecture"):
            assert entry[field] == known[field], f"{entry['name']}: {field}"
    assert compared >= 10


def test_prices_come_from_pricing(ec2: Any) -> None:
    renewed = refreshed(ec2, "7.77")
    assert {entry["onDemandUsdPerHour"] for entry in renewed["instances"]} == {7.77}
    assert renewed["pricesDate"] == "2026-11-23"


def test_a_type_that_is_not_sold_on_demand_has_no_price(ec2: Any) -> None:
    renewed = refresh_catalog.refresh(catalog(), ec2, pricing([[]] * 200), "us-east-1", TODAY)
    assert {entry["onDemandUsdPerHour"] for entry in renewed["instances"]} == {None}


def test_what_no_api_says_is_kept(ec2: Any) -> None:
    before = {entry["name"]: entry for entry in catalog()["instances"]}
    for entry in refreshed(ec2)["instances"]:
        known = before.get(entry["name"])
        if known is not None:
            for field in (
                "gpuDirectRdma",
                "allocatableMemoryGib",
                "capacityBlock",
                "capacityBlockUsdPerHour",
            ):
                assert entry[field] == known[field]


def test_has_the_fields_of_the_catalog_that_ships(ec2: Any) -> None:
    shipped = catalog()
    renewed = refreshed(ec2)
    assert renewed.keys() == shipped.keys()
    for entry in renewed["instances"]:
        assert entry.keys() == shipped["instances"][0].keys()


def test_refreshing_twice_changes_nothing_more(ec2: Any) -> None:
    once = refreshed(ec2)
    twice = refresh_catalog.refresh(once, ec2, pricing([[product("3.21")]] * 200), "us-east-1", TODAY)
    assert twice == once


def test_a_region_without_gpus_is_refused(ec2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh_catalog, "FAMILIES", ["t3"])
    with pytest.raises(refresh_catalog.RefreshError, match="no GPU instance of t3 in us-east-1"):
        refreshed(ec2)


def test_missing_permission_is_said_and_the_file_kept(
    ec2: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "catalog.json"
    file.write_text(json.dumps(catalog()))
    stubbed = boto3.client("ec2", region_name="us-east-1")
    stubber = Stubber(stubbed)
    stubber.add_client_error("describe_instance_types", "UnauthorizedOperation", "not allowed")
    stubber.activate()
    monkeypatch.setattr(boto3, "client", lambda *_, **__: stubbed)
    monkeypatch.setattr("sys.argv", ["refresh-catalog", "--file", str(file)])
    assert refresh_catalog.main() == 1
    assert "ec2:DescribeInstanceTypes" in capsys.readouterr().err
    assert json.loads(file.read_text()) == catalog()


@pytest.mark.parametrize(
    ("name", "memory", "key"),
    [
        ("A100", 40960, "a100-40"),
        ("A100", 81920, "a100-80"),
        ("L4", 22888, "l4"),
        ("L40S", 45776, "l40s"),
        ("RTX PRO Server 6000", 98304, "rtx-pro-server-6000"),
        ("B300", 275040, "b300"),
        ("Radeon Pro V520", 8192, None),
    ],
)
def test_names_of_gpus(name: str, memory: int, key: str | None) -> None:
    assert refresh_catalog.gpu_key(name, memory) == key
