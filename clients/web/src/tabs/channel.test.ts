import { expect, test } from "vitest";
import { joinChannel, parseTabMessage, type TabMessage } from "./channel.ts";

test.each<[string, unknown]>([
  ["nothing", undefined],
  ["null", null],
  ["a text", "beat"],
  ["no version", { kind: "beat" }],
  ["another version", { version: 2, kind: "beat" }],
  ["another kind", { version: 1, kind: "shout" }],
  ["an inherited kind", Object.create({ version: 1, kind: "shout" })],
  ["no topic", { version: 1, kind: "told", value: 1 }],
  ["a topic that is none", { version: 1, kind: "told", topic: 3 }],
  ["a list", [1, "beat"]],
])("what is no message is not heard: %s", (_, message) => {
  expect(parseTabMessage(message)).toBeUndefined();
});

test("a message has what its kind has and nothing else", () => {
  expect(parseTabMessage({ version: 1, kind: "sync", topic: "x", more: 1 })).toEqual({
    kind: "sync",
  });
  expect(parseTabMessage({ version: 1, kind: "told", topic: "x", value: null, more: 1 })).toEqual({
    kind: "told",
    topic: "x",
    value: null,
  });
});

test("messages over the platform's channel, until the signal", async () => {
  const { browserPlatform } = await import("../platform.ts");
  const { channels } = browserPlatform();
  const end = new AbortController();
  const heard: TabMessage[] = [];
  const got = new Promise<void>((resolve) => {
    joinChannel(
      channels,
      "channel-test",
      (message) => {
        heard.push(message);
        resolve();
      },
      end.signal,
    );
  });
  const tell = joinChannel(channels, "channel-test", () => undefined, end.signal);
  tell({ kind: "changed" });
  await got;
  end.abort();
  tell({ kind: "changed" });
  expect(heard).toEqual([{ kind: "changed" }]);
});
