/**
 * Where the pages of these examples have their token from: a file beside them, which does for trying things out. An app's own server would hand out
 * tokens to the people whom it knows, as that of planner-web does.
 */

import type { TokenWhy } from "icecore";

/** The token in `token.txt`; `null` where there is none: then the status says so, and what is not sent waits. */
export async function tokenFile(_why: TokenWhy, signal: AbortSignal): Promise<string | null> {
  const answer = await fetch("token.txt", { cache: "no-store", signal });
  return answer.ok ? (await answer.text()).trim() : null;
}
