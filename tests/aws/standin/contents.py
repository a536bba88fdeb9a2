"""Prints what the account holds in a region, as JSON: `python -m standin.contents ENDPOINT REGION`.

A dictionary from kind to identifiers, and `tagged`: what the Resource Groups Tagging API finds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from standin.account import Account

EC2 = {
    "describe_vpcs": ("Vpcs", "VpcId"),
    "describe_subnets": ("Subnets", "SubnetId"),
    "describe_route_tables": ("RouteTables", "RouteTableId"),
    "describe_internet_gateways": ("InternetGateways", "InternetGatewayId"),
    "describe_nat_gateways": ("NatGateways", "NatGatewayId"),
    "describe_addresses": ("Addresses", "AllocationId"),
    "describe_vpc_endpoints": ("VpcEndpoints", "VpcEndpointId"),
    "describe_security_groups": ("SecurityGroups", "GroupId"),
    "describe_network_interfaces": ("NetworkInterfaces", "NetworkInterfaceId"),
    "describe_network_acls": ("NetworkAcls", "NetworkAclId"),
    "describe_launch_templates": ("LaunchTemplates", "LaunchTemplateId"),
    "describe_flow_logs": ("FlowLogs", "FlowLogId"),
    "describe_instances": ("Reservations", "ReservationId"),
    "describe_volumes": ("Volumes", "VolumeId"),
}
# What EC2 still describes for a while after it is gone.
GONE = {"deleted", "terminated"}


def _is_left(item: Any, vpcs: set[str]) -> bool:
    """Whether it is still there: moto keeps what AWS deletes with its VPC, and lets a VPC go that still holds interfaces."""
    return str(item.get("State", "")).lower() not in GONE and item.get("VpcId", None) in {None, *vpcs}


def contents(account: Account) -> dict[str, list[str]]:
    """Identifiers by kind."""
    found: dict[str, list[str]] = {}

    def take(kind: str, items: list[Any], identify: Callable[[Any], str]) -> None:
        found[kind] = sorted(identify(item) for item in items)

    ec2 = account.client("ec2")
    vpcs = {vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]}
    gone: set[str] = set()
    for operation, (kind, identifier) in EC2.items():
        items = getattr(ec2, operation)()[kind]
        left = [item for item in items if _is_left(item, vpcs)]
        gone |= {item[identifier] for item in items if not _is_left(item, vpcs)}
        take(kind, left, lambda item, key=identifier: item[key])
    iam = account.client("iam")
    take("Roles", iam.list_roles()["Roles"], lambda item: item["RoleName"])
    take("Policies", iam.list_policies(Scope="Local")["Policies"], lambda item: item["PolicyName"])
    take("InstanceProfiles", iam.list_instance_profiles()["InstanceProfiles"], lambda item: item["InstanceProfileName"])
    eks = account.client("eks")
    clusters = eks.list_clusters()["clusters"]
    take("Clusters", clusters, str)
    groups = [(name, group) for name in clusters for group in eks.list_nodegroups(clusterName=name)["nodegroups"]]
    take("NodeGroups", groups, "/".join)
    rds = account.client("rds")
    take("DBInstances", rds.describe_db_instances()["DBInstances"], lambda item: item["DBInstanceIdentifier"])
    take("DBSubnetGroups", rds.describe_db_subnet_groups()["DBSubnetGroups"], lambda item: item["DBSubnetGroupName"])
    take(
        "DBParameterGroups",
        rds.describe_db_parameter_groups()["DBParameterGroups"],
        lambda item: item["DBParameterGroupName"],
    )
    take("DBSnapshots", rds.describe_db_snapshots()["DBSnapshots"], lambda item: item["DBSnapshotIdentifier"])
    take("Buckets", account.client("s3").list_buckets()["Buckets"], lambda item: item["Name"])
    kms = account.client("kms")
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    take("Keys", [key for key in keys if key["KeyState"] != "PendingDeletion"], lambda item: item["KeyId"])
    take(
        "KeysPendingDeletion", [key for key in keys if key["KeyState"] == "PendingDeletion"], lambda item: item["KeyId"]
    )
    aliases = [alias for alias in kms.list_aliases()["Aliases"] if not alias["AliasName"].startswith("alias/aws/")]
    take("Aliases", aliases, lambda item: item["AliasName"])
    take("Secrets", account.client("secretsmanager").list_secrets()["SecretList"], lambda item: item["Name"])
    take("LogGroups", account.client("logs").describe_log_groups()["logGroups"], lambda item: item["logGroupName"])
    take("Topics", account.client("sns").list_topics()["Topics"], lambda item: item["TopicArn"])
    take("Queues", account.client("sqs").list_queues().get("QueueUrls", []), str)
    take("Rules", account.client("events").list_rules()["Rules"], lambda item: item["Name"])
    take("Alarms", account.client("cloudwatch").describe_alarms()["MetricAlarms"], lambda item: item["AlarmName"])
    take(
        "Budgets",
        account.client("budgets").describe_budgets(AccountId="123456789012").get("Budgets", []),
        lambda item: item["BudgetName"],
    )
    pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate()
    tagged = [item["ResourceARN"] for page in pages for item in page["ResourceTagMappingList"]]
    take("tagged", [arn for arn in tagged if arn.rsplit("/", 1)[-1] not in gone], str)
    return found


if __name__ == "__main__":
    print(json.dumps(contents(Account(sys.argv[1], sys.argv[2]))))
