package main

import (
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
)

// special holds what Pulumi's own plugin says of resources where it does not follow from the Terraform schema: names of
// properties, names that are made when none is given, defaults, policies that may be written as objects, and resources that
// cannot be there twice (github.com/pulumi/pulumi-aws, provider/resources.go, read 2026-11).
var special = map[string]*tfbridge.ResourceInfo{
	"aws_cloudwatch_metric_alarm": {Fields: properties{"alarm_name": tfbridge.AutoName("name", 255, "-")}},
	"aws_db_instance": {Fields: properties{
		"identifier": tfbridge.AutoNameWithCustomOptions("identifier", tfbridge.AutoNameOptions{Maxlen: 255, Randlen: 7}),
	}},
	"aws_db_option_group":            {Fields: properties{"option_group_description": described}},
	"aws_db_parameter_group":         {Fields: properties{"description": described}},
	"aws_db_subnet_group":            {Fields: properties{"description": described}},
	"aws_default_network_acl":        {Fields: properties{"egress": {Name: "egress"}, "ingress": {Name: "ingress"}}},
	"aws_default_security_group":     {Fields: properties{"egress": {Name: "egress"}, "ingress": {Name: "ingress"}}},
	"aws_ecr_lifecycle_policy":       {Fields: properties{"policy": document}, DeleteBeforeReplace: true},
	"aws_efs_file_system":            {Fields: properties{"creation_token": tfbridge.AutoName("creationToken", 255, "-")}},
	"aws_efs_mount_target":           {DeleteBeforeReplace: true},
	"aws_eks_cluster":                {Fields: properties{"certificate_authority": {Name: "certificateAuthority", MaxItemsOne: tfbridge.True()}}},
	"aws_eks_node_group":             {Fields: properties{"node_group_name": tfbridge.AutoName("nodeGroupName", 255, "-")}},
	"aws_iam_policy":                 {Fields: properties{"policy": document}},
	"aws_iam_role":                   {Fields: properties{"assume_role_policy": document, "name": tfbridge.AutoName("name", 64, "-")}},
	"aws_iam_role_policy":            {Fields: properties{"policy": document}},
	"aws_iam_role_policy_attachment": {DeleteBeforeReplace: true},
	"aws_kms_alias": {Fields: properties{
		"name": tfbridge.AutoNameTransform("name", 238, func(name string) string { return "alias/" + name }),
	}},
	"aws_network_acl": {Fields: properties{"egress": {Name: "egress"}, "ingress": {Name: "ingress"}}},
	"aws_s3_bucket": {Fields: properties{
		"bucket": tfbridge.AutoNameTransform("bucket", 63, strings.ToLower), "policy": document,
	}},
	"aws_s3_bucket_policy": {Fields: properties{"policy": document}},
	"aws_security_group": {Fields: properties{
		"description": described, "egress": {Name: "egress"}, "ingress": {Name: "ingress"},
	}},
	"aws_security_group_rule":    {DeleteBeforeReplace: true},
	"aws_sns_topic":              {Fields: properties{"name": tfbridge.AutoName("name", 80, "-")}},
	"aws_sns_topic_policy":       {Fields: properties{"policy": document}},
	"aws_sns_topic_subscription": {Fields: properties{"topic_arn": {Name: "topic"}}},
	"aws_sqs_queue":              {Fields: properties{"name": tfbridge.AutoName("name", 80, "-")}},
	"aws_sqs_queue_policy":       {Fields: properties{"policy": document}},
}

type properties = map[string]*tfbridge.SchemaInfo

var (
	described = &tfbridge.SchemaInfo{Default: &tfbridge.DefaultInfo{Value: "Managed by Pulumi"}}
	document  = &tfbridge.SchemaInfo{Transform: tfbridge.TransformJSONDocument}
)
