/**
 * Guests: users without an account, and what becomes of them.
 *
 * @module
 */

import { canonical, type Json } from "../core/json.ts";
import { type NewUser, readNewUser, readUserLinked, type UserLinked } from "../objects/guests.ts";
import { type GatewayOptions, gatewayCalls } from "./calls.ts";

/** The space that a guest gets. */
export interface GuestSpace {
  /** Its model; one of those that the gateway gives to guests. */
  readonly model?: { readonly name: string; readonly settings?: Json } | undefined;
  /** What decides the order of its updates: `timestamp` without. */
  readonly order?: "timestamp" | "sequence" | undefined;
}

/**
 * Makes a guest, with a space of its own and a token for it, which is shown once. It is asked for once: one whose answer is lost is one that
 * nobody uses.
 *
 * @throws IcecoreError `denied`: the gateway takes no guests; `unavailable` with `retryAfterMs`: too many come at once.
 */
export async function createGuest(
  options: Omit<GatewayOptions, "token">,
  { model, order }: GuestSpace,
  signal: AbortSignal,
): Promise<NewUser> {
  const calls = gatewayCalls({ ...options, token: async () => null });
  const body = canonical({ ...(model && { model: { ...model } }), ...(order && { order }) });
  return calls.call("users", { body, once: true }, readNewUser, signal);
}

/**
 * Lets the history of a guest join the space of the user whose token `options` gives. It can be called again: nothing is there twice.
 *
 * @throws IcecoreError `denied`, `not_found`, `conflict`: the guest is linked to another space; `invalid`: the spaces do not fit together.
 */
export async function linkGuest(
  options: GatewayOptions,
  guest: { readonly user: string; readonly token: string },
  into: string,
  signal: AbortSignal,
): Promise<UserLinked> {
  const body = JSON.stringify({ guest_token: guest.token, into });
  const path = `users/${encodeURIComponent(guest.user)}/link`;
  return gatewayCalls(options).call(path, { body }, readUserLinked, signal);
}

/**
 * Erases a space for ever: all its objects but a tombstone. A guest may do so with its own.
 *
 * @throws IcecoreError `denied`, `not_found`.
 */
export async function eraseSpace(
  options: GatewayOptions,
  space: string,
  signal: AbortSignal,
): Promise<void> {
  const path = `spaces/${encodeURIComponent(space)}`;
  await gatewayCalls(options).call(path, { method: "DELETE" }, () => undefined, signal);
}
