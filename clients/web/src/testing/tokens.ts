/**
 * Tokens of the gateway in memory: JWTs in shape, signed with a secret that nobody else has.
 *
 * @module
 */

import { type Author, isAuthor } from "../core/ids.ts";
import { sha256Hex } from "../core/sha256.ts";
import { IcecoreError } from "../errors.ts";

/** A right in a space. */
export type Right = "read" | "write" | "admin";

/** What a token allows. */
export interface Access {
  /** Names of spaces, or their beginnings followed by `*`. */
  readonly spaces: readonly string[];
  /** What is allowed there. */
  readonly rights: readonly Right[];
  /** The only author that may write with it. */
  readonly author: Author | undefined;
  /** Whether it is a guest's. */
  readonly guest: boolean;
  /** When it ends. */
  readonly expiresAt: number;
}

function encoded(value: unknown): string {
  return btoa(JSON.stringify(value)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/** A token; `expiresAt` is cut to seconds, as in all JWTs. */
export function mint(access: Access, secret: string, id: string): string {
  const { spaces, rights, author, guest, expiresAt } = access;
  const claims = { sub: "test", aud: "icecore", jti: id, spaces, rights, author, guest };
  const exp = Math.floor(expiresAt / 1_000);
  const signed = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded({ ...claims, exp })}`;
  return `${signed}.${sha256Hex(secret + signed)}`;
}

/** What a token allows; `undefined` where it is missing, wrong or has ended. */
export function verify(token: string, secret: string, now: number): Access | undefined {
  const [head, body, signature] = token.split(".");
  const signed = `${head}.${body}`;
  if (body === undefined || signature !== sha256Hex(secret + signed)) {
    return undefined;
  }
  // It was signed here, so it has this form.
  const claims: unknown = JSON.parse(atob(body.replace(/-/g, "+").replace(/_/g, "/")));
  const claim = (name: string): unknown => Reflect.get(Object(claims), name);
  const expiresAt = Number(claim("exp")) * 1_000;
  const author = claim("author");
  const texts = (name: string): string[] => {
    const list = claim(name);
    return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
  };
  const rights = texts("rights").filter((right) => isRight(right));
  return expiresAt > now
    ? {
        spaces: texts("spaces"),
        rights,
        author: isAuthor(author) ? author : undefined,
        guest: claim("guest") === true,
        expiresAt,
      }
    : undefined;
}

function isRight(text: string): text is Right {
  return text === "read" || text === "write" || text === "admin";
}

/** Whether a token allows something in a space; in all of them where the space is `*`. */
export function may(access: Access, right: Right, space: string): boolean {
  const inSpace = access.spaces.some(
    (pattern) =>
      pattern === space || (pattern.endsWith("*") && space.startsWith(pattern.slice(0, -1))),
  );
  return inSpace && (access.rights.includes(right) || access.rights.includes("admin"));
}

/**
 * Lets through what a token allows.
 *
 * @throws IcecoreError `denied`.
 */
export function check(access: Access, right: Right, space: string): void {
  if (!may(access, right, space)) {
    throw new IcecoreError(
      "denied",
      "forbidden",
      `the token does not allow \`${right}\` in this space`,
      {
        object: space,
      },
    );
  }
}
