import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldCase, modelOf, rejectedCases } from "../../test/rejected.ts";
import { cases } from "../../test/vectors.ts";
import { documentModel } from "../models/document.ts";
import { defineModel } from "../models/reducer.ts";
import { Covered } from "./covered.ts";
import { type Entry, Folded, restoreFold } from "./fold.ts";
import { type Author, idText } from "./ids.ts";
import { canonical, type Json, parseJson } from "./json.ts";
import { sortTail } from "./order.ts";
import { appReason, impossible, reason, reject } from "./reason.ts";
import { REJECTED_LIST_MAX, readRejected, readSummary, readTouched } from "./summary.ts";
import { conflictsJson, rejectedJson, summaryJson, touchedJson } from "./summary-text.ts";
import { elementTexts, memberText } from "./text.ts";
import { writeUpdate } from "./update.ts";

const author = (n: number): Author => `019aa122-be00-7000-8000-00000000000${n}` as Author;

function entry(
  seq: number,
  kind: string,
  data: unknown,
  more: { resolves?: string; modelVersion?: number; by?: number } = {},
): Entry {
  const dataText = JSON.stringify(data);
  const { by = 1, resolves, modelVersion } = more;
  return {
    author: author(by),
    seq,
    key: 1_000 + seq,
    update: writeUpdate({ at: "2025-11-20T12:00:00.000Z", kind, dataText, resolves, modelVersion }),
  };
}

test.each(rejectedCases(false))("rejected.json: $name", (one) => {
  const { made, expected } = foldCase(one, one.update);
  expect(made).toEqual(expected);
});

interface Story {
  readonly name: string;
  readonly space: string;
  readonly updates: readonly {
    readonly key: number;
    readonly path: string;
    readonly text: string;
  }[];
  readonly rollups: readonly {
    readonly compresses?: string;
    readonly segment: readonly string[];
    readonly snapshot: readonly string[];
  }[];
  readonly tail: readonly string[];
  readonly state: string;
}

describe("history.json: what the stories come to", () => {
  interface Header {
    readonly covered: Json;
    readonly carried?: Json;
    readonly base?: { readonly rejected: Json; readonly touched?: Json; readonly count: number };
  }
  const stories = cases<Story>("history", "stories");

  test.each(stories)("$name", ({ space, rollups, updates, tail, state }) => {
    const { order, epoch } = JSON.parse(space) as {
      order: "timestamp" | "sequence";
      epoch: string;
    };
    const model = modelOf(space);
    let folded = new Folded(model);
    const covered = new Covered();
    for (const { segment, snapshot } of rollups) {
      const [head = "", ...lines] = segment.slice(0, -1);
      const header = JSON.parse(head) as Header;
      if (header.base) {
        const { count, rejected, touched } = header.base;
        const restored = restoreFold(model, {
          modelVersion: 1,
          state: lines.shift() ?? "",
          count,
          rejected: readRejected(rejected),
          touched: readTouched(touched),
          isFinal: true,
        });
        if (!restored) throw new Error("the base is not read");
        folded = restored;
      }
      const own = Covered.parse(header.covered);
      for (const line of lines) {
        const {
          author: n,
          seq,
          key,
        } = JSON.parse(line) as { author: number; seq: number; key: number };
        const by = own.authors()[n];
        if (!by) throw new Error("no such author");
        folded.fold({ author: by, seq, key, update: memberText(line, "update") ?? "" });
      }
      covered.extend(own);
      if (header.carried !== undefined) covered.extend(Covered.parse(header.carried));
      // What a snapshot says of its state, byte for byte.
      const [about = "", text] = snapshot;
      const { rejected, conflicts, touched } = folded.summary();
      expect(folded.stateText()).toBe(text);
      expect(rejectedJson(rejected)).toBe(memberText(about, "rejected"));
      expect(conflictsJson(conflicts)).toBe(memberText(about, "conflicts"));
      expect(touchedJson(touched)).toBe(memberText(about, "touched") ?? "{}");
      expect(String(folded.count)).toBe(memberText(about, "count"));
      expect(covered.toText()).toBe(memberText(about, "covered"));
    }

    const texts = new Map<string, string>();
    const visible = updates
      .filter(({ path }) => path.includes(epoch))
      .flatMap(({ key, text }) => {
        const list = memberText(text, "updates");
        const by = JSON.parse(memberText(text, "author") ?? '""') as Author;
        const seq = Number(memberText(text, "seq"));
        const all = elementTexts(list ?? "");
        if (!(all.length > 0 && seq > 0)) return [];
        for (const [n, one] of all.entries()) texts.set(idText({ author: by, seq: seq + n }), one);
        return [{ key, author: by, seq, count: all.length }];
      });
    const places = sortTail(order, visible, covered);
    expect(places.map(idText)).toEqual(tail);
    const shown = folded.fork();
    for (const place of places) shown.fold({ ...place, update: texts.get(idText(place)) ?? "" });
    expect(shown.stateText()).toBe(state);
  });
});

