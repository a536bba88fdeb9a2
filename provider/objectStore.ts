import * as fs from "node:fs";
import * as path from "node:path";
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import type { StoreEnvironment } from "../contracts/storeEnvironment";

/** Splits `s3://bucket/some/prefix`. @throws if it is not such a URI. */
export function parseUri(uri: string): { bucket: string; key: string } {
  const match = /^s3:\/\/([^/]+)\/?(.*)$/.exec(uri);
  if (match?.[1] === undefined) throw new Error(`"${uri}" is not an s3://bucket/prefix`);
  return { bucket: match[1], key: (match[2] ?? "").replace(/\/$/, "") };
}

/** For the first bytes of an answer; a store on this machine gives them in milliseconds. */
const answerSeconds = 10;

/**
 * A client for the store. The SDK takes a third of a second to load, so only what needs it does.
 *
 * @param checks compares what comes with the checksum that the store has of it.
 * @param seconds after which a store that does not answer is given up, twice.
 */
async function clientFor(environment: StoreEnvironment, { checks = true, seconds = answerSeconds } = {}) {
  const sdk = await import("@aws-sdk/client-s3");
  const endpoint = environment.AWS_ENDPOINT_URL_S3;
  const client = new sdk.S3Client({
    // The SDK itself waits for ever for a store that hangs: for a connection, an answer, and the next bytes, in milliseconds.
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: seconds * 1000,
      socketTimeout: 30_000,
      throwOnRequestTimeout: true,
    },
    region: environment.AWS_REGION ?? "us-east-1",
    // A store with an address of its own is none of AWS's, whatever a person's settings say of those.
    ...(endpoint === undefined
      ? {}
      : { endpoint, forcePathStyle: true, useFipsEndpoint: false, useDualstackEndpoint: false, maxAttempts: 2 }),
    ...(checks ? {} : { responseChecksumValidation: "WHEN_REQUIRED" }),
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
 * Bytes of every object below a prefix, by its name relative to it; none when there is no such prefix or bucket.
 *
 * @throws if the store cannot be asked.
 */
export async function listObjects(
  environment: StoreEnvironment,
  uri: string,
  seconds?: number,
): Promise<ReadonlyMap<string, number>> {
  const { bucket, key: prefix } = parseUri(uri);
  const { sdk, client } = await clientFor(environment, { seconds });
  const found = new Map<string, number>();
  try {
    for await (const page of sdk.paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: `${prefix}/` })) {
      for (const { Key: key, Size: size } of page.Contents ?? []) {
        if (key !== undefined && !key.endsWith("/")) found.set(key.slice(prefix.length + 1), size ?? 0);
      }
    }
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  return found;
}

/**
 * Text of one object as it is, damaged or not; undefined when there is none.
 *
 * @throws if the store cannot be asked.
 */
export async function readObject(environment: StoreEnvironment, uri: string): Promise<string | undefined> {
  const { bucket, key } = parseUri(uri);
  const { sdk, client } = await clientFor(environment, { checks: false });
  try {
    const { Body: body } = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key }));
    return await body?.transformToString();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

const isAbsent = (error: unknown): boolean =>
  ["NoSuchKey", "NoSuchBucket", "NotFound"].includes((error as { name?: string }).name ?? "");

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
      await pipeline(body as Readable, fs.createWriteStream(target)).catch((error: unknown) => {
        throw new Error(
          `s3://${bucket}/${key} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        );
      });
      copied += 1;
    }
  }
  if (copied === 0) {
    throw new Error(
      `nothing lies below ${uri}: the model was deleted from the store. \`pulumi up --refresh\` notices that and makes it again`,
    );
  }
}
