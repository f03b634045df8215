/**
 * Where the pages of these examples have their token from: a file beside them, which does for trying things out. An app's own server would hand out
 * tokens to the people whom it knows, as that of planner-web does.
 */

import { IcecoreError, type TokenWhy } from "icecore";

/** The token in `token.txt`. Where there is none the status says so, and what is not sent waits. */
export async function tokenFile(_why: TokenWhy, signal: AbortSignal): Promise<string> {
  const answer = await fetch("token.txt", { cache: "no-store", signal });
  if (answer.ok) return (await answer.text()).trim();
  throw new IcecoreError("denied", "no-token", "there is no token.txt beside this page", {
    hint: "make one by `icecore token`, as this example's page says",
  });
}
