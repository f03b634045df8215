/**
 * What the gateway in memory signs, for whom.
 *
 * @module
 */

import { type Author, isAuthor, isEpoch, KEY_MAX, type Key } from "../core/ids.ts";
import { IcecoreError } from "../errors.ts";
import { parsePath } from "../objects/parse-path.ts";
import { headPath, updatePath } from "../objects/paths.ts";
import { AHEAD_MS_MAX, KeyClock } from "../plan/key.ts";
import type { Chance } from "../ports.ts";
import { type Fields, fieldsOf, isInt, isWord, wrong } from "./fields.ts";
import type { Unsigned } from "./presign.ts";
import { type Access, check, may } from "./tokens.ts";

const SLOT_MS = 30_000;
const READ_MS = 900_000;
const POLL_MS = 3_600_000;
const MEBIBYTE = 1_048_576;
/** Keys below are places in a sequence, and no times. */
const FIRST_TIME = 1_000_000_000_000;
const NAMED_WINDOW_MS = 600_000;

interface Body {
  readonly bytes: number;
  readonly sha256: string;
}

function bodyOf(fields: Fields): Body {
  fields.only("bytes", "sha256");
  const sha256 = fields.need("sha256", isWord);
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw wrong("sha256 is no digest");
  }
  return { bytes: fields.need("bytes", isInt), sha256 };
}

function base64OfHex(hex: string): string {
  const bytes = hex.match(/../g) ?? [];
  return btoa(String.fromCharCode(...bytes.map((byte) => Number.parseInt(byte, 16))));
}

function bodyHeaders({ bytes, sha256 }: Body): Record<string, string> {
  return {
    "content-length": String(bytes),
    "content-type": "application/json",
    "x-amz-checksum-sha256": base64OfHex(sha256),
  };
}

/** What an operation asks to be signed, if the token allows it; `space` is `undefined` outside of spaces. */
export function unsignedOp(op: unknown, space: string | undefined, access: Access): Unsigned {
  const fields = fieldsOf(op, "ops");
  const kind = fields.need("op", isWord);
  if (kind === "list") {
    return unsignedList(fields, space, access);
  }
  if (kind === "put") {
    return unsignedPut(fields, space, access);
  }
  if (kind !== "get" && kind !== "head" && kind !== "delete") {
    throw wrong(`unknown operation ${kind}`);
  }
  fields.only("op", "path");
  const path = fields.need("path", isWord);
  if (path !== "store.json" || space !== undefined || kind === "delete") {
    check(access, kind === "delete" ? "admin" : "read", inside(space, path));
  }
  const isPolled = path.endsWith("/space.json") || path.startsWith("heads/");
  const method = { get: "GET", head: "HEAD", delete: "DELETE" } as const;
  const life = kind === "delete" ? SLOT_MS : READ_MS;
  return { method: method[kind], path, expiresInMs: isPolled && kind === "get" ? POLL_MS : life };
}

/** The space that a path lies in, which must be this one. */
function inside(space: string | undefined, path: string): string {
  const isThere = path === headPath(space ?? "") || path.startsWith(`spaces/${space}/`);
  if (space === undefined || !isThere || path.split("/").some((part) => /^\.{0,2}$/.test(part))) {
    throw new IcecoreError("invalid", "refused", "the path does not lie in what was named", {
      object: path,
    });
  }
  return space;
}

function unsignedList(fields: Fields, space: string | undefined, access: Access): Unsigned {
  fields.only("op", "folder", "after", "flat");
  const folder = fields.need("folder", isWord);
  const after = fields.maybe("after", String);
  if (space === undefined) {
    check(access, "read", "*");
  } else {
    check(access, "read", folder === `spaces/${space}` ? space : inside(space, folder));
  }
  const prefix = `${folder}/`;
  return {
    method: "GET",
    path: "",
    query: {
      "list-type": "2",
      "max-keys": "1000",
      prefix,
      ...(after === undefined ? {} : { "start-after": prefix + after }),
    },
    expiresInMs: POLL_MS,
  };
}

