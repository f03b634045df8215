/**
 * A store with its gateway in memory: for tests of apps and of the client itself.
 *
 * It answers as the real gateway and an S3 bucket do, roll-ups, epochs, guests and links included, and nothing leaves the process. It has no
 * limits on how fast a token may call, and checks no body that it was not asked to.
 *
 * @module
 */

// What syncs is loaded with this, and not while the first test waits for it.
import "../space/engine.ts";
import type { Author, Epoch, Key } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import { toBytes } from "../core/utf8.ts";
import { documentModel } from "../models/document.ts";
import { logModel } from "../models/log.ts";
import type { Model } from "../models/model.ts";
import type { SpaceInfo } from "../objects/space.ts";
import { writeStore } from "../objects/store.ts";
import type { Chance } from "../ports.ts";
import { answerCall, type Backend } from "./api.ts";
import { type MemoryBucket, memoryBucket } from "./bucket.ts";
import { eraseSpace, storedSpace, timeText } from "./epochs.ts";
import { memoryPage } from "./page.ts";
import { presigner } from "./presign.ts";
import { type ServerAnswer, type ServerRequest, s3Server } from "./s3.ts";
import { hex, link, newGuest, openSpace, putNewSpace, upkeep, writeAsAnother } from "./spaces.ts";
import { type Access, mint } from "./tokens.ts";
import type {
  MemoryGatewayOptions,
  MemoryPage,
  RolledUp,
  SeenRequest,
  TokenClaims,
} from "./types.ts";

/** What a new space is. */
export interface NewSpace {
  /** The name of its model: `document` without. */
  readonly model?: string | undefined;
  /** What the model is made from. */
  readonly settings?: Json | undefined;
  /** What decides the order of its updates: `timestamp` without. */
  readonly order?: "timestamp" | "sequence" | undefined;
  /** In an encrypted space its keyring. */
  readonly keyring?: string | undefined;
}

/** Updates that another replica writes. */
export interface OthersUpdates {
  /** Who writes. */
  readonly author: Author;
  /** The seq of the first. */
  readonly seq: number;
  /** What they say. */
  readonly updates: readonly { readonly kind: string; readonly data: Json; readonly at?: string }[];
  /** The key to begin at: the servers' time without, in a sequenced space the next place. */
  readonly key?: Key | undefined;
}

/** How a roll-up goes. */
export interface RollUp {
  /** How old updates have to be; 0 without: all are taken. */
  readonly settleMs?: number | undefined;
  /** Whether a snapshot is written although none is due. */
  readonly snapshot?: boolean | undefined;
}

/** A store with its gateway. */
export interface MemoryGateway {
  /** Where pages find it. */
  readonly url: string;
  /** The bucket behind it. */
  readonly bucket: MemoryBucket;
  /** A page of its own browser that reaches it. */
  page(): MemoryPage;
  /** A token. */
  token(claims: TokenClaims): string;
  /** Makes a space. */
  createSpace(name: string, space?: NewSpace): SpaceInfo;
  /** What the `space.json` of a space says. */
  space(name: string): SpaceInfo;
  /** Writes updates as another replica does, and the hint; returns the key. */
  write(space: string, updates: OthersUpdates): Key;
  /** Rolls a space up, sweeps what landed in old epochs, and forwards what goes to another space. */
  rollUp(space: string, how?: RollUp): Promise<RolledUp>;
  /** Begins a new epoch with the present state. */
  compress(space: string): Promise<Epoch>;
  /** Begins a new epoch with nothing; what was seen so far does not come back. */
  reset(space: string): Promise<Epoch>;
  /** Deletes what is rolled up and older than a day, or than so long. Returns how many objects. */
  prune(space: string, retentionMs?: number): Promise<number>;
  /** Erases a space but for its tombstone. */
  erase(space: string): void;
  /** The canonical state of all segments; `undefined` where nobody here can fold them. */
  state(space: string): Promise<string | undefined>;
}

const DAY_MS = 86_400_000;
const BUCKET = "bucket";
const JSON_HEADERS = { "content-type": "application/json" };

