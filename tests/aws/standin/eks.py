"""An EKS for tests, in front of moto's.

Moto's keeps clusters, node groups and Fargate profiles, and forgets how a cluster is accessed; it has no add-ons, access
entries, pod identity associations or updates, and makes no security group. This one keeps what it is told, checks requests
against botocore's model of the API, and does what a teardown trips over: it makes the cluster's security group, writes logs
until the cluster is gone, and refuses to delete a cluster that has node groups. Nothing runs: a node group is ACTIVE at once.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.session
from botocore.validate import ParamValidator

from standin.account import Account

ACCOUNT = "123456789012"

JsonObject = dict[str, Any]

# Pods of these need a node; without one they wait (https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html).
NEEDS_NODES = {"coredns", "aws-ebs-csi-driver", "metrics-server"}
# A node without it never becomes ready.
NETWORK_ADDON = "vpc-cni"
KNOWN_ADDONS = NEEDS_NODES | {
    NETWORK_ADDON,
    "kube-proxy",
    "eks-pod-identity-agent",
    "eks-node-monitoring-agent",
    "aws-efs-csi-driver",
    "aws-fsx-csi-driver",
    "aws-mountpoint-s3-csi-driver",
    "amazon-cloudwatch-observability",
    "snapshot-controller",
    "prometheus-node-exporter",
    "kube-state-metrics",
    "cert-manager",
}
# What waits for something that does not come within this many seconds fails; on AWS that takes from 20 to 60 minutes.
PATIENCE = 60
LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]


class EksError(Exception):
    """An error that EKS answers with."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def not_found(message: str) -> EksError:
    """The answer to a request for what is not there."""
    return EksError("ResourceNotFoundException", message, 404)


class Cluster:
    """One cluster and what belongs to it."""

    def __init__(self, description: JsonObject, bootstraps_addons: bool) -> None:
        self.description = description
        self.bootstraps_addons = bootstraps_addons
        self.node_groups: dict[str, JsonObject] = {}
        self.addons: dict[str, JsonObject] = {}
        self.access_entries: dict[str, JsonObject] = {}
        self.access_policies: dict[str, dict[str, JsonObject]] = {}
        self.associations: dict[str, JsonObject] = {}

    def everything(self) -> list[JsonObject]:
        """Everything that has a name and tags."""
        parts = (self.node_groups, self.addons, self.access_entries, self.associations)
        return [self.description, *(item for part in parts for item in part.values())]


