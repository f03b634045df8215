/**
 * A space behind a gateway: each access by a presigned request, which the gateway gives to whoever has a token.
 *
 * @module
 */

import type { Author } from "../core/ids.ts";
import { canonical } from "../core/json.ts";
import { toBytes } from "../core/utf8.ts";
import { badAnswer } from "../objects/answer.ts";
import { headPath, spacePath } from "../objects/paths.ts";
import {
  readSentTransient,
  readSyncResponse,
  readTransientList,
  type StoredAnswer,
  type SyncResponse,
} from "../objects/wire.ts";
import { checkSpaceName } from "./address.ts";
import { bodyInfo, isRefused, mostOf, tagOf, versionOf, written } from "./bucket.ts";
import { type Calls, type GatewayOptions, gatewayCalls } from "./calls.ts";
import { textOf } from "./http.ts";
import { parsePage } from "./listing.ts";
import type { Condition, Listed, Remote, StoredText, Wish, Written } from "./remote.ts";
import { type Reads, reading, type Sign, sendSigned, signing } from "./signed.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Sync = (request: object, signal: AbortSignal) => Promise<SyncResponse>;

/** How a space is reached. */
export interface RemoteOptions extends GatewayOptions {
  /** Its name. */
  readonly space: string;
}

/**
 * A space behind a gateway. No request is made.
 *
 * @throws IcecoreError `invalid`: the address, or the name of the space.
 */
export function gatewayRemote(options: RemoteOptions): Remote {
  const { space } = options;
  checkSpaceName(space);
  const calls = gatewayCalls(options);
  const { net, call, now, tokens } = calls;
  const [head, info] = [headPath(space), spacePath(space)];
  const sign = signing(calls, space);
  const reads = reading(calls, sign, (path) => path === head || path === info);
  const { saw, poll } = polling(reads);
  const write = writing(calls, sign, head);
  let author: Author | undefined;

  const sync: Sync = async (request, signal) => {
    const body = JSON.stringify(request);
    const response = await call(`spaces/${space}/sync`, { body }, readSyncResponse, signal);
    author = response.author;
    return response;
  };
  return {
    space,
    now,
    get author() {
      return author;
    },
    get offsetMs() {
      return net.time.offsetMs();
    },
    async look(have, check, signal) {
      const asked = net.clock.monotonic();
      const wish = have && {
        epoch: have.epoch,
        generation: have.generation,
        updates_after: have.updatesAfter,
        known: have.known,
      };
      const { found } = await sync({ look: { have: wish, check } }, signal);
      if (!found) {
        throw badAnswer("found");
      }
      reads.keep(found.urls, asked);
      return { ...found, space: saw(info, found.space), head: found.head && saw(head, found.head) };
    },
    head: (known, signal) => poll(head, known, signal),
    info: (known, signal) => poll(info, known, signal),
    get: async (path, signal) => {
      const answer = await reads.read({ op: "get", path }, { most: mostOf(path) }, signal);
      const by = answer?.headers.get("x-amz-meta-author") ?? undefined;
      return answer && { bytes: answer.bytes, ...versionOf(answer), author: by };
    },
    list: (folder, after, signal, most = Infinity) =>
      listing(reads, { folder, after, most }, signal),
    ...slotting(calls, sync),
    async putHead(body, condition, signal) {
      const done = await write(head, toBytes(body), condition, signal);
      if (done.outcome === "stored") {
        saw(head, { body, tag: done.tag, lastModified: 0 });
      }
      return done;
    },
    putSnapshot: (path, body, signal) => write(path, body, "absent", signal),
    putObject: write,
    ...events(calls, space),
    newAuthor: async (signal) => tokens.renew("new-author", await tokens.get(signal), signal),
  };
}

function slotting(calls: Calls, sync: Sync): Pick<Remote, "slots" | "put"> {
  const { clock } = calls.net;
  return {
    async slots(wish, signal) {
      const asked = clock.monotonic();
      const { slots } = await sync({ write: writeRequest(wish) }, signal);
      if (slots.length !== wish.bodies.length || slots.some((some) => !some[0])) {
        throw badAnswer("slots");
      }
      return slots.map((some) =>
        some.map((slot) => ({ ...slot, until: asked + slot.signed.expiresInMs })),
      );
    },
    async put({ key, signed, until }, body, signal) {
      if (clock.monotonic() >= until) {
        return { outcome: "gone" };
      }
      const object = `slot ${key}`;
      return written(await sendSigned(calls, signed, { object, body }, signal), object, body);
    },
  };
}

