import type { ClusterArgs } from "../../../components/cluster/cluster";

export const transform: ClusterArgs["transform"] = {
  logGroup: { skipDestroy: true },
  launchTemplate: (args, options) => ({
    args: {
      ...args,
      blockDeviceMappings: [
        {
          deviceName: "/dev/xvda",
          ebs: { volumeType: "gp3", volumeSize: 100, encrypted: "true", deleteOnTermination: "true" },
        },
      ],
    },
    options: { ...options, ignoreChanges: ["description"] },
  }),
};
