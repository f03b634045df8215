/**
 * The HTTP API of the gateway in memory.
 *
 * @module
 */

import { type ErrorKind, IcecoreError, isIcecoreError } from "../errors.ts";
import { parsePath } from "../objects/parse-path.ts";
import { isSpaceName, layerPath } from "../objects/paths.ts";
import type { SpaceInfo } from "../objects/space.ts";
import type { SignedAnswer as Signed } from "../objects/wire.ts";
import type { Chance, Clock } from "../ports.ts";
import { sendTransient, transients } from "./api-transient.ts";
import type { MemoryBucket } from "./bucket.ts";
import { asIs, bodyOf, fieldsOf, isWord, json, wrong } from "./fields.ts";
import { takeLook } from "./look.ts";
import { planSlots, unsignedOp } from "./ops.ts";
import type { Unsigned } from "./presign.ts";
import type { ServerAnswer, ServerRequest } from "./s3.ts";
import { type Access, check, may, verify } from "./tokens.ts";

/** What the endpoints work on. */
export interface Backend {
  /** The bucket. */
  readonly bucket: MemoryBucket;
  /** The gateway's time. */
  readonly clock: Clock;
  /** Names and random places. */
  readonly chance: Chance;
  /** With what tokens are signed. */
  readonly secret: string;
  /** Presigns a request. */
  sign(unsigned: Unsigned): Signed;
  /** What the `space.json` of a space says. Throws `not_found`, for one that was erased too. */
  space(name: string): SpaceInfo;
  /** Makes a guest. */
  createGuest(wish: {
    readonly model: string;
    readonly settings: unknown;
    readonly order: string;
  }): object;
  /** Links a guest's space to another. */
  link(from: string, into: string, access: Access): Promise<object>;
  /** Erases a space. */
  erase(space: string): object;
}

const STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  denied: 403,
  not_found: 404,
  conflict: 409,
  unavailable: 503,
  corrupt: 500,
  internal: 500,
};

/** A call. */
export interface Asked {
  readonly backend: Backend;
  readonly request: ServerRequest;
  readonly access: Access;
  readonly space: string;
}

type Endpoint = (asked: Asked) => Promise<ServerAnswer> | ServerAnswer;

const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  "POST sync": sync,
  "POST sign": (asked) => sign(asked, asked.space),
  "POST transient": sendTransient,
  "GET transient": transients,
  "DELETE ": ({ backend, access, space }) => {
    if (!(access.guest && access.spaces.includes(space))) {
      check(access, "admin", space);
    }
    return json(200, backend.erase(space));
  },
};

/** Answers a call. */
export async function answerCall(backend: Backend, request: ServerRequest): Promise<ServerAnswer> {
  try {
    return await route(backend, request);
  } catch (error) {
    if (!isIcecoreError(error)) {
      throw error;
    }
    const status = error.code === "token-refused" ? 401 : STATUS[error.kind];
    return json(status, {
      code: error.kind,
      message: error.message,
      object: error.object,
      hint: error.hint,
    });
  }
}

async function route(backend: Backend, request: ServerRequest): Promise<ServerAnswer> {
  const { method, url } = request;
  const now = backend.clock.now();
  const [, v1, collection, id, ...rest] = url.pathname.split("/");
  if (method === "GET" && url.pathname === "/healthz") {
    return json(200, { now });
  }
  if (v1 !== "v1") {
    throw noEndpoint(url.pathname);
  }
  if (method === "POST" && collection === "users" && id === undefined) {
    const body = bodyOf(request);
    body.only("model", "order");
    const model = body.maybe("model", (value) => fieldsOf(value, "model"));
    const settings = model?.maybe("settings", asIs) ?? null;
    const order = body.maybe("order", String) ?? "timestamp";
    const name = model?.need("name", isWord) ?? "document";
    return json(201, backend.createGuest({ model: name, settings, order }));
  }
  const access = accessOf(backend, request, now);
  if (method === "POST" && collection === "sign" && id === undefined) {
    return sign({ backend, request, access, space: "" }, undefined);
  }
  if (id === undefined || !isSpaceName(id)) {
    throw noEndpoint(url.pathname);
  }
  const asked: Asked = { backend, request, access, space: id };
  if (method === "POST" && collection === "users" && rest.join("/") === "link") {
    return link(asked);
  }
  const endpoint = collection === "spaces" ? ENDPOINTS[`${method} ${rest.join("/")}`] : undefined;
  if (endpoint === undefined) {
    throw noEndpoint(url.pathname);
  }
  return endpoint(asked);
}

