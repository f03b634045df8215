/**
 * Presigned requests of the bucket in memory, in the shape of S3's: they name when they were signed, for how long, and which headers are part
 * of the signature; whoever changes anything of it is refused.
 *
 * @module
 */

import { sha256Hex } from "../core/sha256.ts";
import type { SignedAnswer as Signed } from "../objects/wire.ts";

/** A request that is to be signed. */
export interface Unsigned {
  /** The method. */
  readonly method: "GET" | "HEAD" | "PUT" | "DELETE";
  /** The path in the store; empty for the bucket itself. */
  readonly path: string;
  /** The query, for listings. */
  readonly query?: Readonly<Record<string, string>>;
  /** Headers that become part of the signature. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For how long. */
  readonly expiresInMs: number;
}

/** Why a bucket refuses a presigned request. */
export type SignatureFault = "expired" | "mismatch";

const BY_CLIENT: ReadonlySet<string> = new Set(["host", "content-length"]);

/** Signs and checks; `secret` is the bucket's. */
export interface Presigner {
  /** Signs a request at `now`, to a bucket at `base`. */
  sign(request: Unsigned, base: string, now: number): Signed;
  /** Why a request is refused, if it is. */
  check(
    method: string,
    url: URL,
    headers: Readonly<Record<string, string>>,
    now: number,
  ): SignatureFault | undefined;
}

/** A presigner with a secret. */
export function presigner(secret: string): Presigner {
  const signature = (method: string, url: URL, headers: readonly string[]): string => {
    const query = [...url.searchParams].filter(([name]) => name !== "X-Amz-Signature").sort();
    return sha256Hex(JSON.stringify([secret, method, url.pathname, query, headers]));
  };
  return {
    sign(request, base, now) {
      const { method, path, query = {}, headers = {}, expiresInMs } = request;
      const url = new URL(`${base}/${path.split("/").map(encodeURIComponent).join("/")}`);
      for (const [name, value] of Object.entries(query)) {
        url.searchParams.set(name, value);
      }
      const names = Object.keys(headers).sort();
      url.searchParams.set("X-Amz-Date", String(now));
      url.searchParams.set("X-Amz-Expires", String(expiresInMs));
      url.searchParams.set("X-Amz-SignedHeaders", names.join(";"));
      const values = names.map((name) => `${name}:${headers[name]}`);
      url.searchParams.set("X-Amz-Signature", signature(method, url, values));
      return { method, url: url.href, headers, expiresInMs };
    },
    check(method, url, headers, now) {
      const query = (name: string): string => url.searchParams.get(name) ?? "";
      const names = query("X-Amz-SignedHeaders")
        .split(";")
        .filter((name) => name !== "");
      const values = names.map((name) => `${name}:${headers[name]}`);
      if (query("X-Amz-Signature") !== signature(method, url, values)) {
        return "mismatch";
      }
      return now > Number(query("X-Amz-Date")) + Number(query("X-Amz-Expires"))
        ? "expired"
        : undefined;
    },
  };
}

/** Headers that an HTTP client sets by itself, and a page cannot. */
export function isSetByClient(name: string): boolean {
  return BY_CLIENT.has(name.toLowerCase());
}
