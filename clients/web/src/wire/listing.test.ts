import { expect, test } from "vitest";
import { isIcecoreError } from "../errors.ts";
import { parsePage } from "./listing.ts";

const PAGE = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>demo/spaces/notes/0001/updates/</Prefix>
<IsTruncated>true</IsTruncated><Contents><Key>demo/spaces/notes/0001/updates/1763640000000</Key>
<LastModified>2025-11-20T12:00:00.000Z</LastModified><ETag>&quot;ab&quot;</ETag><Size>17</Size></Contents>
<Contents><Key>demo/spaces/notes/0001/updates/a&amp;b&#38;c</Key>
<LastModified>2025-11-20T12:00:01Z</LastModified><ETag>"cd"</ETag><Size>18</Size></Contents></ListBucketResult>`;

test("a page names objects within their folder", () => {
  const page = parsePage(PAGE, "spaces/notes/0001/updates");
  expect(page).toEqual({
    items: [
      { name: "1763640000000", bytes: 17, lastModified: 1_763_640_000_000, tag: '"ab"' },
      { name: "a&b&c", bytes: 18, lastModified: 1_763_640_001_000, tag: '"cd"' },
    ],
    more: true,
  });
});

test("whether there is more may stand at the end", () => {
  const moved = PAGE.replace("<IsTruncated>true</IsTruncated>", "").replace(
    "</ListBucketResult>",
    "<IsTruncated>true</IsTruncated></ListBucketResult>",
  );
  expect(parsePage(moved, "x").more).toBe(true);
  expect(parsePage(PAGE.replace("true", "false"), "x").more).toBe(false);
});

test("an empty folder has an empty page", () => {
  const xml =
    "<ListBucketResult><Prefix>p/</Prefix><IsTruncated>false</IsTruncated></ListBucketResult>";
  expect(parsePage(xml, "x")).toEqual({ items: [], more: false });
});

test.each([
  ["nothing", ""],
  ["a page of a hotel", "<html><body>Sign in</body></html>"],
  ["a key that lies elsewhere", PAGE.replace("<Key>demo", "<Key>other")],
  ["a size that is none", PAGE.replace("<Size>17", "<Size>many")],
  ["a time that is none", PAGE.replace("2025-11-20T12:00:01Z", "yesterday")],
  ["a listing that broke off", PAGE.slice(0, 500)],
  ["more of nothing", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"],
])("%s is no listing", (_, xml) => {
  let thrown: unknown;
  try {
    parsePage(xml, "x");
  } catch (error) {
    thrown = error;
  }
  expect(isIcecoreError(thrown) && thrown.kind).toBe("unavailable");
});
