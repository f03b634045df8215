/**
 * The planner that is open.
 */

import { type DocumentState, documentModel, open, PACE, type Space } from "icecore";
import { type Undo, undoFor } from "icecore/undo";
import { type Account, GATEWAY, tokenOf } from "./account.ts";

export interface Planner {
  readonly account: Account;
  readonly space: Space<DocumentState>;
  /** Changes of tasks go through it, so that they can be taken back. */
  readonly history: Undo;
  /** Whether it was opened with a passphrase. */
  readonly isUnlocked: boolean;
}

/** Opens a planner. Encryption is loaded by who needs it, and by nobody else. */
export async function openPlanner(account: Account, passphrase?: string): Promise<Planner> {
  const secret = passphrase === undefined ? undefined : await secretOf(passphrase);
  const space = open({
    gateway: GATEWAY,
    space: account.space,
    // Copies of two people in one browser have nothing to do with each other.
    account: account.kind === "user" ? account.name : "",
    model: documentModel,
    token: (why, signal) => tokenOf(account, why, signal),
    // People who chat wait for answers: look every two seconds while they do. A look is one GET.
    pace: { ...PACE, activeMs: 2_000 },
    allowPlainHttp: true, // For trying it out in a network of one's own: the page itself came in clear then.
    ...(secret && { secret }),
  });
  return { account, space, history: undoFor(space), isUnlocked: secret !== undefined };
}

async function secretOf(text: string) {
  const [{ encrypt }, { passphrase }] = await Promise.all([
    import("icecore/seal"),
    import("icecore/passphrase"),
  ]);
  return encrypt(passphrase(text));
}
