/**
 * What a gateway answers about guests: users without an account.
 *
 * @module
 */

import { member } from "../core/json.ts";
import { readAnswer } from "./answer.ts";
import { isCount, isFlag, isInteger, isText } from "./members.ts";
import { isSpaceName } from "./paths.ts";
import { must, type Shape } from "./shape.ts";

/** A guest was made. */
export interface NewUser {
  /** Its id. */
  readonly user: string;
  /** The space of its own. */
  readonly space: string;
  /** The token by which it reads, writes and erases that space. It is shown once. */
  readonly token: string;
  /** When the token ends: milliseconds since 1970 UTC. */
  readonly expiresAt: number;
}

/** The history of a guest joins a user's. */
export interface UserLinked {
  /** The guest's space. */
  readonly from: string;
  /** The user's space. */
  readonly into: string;
  /** Updates that this call forwarded. */
  readonly updates: number;
  /** Whether all that the guest wrote so far stands in the user's space. */
  readonly isComplete: boolean;
  /** When they were first linked, RFC 3339. */
  readonly linkedAt: string;
}

const NEW_USER: Shape<NewUser> = {
  user: must(isText),
  space: must(isSpaceName),
  token: must(isText),
  expiresAt: must(isInteger),
};

const LINKED: Shape<UserLinked> = {
  from: must(isSpaceName),
  into: must(isSpaceName),
  updates: must(isCount),
  isComplete: (_, __, around) => must(isFlag)(member(around, "complete"), "complete", around),
  linkedAt: must(isText),
};

/**
 * That a guest was made.
 *
 * @throws IcecoreError `corrupt` with code `bad-answer`.
 */
export function readNewUser(body: string | Uint8Array): NewUser {
  return readAnswer(NEW_USER, body);
}

/**
 * That a guest was linked.
 *
 * @throws IcecoreError `corrupt` with code `bad-answer`.
 */
export function readUserLinked(body: string | Uint8Array): UserLinked {
  return readAnswer(LINKED, body);
}
