/**
 * What a gateway answers, read without trust: members that are not known are ignored, for a gateway may be newer than its clients.
 *
 * @module
 */

import { type Author, type Generation, isAuthor, isKey, type Key } from "../core/ids.ts";
import { isObject, type Json, member, parseJson } from "../core/json.ts";
import { badAnswer, readAnswer } from "./answer.ts";
import { isCount, isGeneration, isInteger, isText } from "./members.ts";
import { isJson } from "./needs.ts";
import {
  type Field,
  listOf,
  maybe,
  maybeListOf,
  must,
  readShape,
  type Shape,
  within,
} from "./shape.ts";

/** A small object as it is stored. */
export interface StoredAnswer {
  /** Its text. */
  readonly body: string;
  /** The bucket's tag of it. */
  readonly tag: string | undefined;
  /** When it was stored, by the bucket: milliseconds since 1970 UTC. */
  readonly lastModified: number;
}

/** A segment or snapshot of a listing. */
export interface LayerAnswer {
  /** Its generation. */
  readonly generation: Generation;
  /** Its size as stored. */
  readonly bytes: number;
  /** When it was stored, by the bucket. */
  readonly lastModified: number;
  /** The bucket's tag of it. */
  readonly tag: string | undefined;
}

/** An update object of a listing. */
export interface UpdateAnswer {
  /** Its key. */
  readonly key: Key;
  /** Its size. */
  readonly bytes: number;
  /** When it was stored, by the bucket. */
  readonly lastModified: number;
  /** The bucket's tag of it. */
  readonly tag: string | undefined;
  /** Its text, if it is small and was not known. */
  readonly body: string | undefined;
  /** Whom the slot named that it was written through. */
  readonly author: string | undefined;
}

/** A presigned request. Its address is as good as a credential: it goes into no message. */
export interface SignedAnswer {
  /** The method. */
  readonly method: string;
  /** The address with its signature. Whose it is was not looked at. */
  readonly url: string;
  /** What has to be sent with it. */
  readonly headers: Readonly<Record<string, string>>;
  /** For how long it is good, from when it was signed. */
  readonly expiresInMs: number;
}

/** A presigned request, and what it is for: reading an object, or listing a folder. */
export interface SignedOpAnswer {
  /** What it is for. */
  readonly request:
    | { readonly op: "get"; readonly path: string }
    | { readonly op: "list"; readonly folder: string; readonly after: string | undefined };
  /** The request. */
  readonly signed: SignedAnswer;
}

/** What a look found. */
export interface FoundAnswer {
  /** `space.json`. */
  readonly space: StoredAnswer;
  /** The head, where there is one. */
  readonly head: StoredAnswer | undefined;
  /** All segments and snapshots after `after`, if they were listed. */
  readonly layers:
    | {
        readonly after: Generation;
        readonly segments: readonly LayerAnswer[];
        readonly snapshots: readonly LayerAnswer[];
      }
    | undefined;
  /** All update objects after `after`, by key, if they fitted. */
  readonly updates:
    | { readonly after: Key | undefined; readonly objects: readonly UpdateAnswer[] }
    | undefined;
  /** Presigned requests for reading and listing; those for anything else are left out. */
  readonly urls: readonly SignedOpAnswer[];
}

/** The answer to `sync`. */
export interface SyncResponse {
  /** The gateway's time: milliseconds since 1970 UTC. */
  readonly now: number;
  /** The only author that may write with this token. */
  readonly author: Author | undefined;
  /** What the look found. */
  readonly found: FoundAnswer | undefined;
  /** For each body the slots to try, one after the other. */
  readonly slots: readonly (readonly { readonly key: Key; readonly signed: SignedAnswer }[])[];
}

/** The answer to `sign`. */
export interface SignResponse {
  /** The gateway's time. */
  readonly now: number;
  /** In the order of what was asked for. */
  readonly signed: readonly SignedAnswer[];
}

/** A transient event that lives. */
export interface TransientAnswer {
  /** With the author it names the event. */
  readonly key: Key;
  /** Who sent it. */
  readonly author: Author;
  /** What it is. */
  readonly kind: string;
  /** What there is to say about it. */
  readonly data: Json;
  /** Nobody sees it after this, by the bucket's clock. */
  readonly expiresAt: number;
}

