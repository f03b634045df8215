/**
 * Making a space from a page, as `icecore space create` does.
 *
 * @module
 */

import type { Epoch } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import { toBytes } from "../core/utf8.ts";
import { IcecoreError, isIcecoreError } from "../errors.ts";
import type { Model } from "../models/model.ts";
import { checkNeeds } from "../objects/needs.ts";
import { isSpaceName, spacePath } from "../objects/paths.ts";
import type { SpaceInfo } from "../objects/space.ts";
import { readStore } from "../objects/store.ts";
import { readSignResponse, type SignedAnswer } from "../objects/wire.ts";
import { writeSpace } from "../objects/write-space.ts";
import type { Chance } from "../ports.ts";
import { bodyInfo, bucketFault, mostOf, written } from "./bucket.ts";
import { type Calls, type GatewayOptions, gatewayCalls } from "./calls.ts";
import { textOf } from "./http.ts";
import { sendSigned } from "./signed.ts";

/** Of a model its name is stored. */
type Named = Pick<Model<unknown>, "name">;

/** The space that is to be made. */
export interface SpaceToCreate {
  /** Its model, as `open()` takes it. One that is a function is tried with the settings: what it refuses is not made. */
  readonly model: Named | ((settings: unknown) => Named);
  /** What the model is made from, e.g. `{ rules: [{ rule: "required", path: "/title" }] }` of the model `document`. */
  readonly settings?: Json | undefined;
  /**
   * What decides the order of its updates.
   * @default "timestamp"
   */
  readonly order?: "timestamp" | "sequence" | undefined;
  /** Of an encrypted space: the text of its `space.json` with a keyring, as `encryptedSpace` of `icecore/seal` makes it. */
  readonly encrypt?: ((space: SpaceInfo) => Promise<string>) | undefined;
}

const STORE = "store.json";

/**
 * Makes a space, by a token with the right `admin` for it. What it returns is in the bucket.
 *
 * @throws IcecoreError `conflict` with code `space-exists`: there is one of that name, or was; `invalid`: the name, the model's settings;
 * `denied`: the token does not allow it; `not_found`: the gateway has no store.
 */
export async function createSpace(
  options: GatewayOptions,
  space: string,
  wanted: SpaceToCreate,
  signal: AbortSignal,
): Promise<void> {
  if (!isSpaceName(space)) {
    throw new IcecoreError("invalid", "space-name", "this is no name of a space", {
      object: "space",
      hint: "up to 64 of a-z, 0-9, `-`, `_` and `.`",
    });
  }
  const { settings = null, order = "timestamp", encrypt } = wanted;
  const { name } = typeof wanted.model === "function" ? wanted.model(settings) : wanted.model;
  const calls = gatewayCalls(options);
  const store = await readText(calls, "sign", STORE, signal);
  if (store === undefined) {
    throw new IcecoreError("not_found", "no-store", "the gateway has no store", {
      object: STORE,
      hint: "`icecore init` makes one",
    });
  }
  const about = readStore(store);
  checkNeeds(about.needs.write, { what: "store", path: STORE });
  const info: SpaceInfo = {
    store: about.store,
    space,
    epoch: firstEpoch(options.chance),
    model: { name, settings },
    order,
    createdAt: new Date(calls.now()).toISOString(),
    oldEpochs: [],
    linked: undefined,
    keyring: undefined,
    erasedAt: undefined,
    needs: { read: [], write: [], rest: [] },
    rest: [],
  };
  await putNew(calls, space, encrypt ? await encrypt(info) : writeSpace(info), signal);
}

function firstEpoch(chance: Pick<Chance, "bytes">): Epoch {
  const id = Array.from(chance.bytes(8), (byte) => byte.toString(16).padStart(2, "0"));
  return `0001-${id.join("")}` as Epoch;
}

async function sign(
  calls: Calls,
  where: string,
  op: object,
  signal: AbortSignal,
): Promise<SignedAnswer> {
  const read = (bytes: Uint8Array) => readSignResponse(bytes, 1);
  const { signed } = await calls.call(where, { body: JSON.stringify({ ops: [op] }) }, read, signal);
  return signed[0] as SignedAnswer;
}

async function readText(
  calls: Calls,
  where: string,
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const signed = await sign(calls, where, { op: "get", path }, signal);
  const answer = await sendSigned(calls, signed, { object: path, most: mostOf(path) }, signal);
  if (answer.ok) return textOf(answer);
  if (answer.status === 404) return undefined;
  throw bucketFault(answer, path);
}

/** Writes `space.json` where there is none; what lies there may be what was written by a try whose answer was lost. */
async function putNew(
  calls: Calls,
  space: string,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  const [path, where, body] = [spacePath(space), `spaces/${space}/sign`, toBytes(text)];
  const op = { op: "put", path, body: bodyInfo(body), content: "json", condition: "absent" };
  for (let again = false; ; again = true) {
    try {
      const signed = await sign(calls, where, op, signal);
      const answer = await sendSigned(calls, signed, { object: path, body }, signal);
      if (written(answer, path, body, true).outcome === "stored") return;
      if ((await readText(calls, where, path, signal)) === text) return;
      break;
    } catch (error) {
      if (again || signal.aborted || !isIcecoreError(error) || error.kind !== "unavailable") {
        throw error;
      }
    }
  }
  throw new IcecoreError("conflict", "space-exists", "there is a space of this name", {
    object: space,
    hint: "choose another name; that of an erased space stays taken",
  });
}
