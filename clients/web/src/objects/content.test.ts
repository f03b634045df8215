import { expect, test } from "vitest";
import type { Author } from "../core/ids.ts";
import { plainContent } from "./content.ts";

const AUTHOR = "019aa122-be00-7000-8000-00000000000a" as Author;

test("in a space that is not encrypted everything is as it is stored", async () => {
  const entries = [{ author: AUTHOR, seq: 1, key: 2, update: "{}" }];
  expect(await plainContent.open(entries)).toEqual(entries);
  expect(await plainContent.seal({ author: AUTHOR, seq: 1 }, "{}", 1)).toBe("{}");
  expect(await plainContent.openState("{}", undefined, "", 1)).toEqual({ state: "{}" });
  const event = { kind: "typing", data: null };
  expect(await plainContent.openTransient(AUTHOR, event)).toEqual(event);
  expect(await plainContent.sealTransient(AUTHOR, event)).toEqual(event);
});

test("a state that is sealed where its space is not is corrupt: nobody without keys writes one for others", async () => {
  await expect(plainContent.openState('"x"', 1, "", 1)).rejects.toMatchObject({ kind: "corrupt" });
});

test("it does for spaces without a keyring, and for no others", () => {
  expect([plainContent.fits(undefined), plainContent.fits("{}")]).toEqual([true, false]);
});
