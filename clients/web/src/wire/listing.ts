/**
 * Pages of a bucket's listing (`ListObjectsV2`).
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import type { Listed } from "./remote.ts";

/** A page: names within the folder. */
export interface Page {
  /** Its objects, by name. */
  readonly items: readonly Listed[];
  /** Whether another page follows. */
  readonly more: boolean;
}

/** The first element of this name as text. No parser of the platform: a worker has none, and a bucket's listing has one form. */
function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)<`)
    .exec(xml)?.[1]
    ?.replace(/&(quot|#34|#x22);/g, '"')
    .replace(/&(amp|#38|#x26);/g, "&");
}

/**
 * Reads a page. What the bucket calls its objects ends with what the store calls them: how deep the store lies in the bucket is the
 * gateway's matter.
 *
 * @throws IcecoreError `unavailable`: this is no listing; somebody on the way may have changed it.
 */
export function parsePage(xml: string, folder: string): Page {
  const prefix = element(xml, "Prefix") ?? "";
  const items = xml
    .split("<Contents>")
    .slice(1)
    .map((part): Listed | undefined => {
      const key = element(part, "Key");
      const bytes = Number(element(part, "Size"));
      const lastModified = Date.parse(element(part, "LastModified") ?? "");
      return key?.startsWith(prefix) && bytes >= 0 && lastModified >= 0
        ? { name: key.slice(prefix.length), bytes, lastModified, tag: element(part, "ETag") }
        : undefined;
    });
  const good = items.filter((item) => item !== undefined);
  const more = xml.includes("<IsTruncated>true<");
  // More of nothing would be this page again.
  if (!xml.includes("</ListBucketResult>") || good.length < items.length || (more && !good[0])) {
    throw new IcecoreError("unavailable", "no-listing", "the listing cannot be read", {
      object: folder,
    });
  }
  return { items: good, more };
}
