/**
 * How the content of an encrypted space is read and written, by who holds its keys.
 *
 * @module
 */

import { type Author, idText, type UpdateId } from "../core/ids.ts";
import { canonical, isObject, parseJson } from "../core/json.ts";
import { reason } from "../core/reason.ts";
import { memberTexts, onOneLine } from "../core/text.ts";
import { modelVersionOf } from "../core/update.ts";
import { toBytes } from "../core/utf8.ts";
import { IcecoreError } from "../errors.ts";
import type {
  Content,
  OpenedEntry,
  OpenedState,
  StoredEntry,
  TransientContent,
} from "../objects/content.ts";
import { tooLarge } from "../objects/faults.ts";
import { gunzip } from "../objects/layer.ts";
import { isVersion } from "../objects/members.ts";
import { gzip } from "../objects/pack.ts";
import { platformOf } from "../objects/platform.ts";
import type { Chance } from "../ports.ts";
import { type Bytes, concat, textOf } from "./bytes.ts";
import { contextOf, type SpaceKeys } from "./keys.ts";

/** The largest update in an object. */
const UPDATE_BYTES_MAX = 1_048_320;
/** Salt, tag, the number of the key and the members' names. */
const SEALED_EXTRA = 128;
/** So many updates are opened at once: few enough that the page stays alive between them. */
const OPENED_AT_ONCE = 64;
const LINE_FEED = 10;

/** What a content is made of. */
export interface Sealing {
  /** The id of the store. */
  readonly store: string;
  /** The name of the space. */
  readonly space: string;
  /** Its keys. */
  readonly keys: SpaceKeys;
  /** The version of the keyring that they come from. */
  readonly version: number;
  /** Where salts come from. */
  readonly chance: Pick<Chance, "bytes">;
}

/** The content of an encrypted space whose keys are at hand. */
export interface SealedContent extends Content {
  /**
   * 32 bytes that follow from an update and its id, and which only who holds the keys can make: whoever sees them cannot try what the
   * update says.
   */
  token(id: UpdateId, text: string): Promise<Uint8Array>;
}

/** The content of a space under its keys. */
export function sealedContent(sealing: Sealing): SealedContent {
  const { keys, version } = sealing;
  return {
    sealed: true,
    blind: false,
    newestKey: keys.newest,
    fits: (keyring) => keyring !== undefined && versionOf(keyring) === version,
    open: (entries) => openAll(sealing, entries),
    seal: (id, text, modelVersion) => sealUpdate(sealing, { id, modelVersion }, text),
    openState: (line, key, about, bytesMax) =>
      openState(sealing, { line, key: key ?? 0, about }, bytesMax),
    sealState: (state, summary, about) => sealState(sealing, `${summary}\n${state}`, about),
    openTransient: (author, event) => openTransient(sealing, author, event),
    sealTransient: (author, event) => sealTransient(sealing, author, event),
    token: async (id, text) => keys.token(`${idText(id)} ${text}`),
  };
}

function versionOf(keyring: string): unknown {
  try {
    return (JSON.parse(keyring) as { version?: unknown } | null)?.version;
  } catch {
    return undefined;
  }
}

function updateContext(sealing: Sealing, id: UpdateId, modelVersion: number): Bytes {
  const version = modelVersion > 1 ? `,${modelVersion}` : "";
  return contextOf("update", sealing, `,"${id.author}",${id.seq}${version}`);
}

async function openAll(
  sealing: Sealing,
  entries: readonly StoredEntry[],
): Promise<readonly OpenedEntry[]> {
  const opened: OpenedEntry[] = [];
  for (let from = 0; from < entries.length; from += OPENED_AT_ONCE) {
    const some = entries.slice(from, from + OPENED_AT_ONCE);
    opened.push(...(await Promise.all(some.map((entry) => openEntry(sealing, entry)))));
  }
  return opened;
}

async function openEntry(sealing: Sealing, entry: StoredEntry): Promise<OpenedEntry> {
  const { author, seq, key } = entry;
  const sealed = readSealed(entry.update);
  if (sealed === undefined) return { author, seq, key, update: reason("not-sealed") };
  const update = await openUpdate(sealing, entry, sealed);
  if (update !== undefined) return { author, seq, key, update };
  const refused = { author, seq, key, update: reason("not-opened") };
  return sealed.key > sealing.keys.newest ? { ...refused, newerKey: sealed.key } : refused;
}