/** The answer to a question for transient events. */
export interface TransientList {
  /** The gateway's time. */
  readonly now: number;
  /** Those that live, by key. */
  readonly events: readonly TransientAnswer[];
}

const text: Field<string> = must(isText);
const integer: Field<number> = must(isInteger);
const optionalText: Field<string | undefined> = maybe(text);
const tag: Field<string | undefined> = (_, __, around) =>
  optionalText(member(around, "e_tag"), "e_tag", around);

const SIGNED: Shape<SignedAnswer> = {
  method: text,
  url: text,
  headers: (value, name) => {
    const headers = must(isObject)(value ?? {}, name, {});
    return Object.fromEntries(
      Object.entries(headers).map(([header, of]) => [header, text(of, name, headers)]),
    );
  },
  expiresInMs: must(isCount),
};

const STORED: Shape<StoredAnswer> = { body: text, tag, lastModified: integer };

const LAYER: Shape<LayerAnswer> = {
  generation: must(isGeneration),
  bytes: must(isCount),
  lastModified: integer,
  tag,
};

const UPDATE: Shape<UpdateAnswer> = {
  key: must(isKey),
  bytes: must(isCount),
  lastModified: integer,
  tag,
  body: optionalText,
  author: optionalText,
};

/** None for a request that is neither a reading nor a listing of all in a folder: a newer gateway may give such ones. */
const signedOp: Field<SignedOpAnswer[]> = (value, name) => {
  const { request, signed } = readShape(
    { request: must(isObject), signed: within(SIGNED) },
    value,
    name,
  );
  const { op, path, folder, after, flat } = request;
  if (op === "get") return [{ request: { op, path: text(path, "path", request) }, signed }];
  if (op !== "list" || flat === true) return [];
  return [
    {
      request: {
        op,
        folder: text(folder, "folder", request),
        after: optionalText(after, "after", request),
      },
      signed,
    },
  ];
};

const FOUND: Shape<FoundAnswer> = {
  space: within(STORED),
  head: maybe(within(STORED)),
  layers: maybe(
    within({
      after: must(isGeneration),
      segments: listOf(within(LAYER)),
      snapshots: listOf(within(LAYER)),
    }),
  ),
  updates: maybe(within({ after: maybe(must(isKey)), objects: listOf(within(UPDATE)) })),
  urls: (value, name, around) => listOf(signedOp)(value, name, around).flat(),
};

const KEY: Shape<{ readonly key: Key }> = { key: must(isKey) };

/** Its request stands beside its key. */
const slot: Field<SyncResponse["slots"][number][number]> = (value, name) => ({
  key: readShape(KEY, value, name).key,
  signed: readShape(SIGNED, value, name),
});

const SYNC: Shape<SyncResponse> = {
  now: integer,
  author: maybe(must(isAuthor)),
  found: maybe(within(FOUND)),
  slots: maybeListOf(listOf(slot)),
};

/**
 * The answer to `sync`.
 *
 * @throws IcecoreError `corrupt` with code `bad-answer`.
 */
export function readSyncResponse(body: string | Uint8Array): SyncResponse {
  return readAnswer(SYNC, body);
}

/**
 * The answer to `sign`.
 *
 * @throws IcecoreError `corrupt` with code `bad-answer`, also where it does not have `count` requests.
 */
export function readSignResponse(body: string | Uint8Array, count?: number): SignResponse {
  const answer = readAnswer({ now: integer, signed: listOf(within(SIGNED)) }, body);
  if (count !== undefined && answer.signed.length !== count) throw badAnswer("signed");
  return answer;
}

const EVENT: Shape<TransientAnswer> = {
  key: must(isKey),
  author: must(isAuthor),
  kind: text,
  data: must(isJson),
  expiresAt: integer,
};

/**
 * The transient events that live.
 *
 * @throws IcecoreError `corrupt` with code `bad-answer`.
 */
export function readTransientList(body: string | Uint8Array): TransientList {
  return readAnswer({ now: integer, events: listOf(within(EVENT)) }, body, parseJson);
}

/**
 * That a transient event was stored.
 *
 * @throws IcecoreError `corrupt` with code `bad-answer`.
 */
export function readSentTransient(body: string | Uint8Array): {
  readonly key: Key;
  readonly expiresAt: number;
} {
  return readAnswer({ key: must(isKey), expiresAt: integer }, body);
}