describe("rejected updates", () => {
  test("stay listed until another update settles them", () => {
    const folded = new Folded(documentModel());
    expect(folded.fold(entry(1, "paint", {}))).toEqual(reason("unknown-kind", { kind: "paint" }));
    expect(folded.fold(entry(2, "merge", []))).toMatchObject({ code: "data-not-an-object" });
    expect(folded.fold(entry(3, "merge", { a: 1 }, { resolves: `${author(1)}:1` }))).toBe(true);
    // One that is rejected itself settles nothing, nor does an id of another spelling.
    folded.fold(entry(4, "merge", [], { resolves: `${author(1)}:2` }));
    folded.fold(entry(5, "merge", {}, { resolves: `${author(1)}:02` }));
    expect(folded.rejected.list.map(({ id }) => id.seq)).toEqual([2, 4]);
    expect(folded.rejected.count).toBe(2);
    expect(folded.count).toBe(5);
  });

  test("are listed up to a bound, and counted beyond", () => {
    const folded = new Folded(documentModel());
    for (let seq = 1; seq <= REJECTED_LIST_MAX + 5; seq += 1) folded.fold(entry(seq, "paint", {}));
    expect(folded.rejected.count).toBe(REJECTED_LIST_MAX + 5);
    expect(folded.rejected.list).toHaveLength(REJECTED_LIST_MAX);
    expect(folded.rejected.list[0]?.id.seq).toBe(6);
    folded.fold(entry(2_000, "merge", {}, { resolves: `${author(1)}:1` }));
    expect(folded.rejected.count).toBe(REJECTED_LIST_MAX + 5);
    folded.fold(entry(2_001, "merge", {}, { resolves: `${author(1)}:6` }));
    expect(folded.rejected.count).toBe(REJECTED_LIST_MAX + 4);
  });

  test("one that was not opened is rejected as it says", () => {
    const folded = new Folded(documentModel());
    expect(
      folded.fold({ author: author(1), seq: 1, key: 5, update: reason("not-sealed") }),
    ).toEqual({ code: "not-sealed", params: {} });
    expect(rejectedJson(folded.rejected)).toBe(
      `{"count":1,"list":[{"id":{"author":"${author(1)}","seq":1},"key":5,"code":"not-sealed"}]}`,
    );
  });
});

