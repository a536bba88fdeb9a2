"""What moto lacks, or forgets of what it is told, added to its own classes.

Each was found by running the platform against moto: the provider then finds something else than it has written, which on AWS it
does not.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import xmltodict
from moto.budgets.exceptions import NotFoundException
from moto.budgets.responses import BudgetsResponse
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.responses.subnets import Subnets
from moto.rds.responses import RDSResponse
from moto.s3.responses import S3Response

# Tags of budgets by their ARN.
_budget_tags: dict[str, dict[str, str]] = {}


def install() -> None:
    """Adds everything."""
    for responses, method, then, _ in forgotten():
        _after(responses, method, then)
    for operation in OPERATIONS:
        setattr(BudgetsResponse, operation.__name__, operation)


def forgotten() -> list[tuple[type, str, Callable[[Any, Any], None], str]]:
    """Handlers of moto's after which something has to be kept, what keeps it, and in words what moto forgets."""
    return [
        (
            LaunchTemplates,
            "create_launch_template",
            _keep_own_tags_out_of_data,
            "which tags of a launch template are its own and which those of its instances",
        ),
        (Subnets, "create_subnet_cidr_reservation", _keep_description, "the description of a subnet's reserved range"),
        (RDSResponse, "create_db_instance", _keep_performance_insights, "a database's Performance Insights"),
        (
            RDSResponse,
            "modify_db_instance",
            _keep_performance_insights,
            "a change of a database's Performance Insights",
        ),
        (RDSResponse, "modify_db_parameter_group", _keep_source, "which database parameters were set by hand"),
        (S3Response, "_bucket_response_put", _keep_bucket_tags, "tags in the request that makes a bucket"),
        (BudgetsResponse, "create_budget", _keep_budget_tags, "a budget's tags"),
    ]


def _after(responses: type, method: str, then: Callable[[Any, Any], None]) -> None:
    """Calls `then` with moto's handler and its answer, once that is there."""
    original = getattr(responses, method)

    @functools.wraps(original)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = original(self, *args, **kwargs)
        then(self, answer)
        return answer

    setattr(responses, method, wrapper)


def _keep_own_tags_out_of_data(response: LaunchTemplates, answer: Any) -> None:
    """A template's own tags are not among those of the instances that it describes."""
    identifier = answer.result["LaunchTemplate"]["LaunchTemplateId"]
    for version in response.ec2_backend.launch_templates[identifier].versions:
        specifications = version.data.get("TagSpecifications", [])
        version.data["TagSpecifications"] = [of for of in specifications if of["ResourceType"] != "launch-template"]


def _keep_description(response: Subnets, answer: Any) -> None:
    answer.result["SubnetCidrReservation"].description = response._get_param("Description")


def _keep_performance_insights(response: RDSResponse, answer: Any) -> None:
    database = answer.result["DBInstance"]
    if "EnablePerformanceInsights" in response.params:
        database.performance_insights_enabled = response.params["EnablePerformanceInsights"]
    for parameter, attribute in (
        ("PerformanceInsightsRetentionPeriod", "performance_insights_retention_period"),
        ("PerformanceInsightsKMSKeyId", "performance_insights_kms_key_id"),
    ):
        if parameter in response.params:
            setattr(database, attribute, response.params[parameter])


def _keep_source(response: RDSResponse, _answer: Any) -> None:
    """A parameter that was set is told from a default by where it comes from."""
    name = response.params["DBParameterGroupName"]
    for group in response.backend.describe_db_parameter_groups({"db_parameter_group_name": name}):
        for parameter in group.parameters.values():
            parameter.setdefault("Source", "user")


def _keep_bucket_tags(response: S3Response, _answer: Any) -> None:
    """Tags that come with the request that makes the bucket."""
    if b"<CreateBucketConfiguration" not in response.body:
        return
    configuration = xmltodict.parse(response.body)["CreateBucketConfiguration"] or {}
    given = (configuration.get("Tags") or {}).get("Tag", [])
    tags = given if isinstance(given, list) else [given]
    if tags:
        response.backend.put_bucket_tagging(response.bucket_name, {tag["Key"]: tag["Value"] for tag in tags})


def _keep_budget_tags(response: BudgetsResponse, _answer: Any) -> None:
    name = response._get_param("Budget")["BudgetName"]
    arn = f"arn:aws:budgets::{response._get_param('AccountId')}:budget/{name}"
    _budget_tags[arn] = {tag["Key"]: tag["Value"] for tag in response._get_param("ResourceTags") or []}


def _budget_of(response: BudgetsResponse) -> Any:
    budgets = response.backend.budgets[response._get_param("AccountId")]
    name = response._get_param("BudgetName") or response._get_param("NewBudget")["BudgetName"]
    if name not in budgets:
        raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
    return budgets[name]


def describe_subscribers_for_notification(response: BudgetsResponse) -> str:
    """Who is told when the notification's threshold is passed."""
    asked = response._get_param("Notification")
    for notification in _budget_of(response).notifications:
        if all(notification.details.get(key) == value for key, value in asked.items()):
            return json.dumps({"Subscribers": notification.subscribers})
    raise NotFoundException("Unable to get subscribers - the notification doesn't exist.")


def update_budget(response: BudgetsResponse) -> str:
    """Changes what the budget says; its notifications stay."""
    _budget_of(response).budget.update(response._get_param("NewBudget"))
    return json.dumps({})


def _tags_of(response: BudgetsResponse) -> dict[str, str]:
    return _budget_tags.setdefault(response._get_param("ResourceARN"), {})


def list_tags_for_resource(response: BudgetsResponse) -> str:
    """Tags of a budget."""
    return json.dumps({"ResourceTags": [{"Key": key, "Value": value} for key, value in _tags_of(response).items()]})


def tag_resource(response: BudgetsResponse) -> str:
    """Adds tags to a budget."""
    _tags_of(response).update({tag["Key"]: tag["Value"] for tag in response._get_param("ResourceTags")})
    return json.dumps({})


def untag_resource(response: BudgetsResponse) -> str:
    """Takes tags from a budget."""
    for key in response._get_param("ResourceTagKeys"):
        _tags_of(response).pop(key, None)
    return json.dumps({})


OPERATIONS = (
    describe_subscribers_for_notification,
    update_budget,
    list_tags_for_resource,
    tag_resource,
    untag_resource,
)
