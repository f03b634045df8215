/**
 * That a space takes in the history of another one.
 *
 * @module
 */

import { type Epoch, type Generation, isEpoch } from "../core/ids.ts";
import { canonical } from "../core/json.ts";
import { FORMAT_VERSION, isGeneration, isText } from "./members.ts";
import { type Others, othersIn, writeOthers } from "./needs.ts";
import { isSpaceName } from "./paths.ts";
import { must, readBody, type Shape } from "./shape.ts";

/** What lies under `joined/{from}`. */
export interface Joined {
  /** The space whose history joins. */
  readonly from: string;
  /** When they were linked, RFC 3339. */
  readonly at: string;
  /** The epoch of that space which was last forwarded from. */
  readonly epoch: Epoch;
  /** The newest segment of that epoch whose updates all stand here; 0 for none. */
  readonly forwarded: Generation;
  /** Members that this program does not know, kept when it writes the object again. */
  readonly rest: Others;
}

const JOINED: Shape<Joined> = {
  from: must(isSpaceName),
  at: must(isText),
  epoch: must(isEpoch),
  forwarded: must(isGeneration),
  rest: (_, __, around) => othersIn(around, ["from", "at", "epoch", "forwarded"]),
};

/**
 * What such an object says.
 *
 * @throws IcecoreError `corrupt` with code `malformed`, `invalid` with code `newer-format`.
 */
export function readJoined(body: string | Uint8Array): Joined {
  return readBody(JOINED, body, { what: "joined space" });
}

/** Its body. */
export function writeJoined({ from, at, epoch, forwarded, rest }: Joined): string {
  return `{"v":${FORMAT_VERSION},"from":"${from}","at":${canonical(at)},"epoch":"${epoch}","forwarded":${forwarded}${writeOthers(rest)}}`;
}