describe("an app's model", () => {
  const counter = defineModel({
    name: "counter",
    version: 2,
    initial: { n: 0 },
    apply: (state: { n: number }, { kind, data }) => {
      if (kind === "throw") throw new Error("differs from engine to engine");
      if (kind === "deep") return deep(0);
      if (kind === "no") return reject("it is too late");
      if (kind === "never") return impossible(appReason("gone", { seat: 3 }));
      return { n: state.n + Number(data) };
      function deep(n: number): never {
        return deep(n + 1);
      }
    },
    check: ({ n }) => {
      if (n > 100) throw new Error("no");
      return n > 10
        ? [
            { rule: "z", paths: ["/n"], reason: appReason("much") },
            { rule: "a", paths: ["/n"], reason: appReason("much") },
          ]
        : [];
    },
    touches: ({ kind }) => {
      if (kind === "lost") throw new Error("no");
      return ["/n"];
    },
  });

  test("that throws leaves the state as it was, and the update rejected", () => {
    const folded = new Folded(counter);
    folded.fold(entry(1, "add", 1));
    expect(folded.fold(entry(2, "throw", 1))).toEqual(reason("panicked"));
    expect(folded.fold(entry(3, "deep", 1))).toEqual(reason("panicked"));
    expect(folded.fold(entry(4, "no", 1))).toEqual({
      code: "app",
      params: { message: "it is too late" },
    });
    expect(folded.fold(entry(5, "lost", 1))).toBe(true);
    expect(folded.stateText()).toBe('{"n":2}');
    expect([...folded.touched.values()]).toEqual([{ author: author(1), seq: 1 }]);
    expect(folded.rejected.list.map(({ reason: why }) => why.code)).toEqual([
      "panicked",
      "panicked",
      "app",
    ]);
  });

  test("finds broken rules, sorted, with the updates involved; or says that it cannot", () => {
    const folded = new Folded(counter);
    folded.fold(entry(1, "add", 20));
    expect(folded.conflicts().map(({ rule, updates }) => [rule, updates])).toEqual([
      ["a", [{ author: author(1), seq: 1 }]],
      ["z", [{ author: author(1), seq: 1 }]],
    ]);
    folded.fold(entry(2, "add", 100));
    expect(folded.conflicts()).toMatchObject([
      { rule: "check", paths: [], updates: [], reason: { code: "check-panicked" } },
    ]);
  });

  test("that calls an update impossible stops there", () => {
    const folded = new Folded(counter);
    folded.fold(entry(1, "add", 1));
    folded.ensureConsistent();
    expect(folded.fold(entry(2, "never", 1))).toMatchObject({ code: "app:gone" });
    expect(folded.fold(entry(3, "add", 1))).toBe(false);
    expect(folded.fold({ author: author(1), seq: 4, key: 1, update: reason("not-opened") })).toBe(
      false,
    );
    expect(folded.stateText()).toBe('{"n":1}');
    expect(folded.rejected.count).toBe(0);
    expect(folded.impossible?.id.seq).toBe(2);
    expect(() => folded.fork().ensureConsistent()).toThrow(
      expect.objectContaining({ kind: "corrupt", code: "inconsistent", object: `${author(1)}:2` }),
    );
  });

  test("holds at what a newer version wrote, even without parts", () => {
    for (const text of ['{"model_version":3}', entry(2, "add", 1, { modelVersion: 3 }).update]) {
      const folded = new Folded(counter);
      folded.fold(entry(1, "add", 1, { modelVersion: 2 }));
      expect(folded.fold({ ...entry(2, "add", 1), update: text })).toBe(false);
      expect(folded.fold(entry(3, "add", 1))).toBe(false);
      expect(folded.stateText()).toBe('{"n":1}');
      expect(folded.held).toEqual({ id: { author: author(1), seq: 2 }, needed: 3 });
      expect(() => folded.ensureConsistent()).toThrow(
        expect.objectContaining({ kind: "invalid", code: "newer-model" }),
      );
    }
  });
});

describe("a stored state", () => {
  const model = defineModel({
    name: "m",
    version: 3,
    initial: {} as Json,
    apply: (state) => state,
    upgrade: (from, state) => (from === 2 ? { from: state } : undefined),
  });
  const stored = {
    modelVersion: 3,
    state: '{"a":1}',
    count: 7,
    rejected: { count: 1, list: [] },
    touched: new Map(),
    isFinal: false,
  };

  test("is gone on from, upgraded, or folded anew", () => {
    expect(restoreFold(model, stored)?.stateText()).toBe('{"a":1}');
    expect(restoreFold(model, stored)?.count).toBe(7);
    // What version 2 rejected this one may apply.
    expect(restoreFold(model, { ...stored, modelVersion: 2 })).toBeUndefined();
    const rejected = { count: 0, list: [] };
    expect(restoreFold(model, { ...stored, modelVersion: 2, rejected })?.stateText()).toBe(
      '{"from":{"a":1}}',
    );
    expect(restoreFold(model, { ...stored, modelVersion: 2, isFinal: true })?.rejected.count).toBe(
      1,
    );
    expect(restoreFold(model, { ...stored, modelVersion: 1, rejected })).toBeUndefined();
    expect(() => restoreFold(model, { ...stored, modelVersion: 4 })).toThrow(
      expect.objectContaining({ code: "newer-model" }),
    );
    expect(() => restoreFold(model, { ...stored, state: "{" })).toThrow(
      expect.objectContaining({ code: "misfit" }),
    );
  });
});

