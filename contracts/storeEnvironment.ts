/** Credentials and address of an S3-compatible store, as the AWS clients' own environment variables. */
export type StoreEnvironment = Readonly<Record<string, string>>;

/**
 * Environment that points any AWS client at a server of this provider.
 *
 * @param server.endpoint `http://127.0.0.1:<port>`
 */
export function storeEnvironment(server: {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}): StoreEnvironment {
  return {
    AWS_ENDPOINT_URL_S3: server.endpoint,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_EC2_METADATA_DISABLED: "true",
  };
}