class Eks:
    """The API of one account, in all regions."""

    def __init__(self, account: Callable[[str], Account]) -> None:
        """`account` gives the rest of the account in a region."""
        self._account = account
        session = botocore.session.get_session()
        self._model = session.get_service_model("eks")
        self._clusters: dict[tuple[str, str], Cluster] = {}
        self._routes = [
            (operation.http["method"], _pattern(operation.http["requestUri"]), name)
            for name in self._model.operation_names
            for operation in [self._model.operation_model(name)]
        ]
        self.unknown: list[str] = []

    def answer(
        self, region: str, method: str, path: str, query: str, body: bytes
    ) -> tuple[int, JsonObject, str | None]:
        """Status, document and error code of an answer."""
        try:
            return 200, self._dispatch(region, method, path, query, body), None
        except EksError as error:
            return error.status, {"message": str(error)}, error.code

    def _dispatch(self, region: str, method: str, path: str, query: str, body: bytes) -> JsonObject:
        for verb, pattern, name in self._routes:
            found = pattern.fullmatch(path) if verb == method else None
            if found is None:
                continue
            handler: Callable[[str, JsonObject], JsonObject] | None = getattr(self, _snake(name), None)
            if handler is None:
                self.unknown.append(name)
                raise EksError("InvalidRequestException", f"the EKS of these tests has no {name}")
            return handler(region, self._parameters(name, found.groupdict(), query, body))
        raise EksError("InvalidRequestException", f"EKS has no {method} {path}")

    def _parameters(self, name: str, parts: dict[str, str], query: str, body: bytes) -> JsonObject:
        """The request's parameters, refused where botocore would refuse them."""
        shape = self._model.operation_model(name).input_shape
        parameters: JsonObject = json.loads(body) if body else {}
        for member, of in shape.members.items():
            wire = of.serialization.get("name", member)
            if of.serialization.get("location") == "uri":
                parameters[member] = unquote(parts[wire])
            elif of.serialization.get("location") == "querystring" and wire in parse_qs(query):
                parameters[member] = _from_query(of.type_name, parse_qs(query)[wire])
        report = ParamValidator().validate(parameters, shape)
        if report.has_errors():
            raise EksError("InvalidParameterException", report.generate_report())
        return parameters

    # Clusters

    def create_cluster(self, region: str, request: JsonObject) -> JsonObject:
        name = request["name"]
        if (region, name) in self._clusters:
            raise EksError("ResourceInUseException", f"Cluster already exists with name: {name}", 409)
        account = self._account(region)
        _require_role(account, request["roleArn"])
        network = request["resourcesVpcConfig"]
        vpc = _vpc_of(account, network["subnetIds"])
        for group in network.get("securityGroupIds", []):
            _require_security_group(account, group)
        for key in request.get("encryptionConfig", []):
            _require_key(account, key["provider"]["keyArn"])
        own_group = account.make_security_group(
            f"eks-cluster-sg-{name}-{uuid.uuid4().int % 10**9}",
            "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes",
            vpc,
            {"aws:eks:cluster-name": name},
        )
        access = {"authenticationMode": "CONFIG_MAP"} | request.get("accessConfig", {})
        access.pop("bootstrapClusterCreatorAdminPermissions", None)
        description = {
            "name": name,
            "arn": f"arn:aws:eks:{region}:{ACCOUNT}:cluster/{name}",
            "createdAt": time.time(),
            "version": request.get("version", "1.34"),
            "endpoint": f"https://{uuid.uuid4().hex.upper()}.gr7.{region}.eks.amazonaws.com",
            "roleArn": request["roleArn"],
            "resourcesVpcConfig": {
                "securityGroupIds": [],
                "endpointPublicAccess": True,
                "endpointPrivateAccess": False,
                **network,
                "publicAccessCidrs": _public_ranges(network),
                "clusterSecurityGroupId": own_group,
                "vpcId": vpc,
            },
            "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4"}
            | request.get("kubernetesNetworkConfig", {}),
            "logging": _logging(request.get("logging")),
            "identity": {"oidc": {"issuer": f"https://oidc.eks.{region}.amazonaws.com/id/{uuid.uuid4().hex.upper()}"}},
            "status": "ACTIVE",
            "certificateAuthority": {"data": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"},
            "platformVersion": "eks.1",
            "tags": request.get("tags", {}),
            "encryptionConfig": request.get("encryptionConfig", []),
            "accessConfig": access,
            "upgradePolicy": request.get("upgradePolicy", {"supportType": "EXTENDED"}),
            "deletionProtection": request.get("deletionProtection", False),
        }
        for kept in ("zonalShiftConfig", "computeConfig", "storageConfig", "controlPlaneScalingConfig"):
            if kept in request:
                description[kept] = request[kept]
        cluster = Cluster(description, request.get("bootstrapSelfManagedAddons", True))
        self._clusters[region, name] = cluster
        _write_logs(account, description)
        return {"cluster": description}

    def describe_cluster(self, region: str, request: JsonObject) -> JsonObject:
        return {"cluster": self._cluster(region, request["name"]).description}

    def list_clusters(self, region: str, _request: JsonObject) -> JsonObject:
        return {"clusters": [name for of, name in self._clusters if of == region]}

    def update_cluster_config(self, region: str, request: JsonObject) -> JsonObject:
        description = self._cluster(region, request["name"]).description
        network = description["resourcesVpcConfig"]
        network.update(request.get("resourcesVpcConfig", {}))
        network["publicAccessCidrs"] = _public_ranges(network)
        if "logging" in request:
            switched = {
                kind for setup in request["logging"].get("clusterLogging", []) for kind in setup.get("types", [])
            }
            kept = [kind for kind in _enabled(description["logging"]) if kind not in switched]
            added = _enabled(request["logging"])
            description["logging"] = _logging({"clusterLogging": [{"types": kept + added, "enabled": True}]})
        for field in (
            "accessConfig",
            "upgradePolicy",
            "zonalShiftConfig",
            "kubernetesNetworkConfig",
            "deletionProtection",
        ):
            if field in request:
                value = request[field]
                description[field] = description.get(field, {}) | value if isinstance(value, dict) else value
        return _update("ConfigUpdate")

    def update_cluster_version(self, region: str, request: JsonObject) -> JsonObject:
        self._cluster(region, request["name"]).description["version"] = request["version"]
        return _update("VersionUpdate")

    def delete_cluster(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["name"])
        if cluster.node_groups:
            raise EksError("ResourceInUseException", "Cluster has nodegroups attached", 409)
        if cluster.description["deletionProtection"]:
            raise EksError("InvalidRequestException", "Cluster has deletion protection enabled")
        # The control plane logs until it is gone: a log group that went first comes back.
        account = self._account(region)
        _write_logs(account, cluster.description)
        account.delete_security_group(cluster.description["resourcesVpcConfig"]["clusterSecurityGroupId"])
        del self._clusters[region, request["name"]]
        return {"cluster": cluster.description | {"status": "DELETING"}}

    def describe_update(self, region: str, request: JsonObject) -> JsonObject:
        self._cluster(region, request["name"])
        return {"update": {"id": request["updateId"], "status": "Successful", "type": "ConfigUpdate", "errors": []}}

    # Node groups

    def create_nodegroup(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        name = request["nodegroupName"]
        if name in cluster.node_groups:
            raise EksError("ResourceInUseException", f"NodeGroup already exists with name {name}", 409)
        account = self._account(region)
        _require_role(account, request["nodeRole"])
        _vpc_of(account, request["subnets"])
        scaling = {"minSize": 1, "maxSize": 2, "desiredSize": 2} | request.get("scalingConfig", {})
        if not scaling["minSize"] <= scaling["desiredSize"] <= scaling["maxSize"]:
            raise EksError("InvalidParameterException", f"desired capacity must be between min and max size: {scaling}")
        template = _launch_template(account, request.get("launchTemplate"))
        if template is not None and "diskSize" in request:
            raise EksError("InvalidParameterException", "Disk size must be specified within the launch template.")
        identifier = uuid.uuid4()
        group = {
            "nodegroupName": name,
            "nodegroupArn": f"arn:aws:eks:{region}:{ACCOUNT}:nodegroup/{request['clusterName']}/{name}/{identifier}",
            "clusterName": request["clusterName"],
            "version": request.get("version", cluster.description["version"]),
            "releaseVersion": request.get("releaseVersion", f"{cluster.description['version']}.0-20260101"),
            "createdAt": time.time(),
            "modifiedAt": time.time(),
            "capacityType": request.get("capacityType", "ON_DEMAND"),
            "scalingConfig": scaling,
            "subnets": request["subnets"],
            "amiType": request.get("amiType", "AL2023_x86_64_STANDARD"),
            "nodeRole": request["nodeRole"],
            "labels": request.get("labels", {}),
            "taints": request.get("taints", []),
            "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{identifier}"}]},
            "updateConfig": request.get("updateConfig", {"maxUnavailable": 1}),
            "health": {"issues": []},
            "tags": request.get("tags", {}),
        }
        if template is not None:
            group["launchTemplate"] = template
        else:
            group["diskSize"] = request.get("diskSize", 20)
            group["instanceTypes"] = request.get("instanceTypes", ["t3.medium"])
        for kept in ("instanceTypes", "nodeRepairConfig", "remoteAccess"):
            if kept in request:
                group[kept] = request[kept]
        cluster.node_groups[name] = group
        return {"nodegroup": _node_group_now(cluster, group)}

    def describe_nodegroup(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        group = _entry(cluster.node_groups, request["nodegroupName"], "node group")
        return {"nodegroup": _node_group_now(cluster, group)}

    def list_nodegroups(self, region: str, request: JsonObject) -> JsonObject:
        return {"nodegroups": list(self._cluster(region, request["clusterName"]).node_groups)}

    def update_nodegroup_config(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        group = _entry(cluster.node_groups, request["nodegroupName"], "node group")
        labels = request.get("labels", {})
        removed = set(labels.get("removeLabels", []))
        group["labels"] = {key: value for key, value in group["labels"].items() if key not in removed} | labels.get(
            "addOrUpdateLabels", {}
        )
        taints = request.get("taints", {})
        changed = {taint["key"] for taint in taints.get("removeTaints", []) + taints.get("addOrUpdateTaints", [])}
        kept = [taint for taint in group["taints"] if taint["key"] not in changed]
        group["taints"] = kept + taints.get("addOrUpdateTaints", [])
        for field in ("scalingConfig", "updateConfig", "nodeRepairConfig"):
            if field in request:
                group[field] = group.get(field, {}) | request[field]
        return _update("ConfigUpdate")

    def update_nodegroup_version(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        group = _entry(cluster.node_groups, request["nodegroupName"], "node group")
        for field in ("version", "releaseVersion"):
            if field in request:
                group[field] = request[field]
        if "launchTemplate" in request:
            group["launchTemplate"] = _launch_template(self._account(region), request["launchTemplate"])
        return _update("VersionUpdate")

    def delete_nodegroup(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        return {"nodegroup": _remove(cluster.node_groups, request["nodegroupName"], "node group")}

    # Add-ons

    def create_addon(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        name = request["addonName"]
        if name not in KNOWN_ADDONS:
            raise EksError("InvalidParameterException", f"Addon {name} specified is not supported")
        if name in cluster.addons:
            raise EksError("ResourceInUseException", "Addon already exists.", 409)
        if "configurationValues" in request:
            _require_json(request["configurationValues"])
        addon = {
            "addonName": name,
            "clusterName": request["clusterName"],
            "addonArn": f"arn:aws:eks:{region}:{ACCOUNT}:addon/{request['clusterName']}/{name}/{uuid.uuid4()}",
            "addonVersion": request.get("addonVersion", "v1.0.0-eksbuild.1"),
            "health": {"issues": []},
            "createdAt": time.time(),
            "modifiedAt": time.time(),
            "tags": request.get("tags", {}),
        }
        for kept in ("configurationValues", "serviceAccountRoleArn"):
            if kept in request:
                addon[kept] = request[kept]
        cluster.addons[name] = addon
        addon["podIdentityAssociations"] = [
            self._associate(region, cluster, name, "kube-system", item["serviceAccount"], item["roleArn"], {})[
                "associationArn"
            ]
            for item in request.get("podIdentityAssociations", [])
        ]
        return {"addon": _addon_now(cluster, addon)}

    def describe_addon(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        return {"addon": _addon_now(cluster, _entry(cluster.addons, request["addonName"], "addon"))}

    def list_addons(self, region: str, request: JsonObject) -> JsonObject:
        return {"addons": list(self._cluster(region, request["clusterName"]).addons)}

    def update_addon(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        addon = _entry(cluster.addons, request["addonName"], "addon")
        if "configurationValues" in request:
            _require_json(request["configurationValues"])
        for field in ("addonVersion", "configurationValues", "serviceAccountRoleArn"):
            if field in request:
                addon[field] = request[field]
        return _update("AddonUpdate")

    def delete_addon(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        addon = _remove(cluster.addons, request["addonName"], "addon")
        for association in addon["podIdentityAssociations"]:
            cluster.associations.pop(association.rsplit("/", 1)[1], None)
        return {"addon": addon | {"status": "DELETING"}}

    # Access entries

    def create_access_entry(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        if cluster.description["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
            raise EksError("InvalidRequestException", "The cluster's authentication mode must allow access entries")
        principal = request["principalArn"]
        if principal in cluster.access_entries:
            raise EksError("ResourceInUseException", "The specified access entry resource is already in use", 409)
        kind, name = principal.split(":")[5].split("/", 1)
        entry = {
            "clusterName": request["clusterName"],
            "principalArn": principal,
            "kubernetesGroups": request.get("kubernetesGroups", []),
            "accessEntryArn": (
                f"arn:aws:eks:{region}:{ACCOUNT}:access-entry/{request['clusterName']}/{kind}/{ACCOUNT}/{name}/{uuid.uuid4()}"
            ),
            "createdAt": time.time(),
            "modifiedAt": time.time(),
            "tags": request.get("tags", {}),
            "username": request.get("username", principal),
            "type": request.get("type", "STANDARD"),
        }
        cluster.access_entries[principal] = entry
        cluster.access_policies[principal] = {}
        return {"accessEntry": entry}

    def describe_access_entry(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        return {"accessEntry": _entry(cluster.access_entries, request["principalArn"], "access entry")}

    def list_access_entries(self, region: str, request: JsonObject) -> JsonObject:
        return {"accessEntries": list(self._cluster(region, request["clusterName"]).access_entries)}

    def update_access_entry(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        entry = _entry(cluster.access_entries, request["principalArn"], "access entry")
        for field in ("kubernetesGroups", "username"):
            if field in request:
                entry[field] = request[field]
        return {"accessEntry": entry}

    def delete_access_entry(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        _remove(cluster.access_entries, request["principalArn"], "access entry")
        del cluster.access_policies[request["principalArn"]]
        return {}

    def associate_access_policy(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        policies = _entry(cluster.access_policies, request["principalArn"], "access entry")
        if not re.fullmatch(r"arn:aws[a-z-]*:eks::aws:cluster-access-policy/\w+", request["policyArn"]):
            raise EksError(
                "InvalidParameterException", f"The policyArn parameter format is not valid: {request['policyArn']}"
            )
        policy = {
            "policyArn": request["policyArn"],
            "accessScope": {"namespaces": []} | request["accessScope"],
            "associatedAt": time.time(),
            "modifiedAt": time.time(),
        }
        policies[request["policyArn"]] = policy
        return {
            "clusterName": request["clusterName"],
            "principalArn": request["principalArn"],
            "associatedAccessPolicy": policy,
        }

    def list_associated_access_policies(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        policies = _entry(cluster.access_policies, request["principalArn"], "access entry")
        return {
            "clusterName": request["clusterName"],
            "principalArn": request["principalArn"],
            "associatedAccessPolicies": list(policies.values()),
        }

    def disassociate_access_policy(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        policies = _entry(cluster.access_policies, request["principalArn"], "access entry")
        _remove(policies, request["policyArn"], "access policy")
        return {}

    # Pod identity associations

    def create_pod_identity_association(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        return {
            "association": self._associate(
                region,
                cluster,
                None,
                request["namespace"],
                request["serviceAccount"],
                request["roleArn"],
                request.get("tags", {}),
            )
        }

    def _associate(
        self,
        region: str,
        cluster: Cluster,
        addon: str | None,
        namespace: str,
        account: str,
        role: str,
        tags: dict[str, str],
    ) -> JsonObject:
        _require_role(self._account(region), role)
        for other in cluster.associations.values():
            if (other["namespace"], other["serviceAccount"]) == (namespace, account):
                raise EksError("ResourceInUseException", f"Association already exists: {other['associationId']}", 409)
        identifier = f"a-{uuid.uuid4().hex[:17]}"
        name = cluster.description["name"]
        association = {
            "clusterName": name,
            "namespace": namespace,
            "serviceAccount": account,
            "roleArn": role,
            "associationArn": f"arn:aws:eks:{region}:{ACCOUNT}:podidentityassociation/{name}/{identifier}",
            "associationId": identifier,
            "tags": tags,
            "createdAt": time.time(),
            "modifiedAt": time.time(),
            "disableSessionTags": False,
        }
        if addon is not None:
            association["ownerArn"] = cluster.addons[addon]["addonArn"]
        cluster.associations[identifier] = association
        return association

    def describe_pod_identity_association(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        return {"association": _entry(cluster.associations, request["associationId"], "association")}

    def list_pod_identity_associations(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        return {"associations": list(cluster.associations.values())}

    def update_pod_identity_association(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        association = _entry(cluster.associations, request["associationId"], "association")
        for field in ("roleArn", "disableSessionTags", "targetRoleArn"):
            if field in request:
                association[field] = request[field]
        return {"association": association}

    def delete_pod_identity_association(self, region: str, request: JsonObject) -> JsonObject:
        cluster = self._cluster(region, request["clusterName"])
        return {"association": _remove(cluster.associations, request["associationId"], "association")}

    # Tags

    def list_tags_for_resource(self, _region: str, request: JsonObject) -> JsonObject:
        return {"tags": self._tagged(request["resourceArn"])["tags"]}

    def tag_resource(self, _region: str, request: JsonObject) -> JsonObject:
        item = self._tagged(request["resourceArn"])
        item["tags"] = item["tags"] | request["tags"]
        return {}

    def untag_resource(self, _region: str, request: JsonObject) -> JsonObject:
        item = self._tagged(request["resourceArn"])
        keys = request["tagKeys"]
        item["tags"] = {key: value for key, value in item["tags"].items() if key not in keys}
        return {}

    def _tagged(self, arn: str) -> JsonObject:
        for cluster in self._clusters.values():
            for item in cluster.everything():
                if arn in item.values():
                    return item
        raise not_found(f"No resource found for ARN {arn}")

    def _cluster(self, region: str, name: str) -> Cluster:
        cluster = self._clusters.get((region, name))
        if cluster is None:
            raise not_found(f"No cluster found for name: {name}.")
        return cluster


def _pattern(uri: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", uri))


def _from_query(kind: str, values: list[str]) -> Any:
    match kind:
        case "list":
            return values
        case "boolean":
            return values[0] == "true"
        case "integer":
            return int(values[0])
        case _:
            return values[0]


def _snake(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()


def _entry(items: dict[str, Any], name: str, what: str) -> Any:
    if name not in items:
        raise not_found(f"No {what} found for name: {name}.")
    return items[name]


def _remove(items: dict[str, Any], name: str, what: str) -> Any:
    _entry(items, name, what)
    return items.pop(name)


def _update(kind: str) -> JsonObject:
    return {
        "update": {
            "id": str(uuid.uuid4()),
            "status": "InProgress",
            "type": kind,
            "params": [],
            "createdAt": time.time(),
            "errors": [],
        }
    }


def _public_ranges(network: JsonObject) -> list[str]:
    if not network.get("endpointPublicAccess", True):
        return []
    return network.get("publicAccessCidrs") or ["0.0.0.0/0"]


def _enabled(logging: JsonObject) -> list[str]:
    return [kind for setup in logging.get("clusterLogging", []) if setup.get("enabled") for kind in setup["types"]]


def _logging(logging: JsonObject | None) -> JsonObject:
    enabled = _enabled(logging or {})
    setups = [
        {"types": [kind for kind in LOG_TYPES if kind in enabled], "enabled": True},
        {"types": [kind for kind in LOG_TYPES if kind not in enabled], "enabled": False},
    ]
    return {"clusterLogging": [setup for setup in setups if setup["types"]]}


def _write_logs(account: Account, cluster: JsonObject) -> None:
    if _enabled(cluster["logging"]):
        account.ensure_log_group(f"/aws/eks/{cluster['name']}/cluster")


def _has_ready_nodes(cluster: Cluster) -> bool:
    return len(cluster.node_groups) > 0 and (cluster.bootstraps_addons or NETWORK_ADDON in cluster.addons)


def _node_group_now(cluster: Cluster, group: JsonObject) -> JsonObject:
    if _has_ready_nodes(cluster):
        return group | {"status": "ACTIVE"}
    if time.time() - group["createdAt"] < PATIENCE:
        return group | {"status": "CREATING"}
    issue = {
        "code": "NodeCreationFailure",
        "message": "Unhealthy nodes in the kubernetes cluster: container runtime network not ready, cni plugin not initialized",
    }
    return group | {"status": "CREATE_FAILED", "health": {"issues": [issue]}}


def _addon_now(cluster: Cluster, addon: JsonObject) -> JsonObject:
    if addon["addonName"] not in NEEDS_NODES or _has_ready_nodes(cluster):
        return addon | {"status": "ACTIVE"}
    issue = {
        "code": "InsufficientNumberOfReplicas",
        "message": "The add-on is unhealthy because it has no nodes to run on.",
    }
    late = time.time() - addon["createdAt"] > PATIENCE
    return addon | {"status": "CREATE_FAILED" if late else "DEGRADED", "health": {"issues": [issue]}}


def _require_json(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        raise EksError("InvalidParameterException", "ConfigurationValue provided in request is not supported") from None


def _require_role(account: Account, arn: str) -> None:
    if not account.has_role(arn):
        raise EksError("InvalidParameterException", f"The role cannot be found: {arn}")


def _require_key(account: Account, arn: str) -> None:
    if not account.has_key(arn):
        raise EksError("InvalidParameterException", f"The keyArn in encryptionConfig provider is not valid: {arn}")


def _require_security_group(account: Account, identifier: str) -> None:
    if not account.has_security_group(identifier):
        raise EksError("InvalidParameterException", f"The security group ID '{identifier}' does not exist")


def _vpc_of(account: Account, identifiers: list[str]) -> str:
    """The VPC of subnets, which must be there and in two zones at least."""
    subnets = account.subnets(identifiers)
    missing = set(identifiers) - {subnet["SubnetId"] for subnet in subnets}
    if missing:
        raise EksError("InvalidParameterException", f"The subnet ID '{missing.pop()}' does not exist")
    if len({subnet["AvailabilityZone"] for subnet in subnets}) < 2:
        raise EksError("InvalidParameterException", "Subnets specified must be in at least two different AZs")
    return subnets[0]["VpcId"]


def _launch_template(account: Account, asked: JsonObject | None) -> JsonObject | None:
    if asked is None:
        return None
    if "id" in asked and "name" in asked:
        raise EksError(
            "InvalidParameterException", "Either provide launch template ID or launch template name in the request."
        )
    template = account.launch_template(asked)
    if template is None:
        raise EksError("InvalidParameterException", f"The launch template does not exist: {asked}")
    return {
        "id": template["LaunchTemplateId"],
        "name": template["LaunchTemplateName"],
        "version": asked.get("version", str(template["DefaultVersionNumber"])),
    }
