/**
 * The endpoints for transient events of the gateway in memory.
 *
 * @module
 */

import { isAuthor } from "../core/ids.ts";
import { canonical, parseJson } from "../core/json.ts";
import { fromBytes, toBytes } from "../core/utf8.ts";
import { IcecoreError } from "../errors.ts";
import { isJson } from "../objects/needs.ts";
import { parsePath } from "../objects/parse-path.ts";
import { folderPath, keyName } from "../objects/paths.ts";
import { checkTransient, readTransient, writeTransient } from "../objects/transient.ts";
import type { Asked } from "./api.ts";
import { bodyOf, isWord, json } from "./fields.ts";
import { answerText, type ServerAnswer } from "./s3.ts";
import { check } from "./tokens.ts";

const SEEN_MAX = 500;
const LIVES_MAX_MS = 600_000;

/** Sends one. */
export function sendTransient({ backend, request, access, space }: Asked): ServerAnswer {
  const body = bodyOf(request);
  body.only("author", "kind", "data", "ttl_ms");
  const author = body.need("author", isWord);
  check(access, "write", space);
  if (!isAuthor(author) || (access.author !== undefined && access.author !== author)) {
    throw new IcecoreError("denied", "forbidden", "the token is bound to another author");
  }
  // With all its digits.
  const whole = parseJson(fromBytes(request.bytes));
  const data: unknown = Reflect.get(Object(whole), "data") ?? null;
  const ttlMs = body.maybe("ttl_ms", Number) ?? 30_000;
  const event = { kind: body.need("kind", isWord), data: isJson(data) ? data : null, ttlMs };
  checkTransient(event);
  const { epoch } = backend.space(space);
  const now = backend.clock.now();
  const bytes = toBytes(writeTransient(event));
  for (let key = now; key < now + 16; key += 1) {
    const path = `${folderPath(space, epoch, "transient")}/${keyName(key)}-${author}`;
    const headers = { "content-type": "application/json" };
    if (backend.bucket.put(path, bytes, "absent", headers) === 200) {
      return json(201, { key, expires_at: now + ttlMs });
    }
  }
  throw new IcecoreError("conflict", "changed", "the author sends too many at once");
}

/** Those that live. */
export function transients({ backend, access, space }: Asked): ServerAnswer {
  check(access, "read", space);
  const { epoch } = backend.space(space);
  const now = backend.clock.now();
  const folder = `${folderPath(space, epoch, "transient")}/`;
  const after = folder + keyName(Math.max(0, now - LIVES_MAX_MS));
  const events = backend.bucket.list(folder, after, SEEN_MAX).objects.flatMap(([path, object]) => {
    const of = parsePath(path);
    try {
      const { kind, data, ttlMs } = readTransient(object.bytes);
      const expiresAt = object.lastModified + ttlMs;
      return of?.kind === "transient" && expiresAt > now
        ? [
            `{"key":${of.key},"author":"${of.author}","kind":${canonical(kind)},"data":${canonical(data)},"expires_at":${expiresAt}}`,
          ]
        : [];
    } catch {
      return [];
    }
  });
  return answerText(200, `{"now":${now},"events":[${events.join(",")}]}`, {
    "content-type": "application/json",
  });
}