describe("conflicts name the updates at, above and below a path", () => {
  test("each once, sorted", () => {
    const folded = new Folded(documentModel({ rules: [{ rule: "unique", path: "/n/*/t" }] }));
    folded.fold(entry(1, "merge", { n: { a: { t: { x: 1 } }, c: { t: 5 } } }, { by: 2 }));
    folded.fold(entry(1, "merge", { n: { b: null } }));
    folded.fold(entry(2, "merge", { n: { b: { t: { x: 1 } } } }));
    folded.fold(entry(3, "merge", { n: { b: { t: { x: 1 } } } }));
    const [conflict] = folded.conflicts();
    expect(conflict).toMatchObject({
      rule: "unique:/n/*/t",
      paths: ["/n/a/t", "/n/b/t"],
      updates: [
        { author: author(1), seq: 1 },
        { author: author(1), seq: 3 },
        { author: author(2), seq: 1 },
      ],
    });
  });

  test("among very many that were touched", () => {
    const folded = new Folded(
      documentModel({
        rules: [
          { rule: "required", path: "/n" },
          { rule: "type", path: "/n", value: "string" },
        ],
      }),
    );
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`k${n}`, n]));
    folded.fold(entry(1, "merge", { n: many }));
    const start = performance.now();
    expect(folded.conflicts()[0]?.updates).toEqual([{ author: author(1), seq: 1 }]);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

describe("what is said of a state", () => {
  const summary = `{"rejected":{"count":2,"list":[{"id":{"author":"${author(1)}","seq":2},"key":3,"code":"of-a-later-program","about":["/a",{"b":null}],"z":true}]},"conflicts":[{"id":"0123456789ab","rule":"r","paths":["/a"],"updates":[{"author":"${author(1)}","seq":1}],"code":"unique","count":2,"value":"1"}],"touched":{"/__proto__":{"author":"${author(1)}","seq":1},"/～":{"author":"${author(1)}","seq":2},"/😀":{"author":"${author(1)}","seq":3}}}`;
  test("comes back as it was written", () => {
    expect(summaryJson(readSummary(parseJson(summary)))).toBe(summary);
  });

  test("or is malformed", () => {
    for (const bad of [
      "{}",
      "[]",
      '{"count":1}',
      '{"count":-1,"list":[]}',
      '{"count":1.5,"list":[]}',
      '{"count":0,"list":[{}]}',
      `{"count":0,"list":[{"id":{"author":"x","seq":1},"key":1,"code":"a"}]}`,
      `{"count":0,"list":[{"id":{"author":"${author(1)}","seq":0},"key":1,"code":"a"}]}`,
      `{"count":0,"list":[{"id":{"author":"${author(1)}","seq":1},"key":-1,"code":"a"}]}`,
      `{"count":0,"list":[{"id":{"author":"${author(1)}","seq":1},"key":1}]}`,
    ]) {
      expect(() => readRejected(parseJson(bad)), bad).toThrow(
        expect.objectContaining({ kind: "corrupt", code: "malformed" }),
      );
    }
    for (const bad of ['{"/a":1}', "[]", '{"/a":{"author":"x","seq":1}}']) {
      expect(() => readTouched(parseJson(bad)), bad).toThrow(
        expect.objectContaining({ code: "malformed" }),
      );
    }
    expect(() =>
      readSummary(parseJson('{"rejected":{"count":0,"list":[]},"conflicts":[]}')),
    ).toThrow();
  });
});

describe("laws", () => {
  const kinds = fc.oneof(
    fc.tuple(
      fc.constant("merge"),
      fc.dictionary(
        fc.constantFrom("a", "b"),
        fc.constantFrom<unknown>(1, null, { x: 1 }, { y: [1] }, {}),
      ),
    ),
    fc.tuple(
      fc.constant("merge"),
      fc.record({ seat: fc.dictionary(fc.constantFrom("p", "q", "r"), fc.nat(2)) }),
    ),
    fc.tuple(
      fc.constant("increment"),
      fc.constantFrom<unknown>({ "/n": 1 }, { "/a/x": 1 }, { "/seat/p": 1 }),
    ),
    fc.tuple(fc.constant("append"), fc.constantFrom<unknown>({ "/l": [1] }, { "/a/y": [2] })),
    fc.tuple(fc.constant("add"), fc.constantFrom<unknown>({ "/s": [3, 1] }, { "/s": [2] })),
    fc.tuple(fc.constant("remove"), fc.constantFrom<unknown>({ "/s": [1] }, { "/l": [1] })),
    fc.tuple(fc.constant("delete"), fc.constantFrom<unknown>(["/a"], ["/a/x", "/n"], ["/seat"])),
    fc.tuple(fc.constant("note"), fc.constant<unknown>("unknown")),
  );
  const step = fc.tuple(
    kinds,
    fc.constantFrom("fold", "look", "fork"),
    fc.option(fc.nat(10), { nil: undefined }),
  );
  const model = documentModel({ rules: [{ rule: "unique", path: "/seat/*" }] });
  const written = (folded: Folded<unknown>): string =>
    `${folded.stateText()} ${summaryJson(folded.summary())}`;

  test("what was handed out never changes, and folding in place or not comes to the same", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const entries: Entry[] = [];
        const folded = new Folded(model);
        const seen: (() => void)[] = [];
        for (const [n, [[kind, data], then, settles]] of steps.entries()) {
          const resolves = settles === undefined ? {} : { resolves: `${author(1)}:${settles}` };
          const one = entry(n + 1, kind, data, resolves);
          entries.push(one);
          folded.fold(one);
          if (then === "look") {
            const { state, touched, rejected } = folded;
            const before = [canonical(state), touchedJson(touched), rejectedJson(rejected)];
            seen.push(() => {
              expect([canonical(state), touchedJson(touched), rejectedJson(rejected)]).toEqual(
                before,
              );
            });
          } else if (then === "fork") {
            const fork = folded.fork();
            const text = written(fork);
            const sibling = folded.fork();
            sibling.fold(entry(900, "merge", { a: { z: 1 }, seat: { p: 7 }, n: null }));
            sibling.fold(entry(901, "append", { "/l": [9], "/s": [9] }));
            seen.push(() => expect(written(fork)).toBe(text));
          }
        }
        for (const check of seen) check();
        // From nothing in one go, and with each state handed out.
        const [once, each] = [new Folded(model), new Folded(model)];
        for (const one of entries) {
          once.fold(one);
          each.fold(one);
          written(each);
        }
        expect(written(once)).toBe(written(folded));
        expect(written(each)).toBe(written(folded));
      }),
      { numRuns: 500 },
    );
  });

  test("a stored state goes on as if it had never been stored", () => {
    fc.assert(
      fc.property(fc.array(kinds, { maxLength: 20 }), fc.nat(20), (all, cut) => {
        const entries = all.map(([kind, data], n) => entry(n + 1, kind, data));
        const whole = new Folded(model);
        let stored = new Folded(model);
        for (const [n, one] of entries.entries()) {
          whole.fold(one);
          if (n === cut) {
            const { rejected, touched } = readSummary(parseJson(summaryJson(stored.summary())));
            const { count } = stored;
            const read = restoreFold(model, {
              modelVersion: 1,
              state: stored.stateText(),
              count,
              rejected,
              touched,
              isFinal: false,
            });
            if (!read) throw new Error("not read");
            stored = read;
          }
          stored.fold(one);
        }
        expect(written(stored)).toBe(written(whole));
        expect(stored.count).toBe(whole.count);
      }),
      { numRuns: 300 },
    );
  });

  test("whatever is folded, nothing is thrown", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc
        .string({ unit: fc.constantFrom(...'[]{}",:0-9eE.\\u d') })
        .map((data) => `{"at":"x","kind":"merge","data":${data}}`),
    );
    fc.assert(
      fc.property(fc.array(text), (all) => {
        const folded = new Folded(model);
        for (const [n, update] of all.entries())
          folded.fold({ author: author(1), seq: n + 1, key: 1, update });
        expect(parseJson(folded.stateText())).toEqual(folded.state);
      }),
      { numRuns: 500 },
    );
  });
});