async function openUpdate(
  sealing: Sealing,
  id: UpdateId,
  { key, sealed, modelVersion }: Sealed,
): Promise<string | undefined> {
  const context = updateContext(sealing, id, modelVersion);
  const bytes = await sealing.keys.open(context, key, sealed);
  const text = typeof bytes === "string" ? undefined : textOf(bytes);
  if (text === undefined || !isJson(text)) return undefined;
  // Who holds no key must have been told the same version.
  return modelVersionOf(text) === modelVersion ? onOneLine(text) : undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What stands in place of an update. */
interface Sealed {
  readonly key: number;
  readonly sealed: string;
  readonly modelVersion: number;
}

/** What writers write. */
const AS_WRITTEN =
  /^\{"key":([1-9]\d{0,9}),"sealed":"([\w-]*)"(?:,"model_version":([1-9]\d{0,8}))?\}$/;

/** What `{"key", "sealed"}` says; `undefined` for everything else, and where one of them stands twice. */
function readSealed(text: string): Sealed | undefined {
  const written = AS_WRITTEN.exec(text);
  if (written) return sealedOf(written[1], written[2], Number(written[3] ?? 1));
  if (!text.startsWith("{") || !isJson(text)) return undefined;
  const members = memberTexts(text);
  const one = (name: string): string | undefined => {
    const found = members.filter((member) => member.name === name);
    return found.length === 1 ? found[0]?.text : undefined;
  };
  const sealed: unknown = JSON.parse(one("sealed") ?? "null");
  if (typeof sealed !== "string" || !members.every(({ name }) => name.isWellFormed())) {
    return undefined;
  }
  return sealedOf(one("key"), sealed, modelVersionOf(text));
}

function sealedOf(key = "", sealed = "", modelVersion = 1): Sealed | undefined {
  const number = /^[1-9]\d*$/.test(key) ? Number(key) : 0;
  if (number < 1 || number >= 2 ** 32 || !sealed.isWellFormed()) return undefined;
  return { key: number, sealed, modelVersion };
}

async function sealUpdate(
  sealing: Sealing,
  { id, modelVersion }: { readonly id: UpdateId; readonly modelVersion: number },
  text: string,
): Promise<string> {
  const plain = toBytes(text);
  const bytes = Math.ceil((plain.length + SEALED_EXTRA) / 3) * 4;
  if (bytes > UPDATE_BYTES_MAX) {
    throw tooLarge("update-too-large", "update", bytes, UPDATE_BYTES_MAX);
  }
  const context = updateContext(sealing, id, modelVersion);
  const { keys, chance } = sealing;
  const sealed = await keys.seal(context, plain, chance.bytes(16));
  const version = modelVersion > 1 ? `,"model_version":${modelVersion}` : "";
  return `{"key":${keys.newest},"sealed":"${sealed}"${version}}`;
}

function stateContext(sealing: Sealing, about: string): Bytes {
  return concat(contextOf("state", sealing), toBytes(`\n${about}`));
}

function notOpened(cause?: unknown): IcecoreError {
  return new IcecoreError("corrupt", "state-not-opened", "the sealed state does not open", {
    object: "sealed",
    hint: "an older snapshot, or the segments, are used; run `icecore verify`",
    cause,
  });
}

async function openState(
  sealing: Sealing,
  { line, key, about }: { readonly line: string; readonly key: number; readonly about: string },
  bytesMax: number,
): Promise<OpenedState> {
  const sealed: unknown = isJson(line) ? JSON.parse(line) : undefined;
  if (typeof sealed !== "string" || key < 1) throw notOpened();
  const packed = await sealing.keys.open(stateContext(sealing, about), key, sealed);
  if (typeof packed === "string") throw notOpened();
  let bytes: Bytes | undefined;
  try {
    bytes = await gunzip(packed, bytesMax, platformOf(undefined));
  } catch (cause) {
    throw cause instanceof IcecoreError ? cause : notOpened(cause);
  }
  if (bytes === undefined)
    throw tooLarge("state-too-large", "sealed state", bytesMax + 1, bytesMax);
  const end = bytes.indexOf(LINE_FEED);
  const summary = end < 0 ? undefined : textOf(bytes.subarray(0, end));
  const state = textOf(bytes.subarray(end + 1));
  if (summary === undefined || state === undefined) throw notOpened();
  return { state, summary };
}

async function sealState(sealing: Sealing, content: string, about: string): Promise<string> {
  const packed = await gzip(toBytes(content), platformOf(undefined));
  const { keys, chance } = sealing;
  return `"${await keys.seal(stateContext(sealing, about), packed, chance.bytes(16))}"`;
}

async function openTransient(
  sealing: Sealing,
  author: Author,
  { kind, data }: TransientContent,
): Promise<TransientContent | undefined> {
  const { key, sealed } = isObject(data) ? data : {};
  if (kind !== "sealed" || !isVersion(key) || typeof sealed !== "string") return undefined;
  const bytes = await sealing.keys.open(transientContext(sealing, author), key, sealed);
  const text = typeof bytes === "string" ? undefined : textOf(bytes);
  if (text === undefined) return undefined;
  try {
    const said = parseJson(text);
    if (!Array.isArray(said) || said.length !== 2 || typeof said[0] !== "string") return undefined;
    return { kind: said[0], data: said[1] };
  } catch {
    return undefined;
  }
}

async function sealTransient(
  sealing: Sealing,
  author: Author,
  { kind, data }: TransientContent,
): Promise<TransientContent> {
  const { keys, chance } = sealing;
  const said = toBytes(canonical([kind, data]));
  const sealed = await keys.seal(transientContext(sealing, author), said, chance.bytes(16));
  return { kind: "sealed", data: { key: keys.newest, sealed } };
}

function transientContext(sealing: Sealing, author: Author): Bytes {
  return contextOf("transient", sealing, `,"${author}"`);
}
