"""What a service looks up and makes in the rest of its account: over the same APIs that the tests use."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import ClientError


class Account:
    """The test account, in one region."""

    def __init__(self, endpoint: str, region: str) -> None:
        self._clients: dict[str, Any] = {}
        self._endpoint = endpoint
        self._region = region

    def client(self, service: str) -> Any:
        """boto3's client of a service."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self._endpoint,
                region_name=self._region,
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
        return self._clients[service]

    def has_role(self, arn: str) -> bool:
        """Whether the role is there."""
        try:
            return self.client("iam").get_role(RoleName=arn.rsplit("/", 1)[-1])["Role"]["Arn"] == arn
        except ClientError:
            return False

    def has_key(self, arn: str) -> bool:
        """Whether the KMS key is there and can be used."""
        try:
            return self.client("kms").describe_key(KeyId=arn)["KeyMetadata"]["Enabled"]
        except ClientError:
            return False

    def has_security_group(self, identifier: str) -> bool:
        """Whether the security group is there."""
        try:
            return len(self.client("ec2").describe_security_groups(GroupIds=[identifier])["SecurityGroups"]) == 1
        except ClientError:
            return False

    def subnets(self, identifiers: list[str]) -> list[dict[str, Any]]:
        """The subnets of the list that are there."""
        found = self.client("ec2").describe_subnets()["Subnets"]
        return [subnet for subnet in found if subnet["SubnetId"] in identifiers]

    def launch_template(self, asked: dict[str, str]) -> dict[str, Any] | None:
        """The launch template of an id or a name."""
        for template in self.client("ec2").describe_launch_templates()["LaunchTemplates"]:
            if asked.get("id") == template["LaunchTemplateId"] or asked.get("name") == template["LaunchTemplateName"]:
                return template
        return None

    def make_security_group(self, name: str, description: str, vpc: str, tags: dict[str, str]) -> str:
        """Makes a security group and gives its id."""
        ec2 = self.client("ec2")
        specification = {"ResourceType": "security-group", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}
        made = ec2.create_security_group(
            GroupName=name, Description=description, VpcId=vpc, TagSpecifications=[specification]
        )
        return made["GroupId"]

    def delete_security_group(self, identifier: str) -> None:
        """Deletes a security group; one that another refers to stays, as on AWS."""
        try:
            self.client("ec2").delete_security_group(GroupId=identifier)
        except ClientError as error:
            print(f"the security group {identifier} stays: {error}", flush=True)

    def ensure_log_group(self, name: str) -> None:
        """Makes a log group where there is none."""
        logs = self.client("logs")
        found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        if not any(group["logGroupName"] == name for group in found):
            logs.create_log_group(logGroupName=name)