function noEndpoint(path: string): IcecoreError {
  return new IcecoreError("not_found", "no-space", "there is no such endpoint", { object: path });
}

function accessOf(backend: Backend, request: ServerRequest, now: number): Access {
  const header = new Headers(request.headers).get("authorization") ?? "";
  const access = verify(header.replace(/^Bearer /, ""), backend.secret, now);
  if (access === undefined) {
    throw new IcecoreError("denied", "token-refused", "the token is missing, wrong or has ended");
  }
  return access;
}

function sync({ backend, request, access, space }: Asked): ServerAnswer {
  const body = bodyOf(request);
  body.only("look", "write");
  const look = body.maybe("look", (value) => fieldsOf(value, "look"));
  const write = body.maybe("write", (value) => fieldsOf(value, "write"));
  const now = backend.clock.now();
  const answer: { now: number; author?: string; found?: object; slots?: unknown } = { now };
  if (access.author !== undefined) {
    answer.author = access.author;
  }
  if (look !== undefined) {
    check(access, "read", space);
  }
  if (write !== undefined) {
    check(access, "write", space);
  }
  if (look !== undefined) {
    const { found, ops } = takeLook(backend.bucket, backend.space(space), look, now);
    const urls = ops.map((op) => ({
      request: op,
      signed: wire(backend.sign(unsignedOp(op, space, access))),
    }));
    answer.found = { ...found, urls };
  }
  if (write !== undefined) {
    const planned = planSlots(write, space, access, { now, chance: backend.chance });
    answer.slots = planned.map((slots) =>
      slots.map(({ key, unsigned }) => ({ key, ...wire(backend.sign(unsigned)) })),
    );
  }
  return json(200, answer);
}

/** A presigned request as it is sent. */
function wire({ method, url, headers, expiresInMs }: Signed): object {
  return { method, url, headers, expires_in_ms: expiresInMs };
}

function sign({ backend, request, access }: Asked, space: string | undefined): ServerAnswer {
  const body = bodyOf(request);
  body.only("ops");
  const ops = body.list("ops");
  if (ops.length > 1_000) {
    throw wrong("1000 are allowed", "ops");
  }
  const signed = ops.map((op) => {
    checkSnapshot(backend, op, access);
    return wire(backend.sign(unsignedOp(op, space, access)));
  });
  return json(200, { now: backend.clock.now(), signed });
}

/** Who may write may put the snapshot of the newest segment of an encrypted space: nobody else can. */
function checkSnapshot(backend: Backend, op: unknown, access: Access): void {
  const fields = fieldsOf(op, "ops");
  const object = parsePath(fields.maybe("path", String) ?? "");
  const isPut = fields.need("op", isWord) === "put";
  if (!isPut || object?.kind !== "snapshot" || may(access, "admin", object.space)) {
    return;
  }
  const info = backend.space(object.space);
  if (info.keyring === undefined) {
    check(access, "admin", object.space);
  }
  const next = object.generation + 1;
  const has = (generation: number): boolean =>
    backend.bucket.get(layerPath(object.space, object.epoch, "segments", generation)) !== undefined;
  if (info.epoch !== object.epoch || !has(object.generation) || has(next)) {
    throw new IcecoreError("conflict", "changed", "this is not the snapshot of the newest segment");
  }
}

async function link({ backend, request, access, space }: Asked): Promise<ServerAnswer> {
  const body = bodyOf(request);
  body.only("guest_token", "into");
  const into = body.need("into", isWord);
  check(access, "write", into);
  if (access.guest) {
    throw new IcecoreError("denied", "forbidden", "a guest's space joins the space of a user");
  }
  if (access.author !== undefined) {
    check(access, "admin", into);
  }
  const token = body.maybe("guest_token", String);
  const guest = token === undefined ? access : verify(token, backend.secret, backend.clock.now());
  const owns = guest?.guest && guest.spaces.includes(space);
  if (!owns && !(guest !== undefined && may(guest, "admin", space))) {
    throw new IcecoreError("denied", "forbidden", "the guest's token is refused", {
      object: "guest_token",
    });
  }
  return json(200, await backend.link(space, into, access));
}
