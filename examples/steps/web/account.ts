/**
 * Who this browser writes as. What is kept is the `account.json` of the Rust program, so that one can go on as who the other is. It lies in
 * localStorage, for its owner's eyes: this page runs no foreign script.
 */

import { browserPlatform, createGuest, eraseSpace, linkGuest, type TokenWhy } from "icecore";

/** A space, and what opens it. */
export interface Owner {
  /** The space: of a guest it is the id too. */
  readonly space: string;
  readonly token?: string;
}

export interface Account {
  readonly who: "known";
  /** The gateway. */
  readonly store: string;
  /** The guest that this browser began as. */
  readonly guest: Owner;
  /** The user that the guest turned out to be; what is written goes there from then on. */
  readonly user?: Owner;
  /** The session that is open on this device. */
  readonly session?: string;
}

const KEY = "steps account";

export function storedAccount(): Account | undefined {
  const text = localStorage.getItem(KEY);
  return text === null ? undefined : readAccount(text);
}

export function storeAccount(account: Account | undefined): void {
  if (account === undefined) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, JSON.stringify(account));
}

/** The account of a text as it is kept, here or in the Rust program's file; `undefined` where it is none. */
export function readAccount(text: string): Account | undefined {
  try {
    const read: unknown = JSON.parse(text);
    return isAccount(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

function isAccount(value: unknown): value is Account {
  const { who, store, guest, user } = (value ?? {}) as Partial<Record<string, unknown>>;
  return (
    who === "known" &&
    typeof store === "string" &&
    isOwner(guest) &&
    (user === undefined || isOwner(user))
  );
}

function isOwner(value: unknown): value is Owner {
  return typeof (value as Partial<Owner> | null | undefined)?.space === "string";
}

/** Whose space is written to. */
export function ownerOf({ guest, user }: Account): Owner {
  return user ?? guest;
}

const gateway = () => {
  const { fetch, clock, chance } = browserPlatform();
  return { gateway: location.origin, fetch, clock, chance, allowPlainHttp: true };
};

/** A token that is refused is not asked for again: then the status says so, and what is recorded waits for a fresh one. */
export function tokenOf({ token = "" }: Owner) {
  return async (why: TokenWhy): Promise<string | null> => (why === "first" ? token : null);
}

/** Somebody without an account: the gateway makes the id, with a space and a token. */
export async function newGuest(): Promise<Account> {
  const guest = { model: { name: "steps" } };
  const { space, token } = await createGuest(gateway(), guest, AbortSignal.timeout(30_000));
  return { who: "known", store: location.origin, guest: { space, token } };
}

/** The guest's history joins the user's, now and later. Nothing is there twice, however often it is called. */
export async function joinUser({ guest }: Account, user: Owner): Promise<void> {
  const options = { ...gateway(), token: tokenOf(user) };
  const who = { user: guest.space, token: guest.token ?? "" };
  await linkGuest(options, who, user.space, AbortSignal.timeout(60_000));
}

/** Erases all that is stored of the guest and of the user. It can be repeated. */
export async function erase({ guest, user }: Account): Promise<void> {
  // The guest first: what only its space holds is forwarded to the user's, and goes with that.
  for (const owner of [guest, user]) {
    if (owner === undefined) continue;
    const options = { ...gateway(), token: tokenOf(owner) };
    await eraseSpace(options, owner.space, AbortSignal.timeout(60_000));
  }
}
