import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Body, bytesOf, cases, vectors } from "../../test/vectors.ts";
import type { Epoch } from "../core/ids.ts";
import { isAuthor } from "../core/ids.ts";
import { isIcecoreError } from "../errors.ts";
import { firstHead, type Head, headIn, headOver, readHead, writeHead } from "./head.ts";
import { readJoined, writeJoined } from "./joined.ts";
import { parsePath } from "./parse-path.ts";
import * as paths from "./paths.ts";
import { readSpace } from "./space.ts";
import { readStore, writeStore } from "./store.ts";
import { checkTransient, readTransient, writeTransient } from "./transient.ts";
import { checkWritable, writeSpace } from "./write-space.ts";

interface Valid {
  readonly name: string;
  readonly body: Body;
  readonly writes: string;
}

interface Invalid {
  readonly name: string;
  readonly body: Body;
  readonly error: string;
}

/** What reading reports: its kind. Anything but an error of this package is a fault of the reader. */
function kindOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (isIcecoreError(error)) return error.kind;
    throw error;
  }
  return "none";
}

const objects: Record<string, (body: Uint8Array) => string> = {
  store: (body) => writeStore(readStore(body)),
  space: (body) => writeSpace(readSpace(body)),
  head: (body) => writeHead(readHead(body)),
  joined: (body) => writeJoined(readJoined(body)),
  transient: (body) => writeTransient(readTransient(body)),
};

for (const [name, again] of Object.entries(objects)) {
  describe(`${name}.json`, () => {
    test.each(cases<Valid>(name, "valid"))("$name", ({ body, writes }) => {
      expect(again(bytesOf(body))).toBe(writes);
      expect(again(bytesOf(writes))).toBe(writes);
    });

    test.each(cases<Invalid>(name, "invalid"))("$name", ({ body, error }) => {
      expect(kindOf(() => again(bytesOf(body)))).toBe(error);
    });

    test("what is changed or cut is read, or refused by an error that says how to react", () => {
      const bodies = cases<Valid>(name, "valid").map(({ body }) => bytesOf(body));
      const cut = fc.record({
        body: fc.constantFrom(...bodies),
        at: fc.nat(400),
        put: fc.uint8Array({ maxLength: 4 }),
        less: fc.nat(6),
      });
      fc.assert(
        fc.property(cut, ({ body, at, put, less }) => {
          const changed = [...body.slice(0, at), ...put, ...body.slice(at + less)];
          expect(["none", "corrupt", "invalid"]).toContain(
            kindOf(() => again(Uint8Array.from(changed))),
          );
        }),
      );
    });

    test("any JSON is read, or refused so", () => {
      fc.assert(
        fc.property(fc.json(), (json) => {
          expect(kindOf(() => again(bytesOf(json)))).not.toBe("internal");
        }),
      );
    });
  });
}

const SPACE =
  '{"v":1,"store":"019aa122-be00-7000-8000-000000000001","space":"notes","epoch":"0001-0000000000000000","model":{"name":"log"},"order":"timestamp","created_at":"2025-11-20T12:00:00.000Z",';

describe("space.json", () => {
  test("what a space needs to be read or written, and is not known, is named", () => {
    const needing = (needs: string) => readSpace(`${SPACE}${needs}}`);
    const caught = (run: () => unknown): unknown => {
      try {
        run();
      } catch (error) {
        return error;
      }
      return undefined;
    };
    const error = { kind: "invalid", code: "needs" };
    expect(caught(() => needing('"needs":{"read":["parts"]}'))).toMatchObject({
      ...error,
      params: { name: "parts" },
    });
    const info = needing('"needs":{"write":["signatures"]}');
    expect(caught(() => checkWritable(info))).toMatchObject({
      ...error,
      object: "spaces/notes/space.json",
      params: { name: "signatures" },
    });
    expect(caught(() => checkWritable(needing('"needs":{}')))).toBeUndefined();
  });

  test("whoever writes it again keeps what it does not know", () => {
    const text = `${SPACE}"needs":{"write":["a"],"why":1},"colour":"blue","__proto__":{"x":9007199254740993}}`;
    const info = readSpace(text);
    expect(writeSpace(info)).toBe(text);
  });

  test("that it names another space than its path is corrupt", () => {
    expect(kindOf(() => readSpace(`${SPACE}"needs":null}`, "others"))).toBe("corrupt");
  });

  test("a keyring is kept as it stands", () => {
    const text = `${SPACE}"keyring":{"version":1, "mac":"…"}}`;
    expect(readSpace(text).keyring).toBe('{"version":1, "mac":"…"}');
    expect(kindOf(() => readSpace(`${SPACE}"keyring":[]}`))).toBe("corrupt");
  });

  test("a newer format is told apart from what cannot be read, whatever is in it", () => {
    expect(kindOf(() => readSpace('{"v":2,"name":"\\ud83d","size":1e400}'))).toBe("invalid");
    expect(kindOf(() => readSpace(`${SPACE}"name":"\\ud83d"}`))).toBe("corrupt");
  });
});