function unsignedPut(fields: Fields, space: string | undefined, access: Access): Unsigned {
  fields.only("op", "path", "body", "content", "condition");
  const path = fields.need("path", isWord);
  const body = bodyOf(fields.within("body"));
  const content = fields.need("content", isWord);
  const condition = fields.need("condition", (value) => value !== undefined);
  const object = parsePath(path);
  const of = inside(space, path);
  if (object === undefined || object.kind === "update") {
    throw wrong("an update object is written by a slot", path);
  }
  if (object.kind === "space" && condition === "none") {
    throw wrong("space.json is created, or replaced where its version is known", path);
  }
  if (!(object.kind === "snapshot" && condition === "absent" && may(access, "write", of))) {
    check(access, object.kind === "head" ? "write" : "admin", of);
  }
  const headers = bodyHeaders(body);
  if (content === "layer") {
    headers["cache-control"] = "max-age=31536000, immutable";
    headers["content-encoding"] = "gzip";
  }
  if (condition === "absent") {
    headers["if-none-match"] = "*";
  } else if (condition !== "none") {
    headers["if-match"] = fieldsOf(condition, "condition").need("matches", isWord);
  }
  return { method: "PUT", path, headers, expiresInMs: SLOT_MS };
}

/** A slot that is to be signed. */
export interface PlannedSlot {
  /** Its key. */
  readonly key: Key;
  /** The request. */
  readonly unsigned: Unsigned;
}

/** The slots for each body of the member `write` of a sync. */
export function planSlots(
  write: Fields,
  space: string,
  access: Access,
  at: { readonly now: number; readonly chance: Chance },
): PlannedSlot[][] {
  write.only("epoch", "author", "keys", "objects", "spare");
  const epoch = write.need("epoch", isWord);
  const author = write.need("author", isWord);
  const bodies = write.list("objects").map((item) => bodyOf(fieldsOf(item, "write.objects")));
  const spare = Math.min(8, write.maybe("spare", Number) ?? 0);
  if (!isEpoch(epoch) || !isAuthor(author)) {
    throw wrong("no epoch or no author");
  }
  if (bodies.length > 20) {
    throw wrong("20 bodies are allowed", "write.objects");
  }
  if (access.author !== undefined && access.author !== author) {
    throw new IcecoreError("denied", "forbidden", "the token is bound to another author", {
      object: "write.author",
    });
  }
  const keys = keysOf(write.within("keys"), bodies.length, spare + 1, at);
  return bodies.map((body, n) => {
    if (body.bytes > MEBIBYTE) {
      throw wrong(`the body has ${body.bytes} bytes`);
    }
    return (keys[n] ?? []).map((key) => ({
      key,
      unsigned: slot(updatePath(space, epoch, key), body, author),
    }));
  });
}

function slot(path: string, body: Body, author: Author): Unsigned {
  const headers = {
    ...bodyHeaders(body),
    "if-none-match": "*",
    "x-amz-meta-author": author,
  };
  return { method: "PUT", path, headers, expiresInMs: SLOT_MS };
}

function keysOf(
  wish: Fields,
  bodies: number,
  each: number,
  { now, chance }: { readonly now: number; readonly chance: Chance },
): Key[][] {
  wish.only("at", "after");
  const named = wish.maybe("at", (at) => fieldsOf(at, "write.keys.at").need("key", isInt));
  if (named !== undefined) {
    const isPlace = named > 0 && named < FIRST_TIME;
    if (bodies !== 1 || (!isPlace && Math.abs(named - now) > NAMED_WINDOW_MS)) {
      throw wrong("that key cannot be written now", "write.keys.at");
    }
    return [[named]];
  }
  const fields = wish.within("after");
  fields.only("own_last", "seen", "reached", "stride");
  const hints = {
    ownLast: fields.maybe("own_last", Number),
    seen: fields.need("seen", isInt),
    // A roll-up reaches no further than the server's times; a client that says so must not write ahead of them.
    reached: Math.min(fields.need("reached", isInt), now + AHEAD_MS_MAX),
    stride: fields.need("stride", isInt),
  };
  const draw = (min: number, max: number): number => min + chance.below(max - min + 1);
  let next = new KeyClock(hints).first(now, draw);
  return Array.from({ length: bodies }, () => {
    const clock = new KeyClock(hints);
    const keys = [next];
    let last = next;
    while (keys.length < each) {
      last = clock.bump(last, draw);
      keys.push(last);
    }
    next = Math.min(last + 1, KEY_MAX);
    return keys;
  });
}
