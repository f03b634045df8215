/**
 * The bucket in memory as pages reach it: presigned requests by S3's protocol.
 *
 * @module
 */

import { sha256 } from "../core/sha256.ts";
import type { Clock } from "../ports.ts";
import type { BucketObject, MemoryBucket, PutCondition } from "./bucket.ts";
import type { Presigner } from "./presign.ts";

/** A request as a server gets it; names of headers in lower case. */
export interface ServerRequest {
  /** The method. */
  readonly method: string;
  /** The whole address. */
  readonly url: URL;
  /** The headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** An answer as a server gives it. */
export interface ServerAnswer {
  /** The status. */
  readonly status: number;
  /** The headers; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();

/** An answer with a text. */
export function answerText(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): ServerAnswer {
  return { status, headers, bytes: encoder.encode(text) };
}

function fault(status: number, code: string, message = ""): ServerAnswer {
  return answerText(
    status,
    `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
    { "content-type": "application/xml" },
  );
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** HTTP has seconds. */
function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/** Answers presigned requests; `bucketPath` is the path of the bucket in addresses. */
export function s3Server(
  bucket: MemoryBucket,
  presigner: Presigner,
  clock: Clock,
  bucketPath: string,
): (request: ServerRequest) => ServerAnswer {
  return (request) => {
    const { method, url, headers } = request;
    const fault_ = presigner.check(method, url, headers, clock.now());
    if (fault_ === "expired") {
      return fault(403, "AccessDenied", "Request has expired");
    }
    if (fault_ !== undefined) {
      return fault(403, "SignatureDoesNotMatch");
    }
    const path = decodeURIComponent(url.pathname.slice(bucketPath.length + 1));
    if (method === "GET" && url.searchParams.has("list-type")) {
      return list(bucket, url);
    }
    if (method === "GET" || method === "HEAD") {
      return read(bucket.get(path), request);
    }
    if (method === "PUT") {
      return write(bucket, path, request);
    }
    if (method === "DELETE") {
      bucket.delete(path);
      return answerText(204, "");
    }
    return fault(405, "MethodNotAllowed");
  };
}

function list(bucket: MemoryBucket, url: URL): ServerAnswer {
  const query = (name: string): string => url.searchParams.get(name) ?? "";
  const prefix = query("prefix");
  const page = bucket.list(prefix, query("start-after"), Number(query("max-keys")));
  const contents = page.objects.map(
    ([path, object]) =>
      `<Contents><Key>${escaped(path)}</Key><LastModified>${new Date(object.lastModified).toISOString()}</LastModified>` +
      `<ETag>${escaped(object.tag)}</ETag><Size>${object.bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
  );
  return answerText(
    200,
    `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
      `<Name>bucket</Name><Prefix>${escaped(prefix)}</Prefix><KeyCount>${page.objects.length}</KeyCount>` +
      `<IsTruncated>${page.more}</IsTruncated>${contents.join("")}</ListBucketResult>`,
    { "content-type": "application/xml" },
  );
}

function read(object: BucketObject | undefined, request: ServerRequest): ServerAnswer {
  if (object === undefined) {
    return fault(404, "NoSuchKey");
  }
  const headers = {
    ...object.headers,
    etag: object.tag,
    "last-modified": httpDate(object.lastModified),
  };
  if (request.headers["if-none-match"] === object.tag) {
    return { status: 304, headers, bytes: new Uint8Array() };
  }
  const bytes = request.method === "HEAD" ? new Uint8Array() : object.bytes;
  return { status: 200, headers, bytes };
}

/** What comes back with an object. */
const KEPT = ["content-type", "content-encoding", "cache-control", "x-amz-meta-author"];

function conditionOf(headers: Readonly<Record<string, string>>): PutCondition {
  const matches = headers["if-match"];
  if (headers["if-none-match"] === "*") {
    return "absent";
  }
  return matches === undefined ? "any" : { matches };
}

function write(bucket: MemoryBucket, path: string, request: ServerRequest): ServerAnswer {
  const { headers, bytes } = request;
  const checksum = headers["x-amz-checksum-sha256"];
  if (checksum !== undefined && checksum !== btoa(String.fromCharCode(...sha256(bytes)))) {
    return fault(400, "BadDigest");
  }
  const kept = KEPT.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, value]];
  });
  const status = bucket.put(path, bytes, conditionOf(headers), Object.fromEntries(kept));
  if (status === 200) {
    return answerText(200, "", { etag: bucket.get(path)?.tag ?? "" });
  }
  return status === 412 ? fault(412, "PreconditionFailed") : fault(404, "NoSuchKey");
}