function events({ call }: Calls, space: string): Pick<Remote, "transient" | "transients"> {
  const path = `spaces/${space}/transient`;
  return {
    transient: ({ author, kind, data, ttlMs }, signal) => {
      const event = { author, kind, data, ...(ttlMs && { ttl_ms: ttlMs }) };
      return call(path, { body: canonical(event), once: true }, readSentTransient, signal);
    },
    transients: async (signal) => (await call(path, {}, readTransientList, signal)).events,
  };
}

/** What is read again and again. */
function polling(reads: Reads): {
  saw(path: string, stored: StoredAnswer): StoredText;
  poll(
    path: string,
    known: string | undefined,
    signal: AbortSignal,
  ): Promise<StoredText | "unchanged" | undefined>;
} {
  // The last body, with the tag that it was told under: a bucket may show pages none.
  const seen = new Map<string, StoredText>();
  const saw = (path: string, { body, tag, lastModified }: StoredAnswer): StoredText => {
    const stored = { body, tag: tag ?? tagOf(body), lastModified };
    seen.set(path, stored);
    return stored;
  };
  return {
    saw,
    async poll(path, known, signal) {
      const how = { most: mostOf(path), cache: "no-cache" } as const;
      const answer = await reads.read({ op: "get", path }, how, signal);
      if (!answer) {
        return undefined;
      }
      const body = textOf(answer);
      const last = seen.get(path);
      const same = last?.body === body ? last.tag : undefined;
      const stored = saw(path, { body, ...versionOf(answer, same) });
      return stored.tag === known ? "unchanged" : stored;
    },
  };
}

async function listing(
  reads: Reads,
  { folder, after, most }: { folder: string; after: string | undefined; most: number },
  signal: AbortSignal,
): Promise<readonly Listed[]> {
  const listed: Listed[] = [];
  for (let start = after ?? "", exact = false; ; exact = true) {
    const op = { op: "list", folder, after: start || undefined } as const;
    const answer = await reads.read(op, { exact }, signal);
    const { items, more } = parsePage(answer ? textOf(answer) : "", folder);
    // The first page may have been signed for an earlier start, and then holds more.
    listed.push(...items.filter(({ name }) => name > start));
    const last = items.at(-1)?.name ?? "";
    if (!more || listed.length >= most) {
      return listed;
    }
    if (last > start) {
      start = last;
    } else if (exact) {
      throw badAnswer("listing");
    }
  }
}

function writeRequest({ epoch, author, keys, bodies, spare }: Wish): object {
  const wish =
    "at" in keys
      ? { at: { key: keys.at } }
      : {
          after: {
            own_last: keys.ownLast,
            seen: keys.seen,
            reached: keys.reached,
            stride: keys.stride,
          },
        };
  return { epoch, author, keys: wish, objects: bodies.map(bodyInfo), spare };
}

/** Writing anything but update objects; a signature that the bucket refuses is made anew once. */
function writing(calls: Calls, sign: Sign, head: string): Remote["putObject"] {
  return async (path: string, body: Bytes, condition: Condition, signal): Promise<Written> => {
    const matches = typeof condition === "object";
    const op = {
      op: "put",
      path,
      body: bodyInfo(body),
      content: body[0] === 0x1f && body[1] === 0x8b ? "layer" : "json",
      // A tag of ours is none that the bucket knows.
      condition:
        condition === "any" || (matches && condition.matches[0] === "=") ? "none" : condition,
    };
    for (let again = false; ; again = true) {
      for (const signed of await sign([op], signal)) {
        const answer = await sendSigned(calls, signed, { object: path, body }, signal);
        const { status } = answer;
        // Of a hint it is enough to know that somebody else was there.
        if ((status === 404 && matches) || (path === head && status === 409)) {
          return { outcome: "taken" };
        }
        if (again || !isRefused(status)) {
          return written(answer, path, body, true);
        }
      }
    }
  };
}
