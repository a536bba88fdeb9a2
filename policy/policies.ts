import type { Policies } from "@pulumi/policy";
import {
  bucketIsEncryptedWithKms,
  clusterSecretsAreEncrypted,
  databaseIsEncrypted,
  fileSystemIsEncrypted,
  volumeIsEncrypted,
} from "./encryptionAtRest";
import { gpuInstanceIsAllowed, platformRunsNoGpu, platformRunsNoGpuByTemplate } from "./gpuCapacity";
import { attachedPolicyIsLimited, policyHasNoWildcards } from "./iamWildcards";
import { instanceMetadataNeedsToken, nodeGroupHasLaunchTemplate } from "./instanceMetadata";
import { securityGroupIsNotOpen } from "./openSecurityGroups";
import {
  bucketAclIsPrivate,
  bucketHasPublicAccessBlock,
  bucketPolicyIsNotPublic,
  publicAccessBlockIsComplete,
} from "./publicBuckets";
import { clusterEndpointIsNotOpen } from "./publicClusterEndpoints";
import { databaseIsNotPublic } from "./publicDatabases";
import { loadBalancerIsInternal, serviceIsInternal } from "./publicLoadBalancers";
import { experimentExpires, launchTemplateTagsItsInstances, requiredTagsArePresent } from "./requiredTags";

/** What must never be deployed. Each is mandatory unless the stack's kind switches it off (platform.json, experiment.json). */
export const policies: Policies = [
  publicAccessBlockIsComplete,
  bucketHasPublicAccessBlock,
  bucketAclIsPrivate,
  bucketPolicyIsNotPublic,
  databaseIsNotPublic,
  loadBalancerIsInternal,
  serviceIsInternal,
  clusterEndpointIsNotOpen,
  securityGroupIsNotOpen,
  instanceMetadataNeedsToken,
  nodeGroupHasLaunchTemplate,
  bucketIsEncryptedWithKms,
  volumeIsEncrypted,
  fileSystemIsEncrypted,
  databaseIsEncrypted,
  clusterSecretsAreEncrypted,
  requiredTagsArePresent,
  launchTemplateTagsItsInstances,
  experimentExpires,
  policyHasNoWildcards,
  attachedPolicyIsLimited,
  gpuInstanceIsAllowed,
  platformRunsNoGpu,
  platformRunsNoGpuByTemplate,
];
