import * as pulumi from "@pulumi/pulumi";

/**
 * The whole program as it is, with two things added to its AWS provider: the stand-in for AWS as its proxy, since S3 Control is called at
 * host names that begin with the account, and that buckets are named in an address's path. Where else to call, and with which keys, the
 * environment says (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID): a call to a service that nobody thought of goes there too, and never to AWS.
 */
const proxy = process.env.POSTTRAINING_AWS_STAND_IN;
if (proxy === undefined) throw new Error("POSTTRAINING_AWS_STAND_IN must be the address of the stand-in for AWS");

pulumi.runtime.registerStackTransformation(({ type, props, opts }) =>
  type === "pulumi:providers:aws" ? { props: { ...props, httpProxy: proxy, s3UsePathStyle: "true" }, opts } : undefined,
);

// Required, not imported: an import would run the program before the line above.
// eslint-disable-next-line @typescript-eslint/no-require-imports
module.exports = require("../../../index") as unknown;
