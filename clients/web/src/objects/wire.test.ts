import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isIcecoreError } from "../errors.ts";
import { readNewUser, readUserLinked } from "./guests.ts";
import {
  readSentTransient,
  readSignResponse,
  readSyncResponse,
  readTransientList,
} from "./wire.ts";

const AUTHOR = "019aa122-be00-7000-8000-00000000000a";
const signed = {
  method: "PUT",
  url: "https://bucket.example/x?sig=1",
  headers: { "if-none-match": "*", ["__proto__"]: "x" },
  expires_in_ms: 30_000,
};
const version = { last_modified: 5, e_tag: '"abc"' };
const parsedSigned = {
  method: signed.method,
  url: signed.url,
  headers: signed.headers,
  expiresInMs: 30_000,
};

const SYNC = {
  now: 1_763_640_000_000,
  author: AUTHOR,
  later: { any: 1 },
  found: {
    space: { body: "{}", ...version },
    head: { body: "{}", last_modified: 5 },
    layers: {
      after: 0,
      segments: [{ generation: 1, bytes: 9, ...version, more: true }],
      snapshots: [],
    },
    updates: {
      objects: [
        { key: 7, bytes: 2, ...version, body: "{}", author: AUTHOR },
        { key: 8, bytes: 2, last_modified: 6 },
      ],
    },
    urls: [
      { request: { op: "get", path: "heads/notes" }, signed },
      { request: { op: "list", folder: "spaces/notes", after: "1", flat: false }, signed },
      { request: { op: "list", folder: "spaces/notes", flat: true }, signed },
      { request: { op: "something newer" }, signed },
    ],
  },
  slots: [[{ key: 7, ...signed }], []],
};

const fault = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (isIcecoreError(error)) return `${error.kind} ${error.code}`;
    throw error;
  }
  return "none";
};

const BAD = "corrupt bad-answer";

describe("the answer to sync", () => {
  test("is read, and what is not known is passed over", () => {
    expect(readSyncResponse(JSON.stringify(SYNC))).toEqual({
      now: SYNC.now,
      author: AUTHOR,
      found: {
        space: { body: "{}", tag: '"abc"', lastModified: 5 },
        head: { body: "{}", tag: undefined, lastModified: 5 },
        layers: {
          after: 0,
          segments: [{ generation: 1, bytes: 9, tag: '"abc"', lastModified: 5 }],
          snapshots: [],
        },
        updates: {
          after: undefined,
          objects: [
            { key: 7, bytes: 2, lastModified: 5, tag: '"abc"', body: "{}", author: AUTHOR },
            {
              key: 8,
              bytes: 2,
              lastModified: 6,
              tag: undefined,
              body: undefined,
              author: undefined,
            },
          ],
        },
        urls: [
          { request: { op: "get", path: "heads/notes" }, signed: parsedSigned },
          { request: { op: "list", folder: "spaces/notes", after: "1" }, signed: parsedSigned },
        ],
      },
      slots: [[{ key: 7, signed: parsedSigned }], []],
    });
  });

  test("may be short", () => {
    const short = { author: undefined, found: undefined, slots: [] };
    expect(readSyncResponse('{"now":1}')).toEqual({ now: 1, ...short });
    expect(readSyncResponse('{"now":1,"author":null,"found":null,"slots":null}')).toEqual({
      now: 1,
      ...short,
    });
  });

  test("is refused where any part is of another form", () => {
    for (const body of [
      "",
      "[]",
      "null",
      "{}",
      '{"now":"1"}',
      '{"now":1,"slots":[{}]}',
      '{"now":1,"found":{}}',
    ]) {
      expect([body, fault(() => readSyncResponse(body))]).toEqual([body, BAD]);
    }
    expect(fault(() => readSyncResponse(Uint8Array.from([0xff])))).toBe(BAD);
  });

  test("never tells an address", () => {
    const wrong = JSON.stringify(SYNC).replaceAll("30000", '"x"');
    expect(() => readSyncResponse(wrong)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("bucket.example") }),
    );
  });
});

/** Puts something else in the place of one value of a tree. */
function changed(tree: unknown, at: number, put: unknown): unknown {
  let left = at;
  const walk = (value: unknown): unknown => {
    left -= 1;
    if (left === -1) return put;
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, walk(of)]));
  };
  return walk(tree);
}

test("whatever stands in the place of a member, an answer is read or refused by name", () => {
  const events = [{ key: 1, author: AUTHOR, kind: "typing", data: [1], expires_at: 5 }];
  const answers: readonly (readonly [object, (body: string) => unknown])[] = [
    [SYNC, readSyncResponse],
    [{ now: 1, signed: [signed] }, readSignResponse],
    [{ now: 1, events }, readTransientList],
    [{ key: 1, expires_at: 5 }, readSentTransient],
    [{ user: "u", space: "guest-1", token: "t", expires_at: 5 }, readNewUser],
    [{ from: "a", into: "b", updates: 0, complete: true, linked_at: "" }, readUserLinked],
  ];
  for (const [answer, read] of answers)
    expect(fault(() => read(JSON.stringify(answer)))).toBe("none");
  fc.assert(
    fc.property(
      fc.constantFrom(...answers),
      fc.nat(120),
      fc.jsonValue(),
      ([answer, read], at, put) => {
        expect(["none", BAD]).toContain(
          fault(() => read(JSON.stringify(changed(answer, at, put)))),
        );
      },
    ),
    { numRuns: 2_000 },
  );
});

test("the answer to sign has as many requests as were asked for", () => {
  const body = JSON.stringify({ now: 1, signed: [signed, signed] });
  expect(readSignResponse(body, 2)).toEqual({ now: 1, signed: [parsedSigned, parsedSigned] });
  expect(fault(() => readSignResponse(body, 3))).toBe(BAD);
});

test("the data of transient events keeps its digits", () => {
  const body = `{"now":1,"events":[{"key":1,"author":"${AUTHOR}","kind":"k","data":9007199254740993,"expires_at":5}]}`;
  expect(readTransientList(body).events).toEqual([
    { key: 1, author: AUTHOR, kind: "k", data: 9007199254740993n, expiresAt: 5 },
  ]);
});

test("guests", () => {
  expect(readNewUser('{"user":"u","space":"guest-1","token":"t","expires_at":5}')).toEqual({
    user: "u",
    space: "guest-1",
    token: "t",
    expiresAt: 5,
  });
  const linked =
    '{"from":"guest-1","into":"user-ada","updates":3,"complete":false,"linked_at":"2025-11-20T12:00:00.000Z"}';
  expect(readUserLinked(linked)).toEqual({
    from: "guest-1",
    into: "user-ada",
    updates: 3,
    isComplete: false,
    linkedAt: "2025-11-20T12:00:00.000Z",
  });
  expect(fault(() => readNewUser('{"user":"u","space":"../x","token":"t","expires_at":5}'))).toBe(
    BAD,
  );
});
