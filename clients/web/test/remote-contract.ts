import { setMaxListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { type Author, isAuthor } from "../src/core/ids.ts";
import { fromBytes, toBytes } from "../src/core/utf8.ts";
import { isIcecoreError } from "../src/errors.ts";
import { headIn, writeHead } from "../src/objects/head.ts";
import { writeUpdateObject } from "../src/objects/own-object.ts";
import {
  folderPath,
  generationName,
  keyName,
  spacePath,
  updatePath,
} from "../src/objects/paths.ts";
import { readSpace } from "../src/objects/space.ts";
import { readUpdateObject } from "../src/objects/update-object.ts";
import type { Chance, Clock, Fetch } from "../src/ports.ts";
import { gatewayRemote } from "../src/wire/gateway.ts";
import { createGuest, eraseSpace, linkGuest } from "../src/wire/guests.ts";
import type { Remote, Slot } from "../src/wire/remote.ts";
import type { TokenSource } from "../src/wire/token.ts";

/** What a token of the store under test allows. */
export interface Claims {
  readonly spaces: readonly string[];
  readonly rights: readonly ("read" | "write" | "admin")[];
  readonly author?: Author;
}

/** A store under test. */
export interface Rig {
  readonly gateway: string;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly chance: Chance;
  /** The servers' time, which the device's clock may not show. */
  serverNow(): number;
  createSpace(name: string, order: "timestamp" | "sequence"): Promise<void>;
  token(claims: Claims): string;
  /** All updates are rolled up; the scheduled roll-up of a real store needs its time. */
  rollUp(space: string): Promise<void>;
}

// Its own for each request in a page; here one for all, which Node would take for a leak.
const signal = new AbortController().signal;
setMaxListeners(0, signal);

/** An author of tests. */
export function author(n: number): Author {
  const text = `018bcfe5-6800-7000-8000-${String(n).padStart(12, "0")}`;
  if (!isAuthor(text)) {
    throw new TypeError(text);
  }
  return text;
}

function body(of: Author, seq: number, data: string): Uint8Array<ArrayBuffer> {
  const update = `{"at":"2025-11-20T12:00:00.000Z","kind":"merge","data":${data}}`;
  return toBytes(writeUpdateObject({ author: of, seq, updates: [update] }));
}

/** What an attempt fails with. */
export async function failure(promise: Promise<unknown>): Promise<{ kind: string; code: string }> {
  try {
    await promise;
  } catch (error) {
    if (isIcecoreError(error)) {
      // Nobody tells what was signed.
      expect(
        JSON.stringify([
          error,
          error.message,
          error.hint,
          error.object,
          error.params,
          String(error.cause),
        ]),
      ).not.toMatch(/X-Amz|Signature|Bearer|eyJ/);
      return { kind: error.kind, code: error.code };
    }
    throw error;
  }
  throw new Error("it did not fail");
}

let count = 0;

/** What every store behind a gateway does. */
export function remoteContract(name: string, open: () => Promise<Rig>): void {
  let rig: Rig | undefined;
  const remote = async (
    order: "timestamp" | "sequence" = "timestamp",
    claims: Partial<Claims> = {},
  ): Promise<Remote> => {
    rig ??= await open();
    count += 1;
    const space = `contract-${count}`;
    await rig.createSpace(space, order);
    return at(rig, space, claims);
  };
  const at = (rig_: Rig, space: string, claims: Partial<Claims> = {}): Remote => {
    const token = rig_.token({ spaces: [space], rights: ["read", "write"], ...claims });
    return withToken(rig_, space, async () => token);
  };
  const withToken = (rig_: Rig, space: string, token: TokenSource): Remote =>
    gatewayRemote({ ...rig_, space, token });
  const opened = async (): Promise<Rig> => {
    rig ??= await open();
    return rig;
  };

  const slotsAfter = async (
    to: Remote,
    of: Author,
    bodies: Uint8Array<ArrayBuffer>[],
    spare = 2,
  ): Promise<readonly (readonly Slot[])[]> => {
    const info = readSpace((await to.look(undefined, false, signal)).space.body, to.space);
    const keys = { seen: 0, reached: 0, stride: 1 };
    return to.slots({ epoch: info.epoch, author: of, keys, bodies, spare }, signal);
  };
  const first = (slots: readonly (readonly Slot[])[], at_ = 0): Slot => {
    const slot = slots[0]?.[at_];
    if (slot === undefined) {
      throw new Error("no slot");
    }
    return slot;
  };

  describe(name, () => {
    test("a look at a space with nothing in it", async () => {
      const to = await remote();
      const found = await to.look(undefined, true, signal);
      const info = readSpace(found.space.body, to.space);
      expect(info.model.name).toBe("document");
      expect(found.space.tag).not.toBe("");
      expect(found.head).toBeUndefined();
      expect(found.layers).toEqual({ after: 0, segments: [], snapshots: [] });
      expect(found.updates).toEqual({ after: undefined, objects: [] });
      expect(to.author).toBeUndefined();
      expect(Math.abs(to.now() - (await opened()).serverNow())).toBeLessThan(2_000);
    });

    test("an update is written by a slot, seen by a look, read and listed", async () => {
      const to = await remote();
      const bytes = body(author(1), 1, `{"milk":2}`);
      const slots = await slotsAfter(to, author(1), [bytes]);
      expect(slots[0]?.length).toBe(3);
      const slot = first(slots);
      expect(Math.abs(slot.key - to.now())).toBeLessThan(5_000);
      const put = await to.put(slot, bytes, signal);
      expect(put).toEqual({ outcome: "stored", tag: expect.any(String) });

      const found = await to.look(undefined, false, signal);
      const [seen] = found.updates?.objects ?? [];
      expect(seen).toMatchObject({
        key: slot.key,
        bytes: bytes.length,
        tag: put.outcome === "stored" ? put.tag : "",
        body: fromBytes(bytes),
        author: author(1),
      });
      const { epoch } = readSpace(found.space.body);
      const got = await to.get(updatePath(to.space, epoch, slot.key), signal);
      expect(got && readUpdateObject(got.bytes).seq).toBe(1);
      expect(got?.author).toBe(author(1));
      expect(got?.tag).toBe(seen?.tag);
      expect(got?.lastModified).toBe(Math.floor((seen?.lastModified ?? 0) / 1_000) * 1_000);
      const folder = folderPath(to.space, epoch, "updates");
      const item = { name: keyName(slot.key), bytes: bytes.length, tag: seen?.tag };
      expect(await to.list(folder, undefined, signal)).toMatchObject([item]);
      expect(await to.list(folder, keyName(slot.key), signal)).toEqual([]);
      expect(await to.list(folder, keyName(slot.key - 1), signal)).toMatchObject([item]);
    });

    test("what is known is listed and not sent again", async () => {
      const to = await remote();
      const bytes = body(author(1), 1, "{}");
      const slot = first(await slotsAfter(to, author(1), [bytes]));
      await to.put(slot, bytes, signal);
      const { epoch } = readSpace((await to.look(undefined, false, signal)).space.body);
      const have = { epoch, generation: 0, updatesAfter: slot.key - 1, known: [slot.key] };
      const found = await to.look(have, false, signal);
      expect(found.layers).toBeUndefined();
      expect(found.updates?.after).toBe(slot.key - 1);
      expect(found.updates?.objects).toMatchObject([{ key: slot.key, body: undefined }]);
      const after = await to.look({ ...have, updatesAfter: slot.key, known: [] }, true, signal);
      expect(after.layers).toEqual({ after: 0, segments: [], snapshots: [] });
      expect(after.updates?.objects).toEqual([]);
    });

    test("a taken key says so, and the spare slot is free", async () => {
      const to = await remote();
      const mine = body(author(1), 1, `{"who":"me"}`);
      const other = body(author(2), 1, `{"who":"you"}`);
      const slot = first(await slotsAfter(to, author(1), [mine]));
      const { epoch } = readSpace((await to.look(undefined, false, signal)).space.body);
      const theirs = await to.slots(
        { epoch, author: author(2), keys: { at: slot.key }, bodies: [other], spare: 0 },
        signal,
      );
      expect(await to.put(first(theirs), other, signal)).toMatchObject({ outcome: "stored" });
      expect(await to.put(slot, mine, signal)).toEqual({ outcome: "taken" });
      const again = await to.put(first(await slotsAfter(to, author(1), [mine]), 1), mine, signal);
      expect(again.outcome).toBe("stored");
      const occupant = await to.get(updatePath(to.space, epoch, slot.key), signal);
      expect(occupant && readUpdateObject(occupant.bytes).author).toBe(author(2));
    });

    test("a slot takes its own body only", async () => {
      const to = await remote();
      const bytes = body(author(1), 1, `{"a":1}`);
      const slot = first(await slotsAfter(to, author(1), [bytes]));
      const other = body(author(1), 1, `{"a":2}`);
      expect((await to.put(slot, other, signal)).outcome).toBe("gone");
      expect((await to.look(undefined, false, signal)).updates?.objects).toEqual([]);
    });

    test("a slot that has ended is not even tried", async () => {
      const to = await remote();
      const bytes = body(author(1), 1, "{}");
      const slot = first(await slotsAfter(to, author(1), [bytes]));
      expect(await to.put({ ...slot, until: 0 }, bytes, signal)).toEqual({ outcome: "gone" });
    });

    test("places of a sequenced space are asked for by name", async () => {
      const to = await remote("sequence");
      const { epoch } = readSpace((await to.look(undefined, false, signal)).space.body);
      const bytes = body(author(1), 1, "{}");
      const wish = { epoch, author: author(1), keys: { at: 1 }, bodies: [bytes], spare: 0 };
      const slot = first(await to.slots(wish, signal));
      expect(slot.key).toBe(1);
      expect((await to.put(slot, bytes, signal)).outcome).toBe("stored");
      const after = { epoch, generation: 0, updatesAfter: 1 };
      expect((await to.look(after, false, signal)).updates).toEqual({ after: 1, objects: [] });
    });

    test("the head is written on a condition, and known again by its tag", async () => {
      const to = await remote();
      const { epoch } = readSpace((await to.look(undefined, false, signal)).space.body);
      const hint = (key: number): string =>
        writeHead({ epoch, generation: 0, snapshot: 0, through: 0, key });
      expect(await to.head(undefined, signal)).toBeUndefined();
      const put = await to.putHead(hint(1), "absent", signal);
      const tag = put.outcome === "stored" ? put.tag : "";
      expect(tag).not.toBe("");
      expect(await to.head(tag, signal)).toBe("unchanged");
      expect(await to.putHead(hint(2), "absent", signal)).toEqual({ outcome: "taken" });
      const next = await to.putHead(hint(2), { matches: tag }, signal);
      expect(next.outcome).toBe("stored");
      expect(await to.putHead(hint(3), { matches: tag }, signal)).toEqual({ outcome: "taken" });
      const found = await to.head(tag, signal);
      expect(typeof found === "object" && headIn(found.body)?.key).toBe(2);
      expect(typeof found === "object" && next.outcome === "stored" && found.tag === next.tag).toBe(
        true,
      );
      expect((await to.putHead(hint(4), "any", signal)).outcome).toBe("stored");
      const looked = await to.look(undefined, false, signal);
      expect(await to.head(looked.head?.tag, signal)).toBe("unchanged");
      expect(await to.info(looked.space.tag, signal)).toBe("unchanged");
      expect(await to.info("another", signal)).toMatchObject({ body: looked.space.body });
    });

    test("segments and snapshots of a roll-up are found and read", async () => {
      const to = await remote();
      const bytes = body(author(1), 1, `{"milk":2}`);
      const slot = first(await slotsAfter(to, author(1), [bytes]));
      await to.put(slot, bytes, signal);
      const { epoch } = readSpace((await to.look(undefined, false, signal)).space.body);
      await to.putHead(
        writeHead({ epoch, generation: 0, snapshot: 0, through: 0, key: slot.key }),
        "any",
        signal,
      );
      await (await opened()).rollUp(to.space);
      const found = await to.look(undefined, true, signal);
      expect(found.layers?.segments.map(({ generation }) => generation)).toEqual([1]);
      expect(found.layers?.snapshots.map(({ generation }) => generation)).toEqual([1]);
      const path = `${folderPath(to.space, epoch, "segments")}/${generationName(1)}`;
      const got = await to.get(path, signal);
      // As it came: a browser has unpacked it, and so has this fetch.
      expect(fromBytes(got?.bytes ?? new Uint8Array())).toContain(`{"milk":2}`);
      const folder = folderPath(to.space, epoch, "snapshots");
      expect(await to.list(folder, undefined, signal)).toMatchObject([
        { name: generationName(1), bytes: found.layers?.snapshots[0]?.bytes },
      ]);
    });

    test("many are read at once", async () => {
      const to = await remote();
      const bodies = Array.from({ length: 12 }, (_, n) => body(author(n + 1), 1, `{"n":${n}}`));
      const { epoch } = readSpace((await to.look(undefined, false, signal)).space.body);
      const keys: number[] = [];
      for (const [n, bytes] of bodies.entries()) {
        const hints = { seen: keys.at(-1) ?? 0, reached: 0, stride: 1 };
        const wish = { epoch, author: author(n + 1), keys: hints, bodies: [bytes], spare: 0 };
        const slot = first(await to.slots(wish, signal));
        expect((await to.put(slot, bytes, signal)).outcome).toBe("stored");
        keys.push(slot.key);
      }
      const got = await Promise.all(
        keys.map((key) => to.get(updatePath(to.space, epoch, key), signal)),
      );
      expect(got.map((object) => fromBytes(object?.bytes ?? new Uint8Array()))).toEqual(
        bodies.map((bytes) => fromBytes(bytes)),
      );
    });

    test("what is not there is told, and no error", async () => {
      const to = await remote();
      const { epoch } = readSpace((await to.look(undefined, false, signal)).space.body);
      expect(await to.get(updatePath(to.space, epoch, 17), signal)).toBeUndefined();
      expect(await to.list(folderPath(to.space, epoch, "segments"), undefined, signal)).toEqual([]);
    });

    test("transient events are seen while they live", async () => {
      const to = await remote();
      expect(await to.transients(signal)).toEqual([]);
      const sent = await to.transient(
        { author: author(1), kind: "typing", data: { in: "milk", big: 2n ** 60n } },
        signal,
      );
      expect(sent.expiresAt - to.now()).toBeGreaterThan(20_000);
      expect(await to.transients(signal)).toMatchObject([
        { key: sent.key, author: author(1), kind: "typing", data: { in: "milk", big: 2n ** 60n } },
      ]);
    });

    test("a token that is bound names its author, and gets no slots for another", async () => {
      const to = await remote("timestamp", { author: author(7) });
      await to.look(undefined, false, signal);
      expect(to.author).toBe(author(7));
      const bytes = body(author(8), 1, "{}");
      expect(await failure(slotsAfter(to, author(8), [bytes]))).toEqual({
        kind: "denied",
        code: "forbidden",
      });
    });

    test("what a token does not allow is denied", async () => {
      const to = await remote("timestamp", { rights: ["read"] });
      const bytes = body(author(1), 1, "{}");
      const denied = { kind: "denied", code: "forbidden" };
      expect(await failure(slotsAfter(to, author(1), [bytes]))).toEqual(denied);
      expect(await failure(to.putHead("{}", "any", signal))).toEqual(denied);
      const elsewhere = at(await opened(), to.space, { spaces: ["another"] });
      expect(await failure(elsewhere.look(undefined, false, signal))).toEqual(denied);
    });

    test("space.json is replaced by whoever administers it, on a condition", async () => {
      const to = await remote("timestamp", { rights: ["admin"] });
      const { space } = await to.look(undefined, false, signal);
      const text = `${space.body.slice(0, -1)},"own":1}`;
      const path = spacePath(to.space);
      const done = await to.putObject(path, toBytes(text), { matches: space.tag }, signal);
      expect(done.outcome).toBe("stored");
      const again = await to.putObject(path, toBytes(text), { matches: space.tag }, signal);
      expect(again).toEqual({ outcome: "taken" });
      expect(await to.info(space.tag, signal)).toMatchObject({ body: text });
    });

    test("no token, a wrong one, a newer one", async () => {
      const { space } = await remote();
      const on = await opened();
      const good = on.token({ spaces: [space], rights: ["read"] });
      const none = withToken(on, space, async () => null);
      expect(await failure(none.look(undefined, false, signal))).toEqual({
        kind: "denied",
        code: "token-missing",
      });
      const asked: string[] = [];
      const renewed = withToken(on, space, async (why) => {
        asked.push(why);
        return why === "first" ? "wrong" : good;
      });
      expect((await renewed.look(undefined, false, signal)).head).toBeUndefined();
      expect(asked).toEqual(["first", "refused"]);
      const wrong = withToken(on, space, async () => "wrong");
      expect(await failure(wrong.look(undefined, false, signal))).toEqual({
        kind: "denied",
        code: "token-refused",
      });
    });

    test("a space that is not there", async () => {
      const on = await opened();
      const to = at(on, "nowhere");
      expect(await failure(to.look(undefined, false, signal))).toEqual({
        kind: "not_found",
        code: "no-space",
      });
    });

    test("a guest gets a space, writes, and is linked; another one is erased", async () => {
      const on = await opened();
      const guest = await createGuest(on, { model: { name: "document" } }, signal);
      const to = withToken(on, guest.space, async () => guest.token);
      const bytes = body(author(1), 1, `{"milk":3}`);
      const slot = first(await slotsAfter(to, author(1), [bytes]));
      expect((await to.put(slot, bytes, signal)).outcome).toBe("stored");
      const into = `user-${count}-${slot.key}`;
      const user = on.token({ spaces: [into], rights: ["admin"] });
      const options = { ...on, token: async () => user };
      const linked = await linkGuest(options, guest, into, signal);
      expect(linked).toMatchObject({ from: guest.space, into, updates: 1, isComplete: true });
      expect((await linkGuest(options, guest, into, signal)).updates).toBe(0);
      const joined = withToken(on, into, async () => user);
      const { updates } = await joined.look(undefined, false, signal);
      expect(
        updates?.objects.map(({ body: text }) => text && readUpdateObject(text).author),
      ).toEqual([author(1)]);

      const second = await createGuest(on, {}, signal);
      const token = async (): Promise<string> => second.token;
      await eraseSpace({ ...on, token }, second.space, signal);
      const gone = withToken(on, second.space, token);
      expect(await failure(gone.look(undefined, false, signal))).toEqual({
        kind: "not_found",
        code: "no-space",
      });
    });
  });
}
