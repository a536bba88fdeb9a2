import * as fs from "node:fs";
import * as path from "node:path";
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";

/** Credentials and address of an S3-compatible store, as the AWS clients' own environment variables. */
export type StoreEnvironment = Readonly<Record<string, string>>;

/** Splits `s3://bucket/some/prefix`. @throws if it is not such a URI. */
export function parseUri(uri: string): { bucket: string; key: string } {
  const match = /^s3:\/\/([^/]+)\/?(.*)$/.exec(uri);
  if (match?.[1] === undefined) throw new Error(`"${uri}" is not an s3://bucket/prefix`);
  return { bucket: match[1], key: (match[2] ?? "").replace(/\/$/, "") };
}

/** A client for the store. The SDK takes a third of a second to load, so only what needs it does. */
async function clientFor(environment: StoreEnvironment) {
  const sdk = await import("@aws-sdk/client-s3");
  const endpoint = environment.AWS_ENDPOINT_URL_S3;
  const client = new sdk.S3Client({
    region: environment.AWS_REGION ?? "us-east-1",
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(environment.AWS_ACCESS_KEY_ID === undefined
      ? {}
      : {
          credentials: {
            accessKeyId: environment.AWS_ACCESS_KEY_ID,
            secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? "",
          },
        }),
  });
  return { sdk, client };
}

/** Makes the bucket unless it is there. */
export async function ensureBucket(environment: StoreEnvironment, bucket: string): Promise<void> {
  const { sdk, client } = await clientFor(environment);
  try {
    await client.send(new sdk.HeadBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if ((error as { name?: string }).name !== "NotFound") throw error;
    await client.send(new sdk.CreateBucketCommand({ Bucket: bucket }));
  }
}

/**
 * Copies every object below a prefix into a folder, which is emptied first.
 *
 * @throws if nothing lies below the prefix.
 */
export async function downloadPrefix(environment: StoreEnvironment, uri: string, directory: string): Promise<void> {
  const { bucket, key: prefix } = parseUri(uri);
  const { sdk, client } = await clientFor(environment);
  fs.rmSync(directory, { recursive: true, force: true });
  let copied = 0;
  for await (const page of sdk.paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: `${prefix}/` })) {
    for (const { Key: key } of page.Contents ?? []) {
      if (key === undefined || key.endsWith("/")) continue;
      const target = path.join(directory, key.slice(prefix.length + 1));
      fs.mkdirSync(path.dirname(target), { recursive: true });
      const { Body: body } = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key }));
      await pipeline(body as Readable, fs.createWriteStream(target));
      copied += 1;
    }
  }
  if (copied === 0) throw new Error(`nothing lies below ${uri}: was the model deleted from the store?`);
}