describe("heads", () => {
  test.each(cases<Invalid>("head", "invalid"))("$name counts as missing", ({ body }) => {
    expect(headIn(bytesOf(body))).toBeUndefined();
  });

  const first = "0001-9f3c1e7a2b4d5c60" as Epoch;
  const second = "0002-5d0e8a417c2b9f36" as Epoch;

  test("an own hint over another one hides nothing of it", () => {
    const own: Head = { epoch: first, generation: 3, snapshot: 1, through: 50, key: 60 };
    const other: Head = { epoch: first, generation: 2, snapshot: 2, through: 70, key: 99 };
    expect(headOver(own, other)).toEqual({ ...own, snapshot: 2, through: 70, key: 71 });
    expect(headOver(own, { ...other, epoch: second })).toEqual({
      ...other,
      epoch: second,
      key: 71,
    });
    expect(headOver({ ...own, epoch: second }, other)).toEqual({ ...own, epoch: second });
    expect(headOver(own, firstHead(first))).toEqual(own);
  });
});

describe("transient events", () => {
  test.each([
    ["too large", { kind: "typing", data: "x".repeat(4096), ttlMs: 1 }],
    ["for too long", { kind: "typing", data: null, ttlMs: 300_001 }],
    ["for no time", { kind: "typing", data: null, ttlMs: 0 }],
    ["without a kind", { kind: "", data: null, ttlMs: 1 }],
  ])("%s cannot be sent", (_, event) => {
    expect(kindOf(() => checkTransient(event))).toBe("invalid");
  });

  test("one that can be sent is written and read", () => {
    const event = { kind: "typing", data: { in: "milk" }, ttlMs: 30_000 };
    checkTransient(event);
    expect(readTransient(writeTransient(event))).toEqual(event);
  });
});

interface PathCase {
  readonly path: string;
  readonly kind: string;
}

describe("paths.json", () => {
  test.each(cases<PathCase>("paths", "valid"))("$path", (valid) => {
    const { path, ...parts } = valid;
    const parsed = parsePath(path);
    expect(parsed).toEqual(parts);
    expect(parsed && built(parsed)).toBe(path);
  });

  test("what is no path is none", () => {
    for (const path of cases<string>("paths", "invalid")) {
      expect([path, parsePath(path)]).toEqual([path, undefined]);
    }
  });

  test("names of spaces and authors", () => {
    const lists = vectors("paths") as Record<string, readonly string[]>;
    const wrong = (list: string, is: (text: string) => boolean) =>
      lists[list]?.filter((text) => is(text) === list.endsWith("_invalid"));
    expect(wrong("spaces_valid", paths.isSpaceName)).toEqual([]);
    expect(wrong("spaces_invalid", paths.isSpaceName)).toEqual([]);
    expect(wrong("authors_valid", isAuthor)).toEqual([]);
    expect(wrong("authors_invalid", isAuthor)).toEqual([]);
  });

  test("names in folders go both ways", () => {
    expect(paths.keyOfName(paths.keyName(42))).toBe(42);
    expect(paths.generationOfName(paths.generationName(7))).toBe(7);
    for (const name of ["", "42", "+763640000000", "17636400000000", "１763640000000"]) {
      expect(paths.keyOfName(name)).toBeUndefined();
    }
    for (const name of ["0000000000", "1", "00000000001"]) {
      expect(paths.generationOfName(name)).toBeUndefined();
    }
  });
});

/** The path that is built from what one was parsed into. */
function built(path: NonNullable<ReturnType<typeof parsePath>>): string {
  switch (path.kind) {
    case "store":
      return paths.STORE_PATH;
    case "head":
      return paths.headPath(path.space);
    case "space":
      return paths.spacePath(path.space);
    case "joined":
      return paths.joinedPath(path.space, path.name);
    case "update":
      return paths.updatePath(path.space, path.epoch, path.key);
    case "segment":
    case "snapshot":
      return paths.layerPath(path.space, path.epoch, `${path.kind}s`, path.generation);
    case "transient":
      return `${paths.folderPath(path.space, path.epoch, "transient")}/${paths.keyName(path.key)}-${path.author}`;
    case "quarantine":
      return `${paths.folderPath(path.space, path.epoch, "quarantine")}/${path.name}`;
    case "reserved":
      return `spaces/${path.space}/${path.name}`;
  }
}