function uuid(chance: Chance): string {
  const text = hex(chance.bytes(16));
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-7${text.slice(13, 16)}-8${text.slice(17, 20)}-${text.slice(20)}`;
}

function builtIn(info: SpaceInfo): Model<unknown> | undefined {
  switch (info.model.name) {
    case "document":
      return documentModel(info.model.settings);
    case "log":
      return logModel;
    default:
      return undefined;
  }
}

/**
 * A store with its gateway in memory.
 *
 * @example
 * ```ts
 * const clock = manualClock();
 * const gateway = memoryGateway({ clock, chance: seededChance(1) });
 * gateway.createSpace("todo");
 * const page = gateway.page();
 * const token = gateway.token({ spaces: ["todo"], rights: ["read", "write"] });
 * ```
 */
export function memoryGateway(options: MemoryGatewayOptions): MemoryGateway {
  const { clock, chance, url = "https://gateway.test", sameOrigin = false, models = [] } = options;
  const bucket = memoryBucket(clock);
  const bucketUrl = sameOrigin ? `${url}/${BUCKET}` : `https://bucket.test/${BUCKET}`;
  const secret = hex(chance.bytes(16));
  const signer = presigner(secret);
  const store = newStore(bucket, options);
  const modelOf = (info: SpaceInfo): Model<unknown> | undefined =>
    models.find(({ name }) => name === info.model.name) ?? builtIn(info);
  const token = (access: Access): string => mint(access, secret, hex(chance.bytes(8)));
  const createSpace = (name: string, space: NewSpace = {}): SpaceInfo =>
    putNewSpace(bucket, { store, name, space, now: clock.now(), chance });
  const backend: Backend = {
    bucket,
    clock,
    chance,
    secret,
    sign: (unsigned) => signer.sign(unsigned, bucketUrl, clock.now()),
    space: (name) => openSpace(bucket, name),
    createGuest: (wish) => newGuest(wish, { chance, now: clock.now(), createSpace, token }),
    link: (from, into, access) =>
      link(bucket, { from, into, access, now: clock.now(), createSpace }),
    erase: (name) => {
      const { objects, erasedAt } = eraseSpace(bucket, storedSpace(bucket, name), clock.now());
      return { objects, erased_at: erasedAt };
    },
  };
  const s3 = s3Server(bucket, signer, clock, new URL(bucketUrl).pathname);
  const serve = server(backend, s3, bucketUrl);
  return {
    url,
    bucket,
    page: () => memoryPage({ clock, sameOrigin, serve, name: naming(bucketUrl) }),
    token: ({ spaces, rights, author, lifeMs = DAY_MS }) =>
      token({ spaces, rights, author, guest: false, expiresAt: clock.now() + lifeMs }),
    createSpace,
    space: (name) => openSpace(bucket, name),
    write: (space, updates) => writeAsAnother(bucket, openSpace(bucket, space), updates, clock),
    erase: (name) => {
      eraseSpace(bucket, storedSpace(bucket, name), clock.now());
    },
    ...upkeep(bucket, { clock, chance, modelOf }),
  };
}

/** Writes `store.json`; returns the store's id. */
function newStore(bucket: MemoryBucket, { clock, chance }: MemoryGatewayOptions): string {
  const store = uuid(chance);
  const needs = { read: [], write: [], rest: [] };
  const body = toBytes(writeStore({ store, createdAt: timeText(clock.now()), needs }));
  bucket.put("store.json", body, "absent", JSON_HEADERS);
  return store;
}

/** Answers whatever a page asks for. */
function server(
  backend: Backend,
  s3: (request: ServerRequest) => ServerAnswer,
  bucketUrl: string,
): (request: ServerRequest) => Promise<ServerAnswer> {
  return async (request) => {
    const isS3 = request.url.href.startsWith(bucketUrl);
    const answer = isS3 ? s3(request) : await answerCall(backend, request);
    const date = new Date(backend.clock.now()).toUTCString();
    return { ...answer, headers: { ...answer.headers, date } };
  };
}

/** What a fault rule is told of a request. */
function naming(bucketUrl: string): (method: string, url: URL) => Pick<SeenRequest, "to" | "path"> {
  return (_, url) => {
    if (!url.href.startsWith(bucketUrl)) {
      return { to: "gateway", path: url.pathname };
    }
    const path = decodeURIComponent(url.pathname.slice(new URL(bucketUrl).pathname.length + 1));
    const folder = url.searchParams.get("prefix")?.replace(/\/$/, "");
    return { to: "bucket", path: folder ?? path };
  };
}
