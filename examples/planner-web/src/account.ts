/**
 * Who uses this browser: a guest, whom the gateway made, or somebody whom the app's own server knows.
 */

import { browserPlatform, createGuest, IcecoreError, linkGuest, type TokenWhy } from "icecore";
import { newId, RULES } from "./model.ts";

/** App, gateway and bucket are behind one origin: so no request needs permission first. */
export const GATEWAY: string = location.origin;

/** A guest. The token is the only key to the planner: whoever clears this browser's data loses it. */
export interface Guest {
  readonly kind: "guest";
  readonly user: string;
  readonly space: string;
  readonly token: string;
}

/** Somebody with an account. */
export interface User {
  readonly kind: "user";
  readonly name: string;
  readonly space: string;
  /** A token that was pasted, for who has no server yet; else the server is asked. */
  readonly token?: string;
}

export type Account = Guest | User;

const ACCOUNT = "planner account";

/** Who uses this browser, if anybody does. */
export function storedAccount(): Account | undefined {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(ACCOUNT) ?? "null");
    return isAccount(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

function isAccount(value: unknown): value is Account {
  if (typeof value !== "object" || value === null) return false;
  const { kind, space, user, token, name } = value as Partial<Record<string, unknown>>;
  if (typeof space !== "string") return false;
  return kind === "guest"
    ? typeof user === "string" && typeof token === "string"
    : kind === "user" && typeof name === "string";
}

export function storeAccount(account: Account | undefined): void {
  if (account === undefined) localStorage.removeItem(ACCOUNT);
  else localStorage.setItem(ACCOUNT, JSON.stringify(account));
}

/** Runs `changed` when another window of this browser signs in or out. */
export function onOtherAccount(changed: () => void): void {
  addEventListener("storage", (event) => {
    if (event.key === ACCOUNT || event.key === null) changed();
  });
}

/** The person, whatever the account: a guest who signs in stays the same person. */
export function me(): { readonly id: string; readonly name: string } {
  const id = localStorage.getItem("planner me") ?? newId();
  localStorage.setItem("planner me", id);
  return { id, name: localStorage.getItem("planner name") ?? "" };
}

export function callMe(name: string): void {
  localStorage.setItem("planner name", name);
}

/** What functions of the library need that work on no space. */
function gateway() {
  const { fetch, clock, chance } = browserPlatform();
  return { gateway: GATEWAY, fetch, clock, chance, allowPlainHttp: true };
}

/** A planner for somebody without an account. */
export async function newGuest(): Promise<Guest> {
  const model = { name: "document", settings: RULES };
  const { user, space, token } = await createGuest(
    gateway(),
    { model },
    AbortSignal.timeout(30_000),
  );
  return { kind: "guest", user, space, token };
}

/** Asks the app's own server. */
async function server(
  method: "POST" | "DELETE",
  path: string,
  body: object,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const response = await fetch(new URL(`${SERVER}/${path}`, location.href), {
    method,
    credentials: "include", // The cookie that says who is signed in, which this page cannot read.
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  }).catch((cause: unknown) => {
    throw new IcecoreError("unavailable", "no-server", "the app's server does not answer", {
      cause,
    });
  });
  const answer: unknown = await response.json().catch(() => undefined);
  const found =
    typeof answer === "object" && answer !== null ? (answer as Record<string, unknown>) : {};
  if (response.ok) return found;
  const kind = response.status === 401 ? "denied" : "unavailable";
  throw new IcecoreError(kind, "server", String(found["message"] ?? "the app's server refused"));
}

/** Signs in with a name and a password. */
export async function signIn(name: string, password: string): Promise<User> {
  const answer = await server("POST", "session", { name, password }, AbortSignal.timeout(30_000));
  return { kind: "user", name, space: String(answer["planner"]) };
}

/** Somebody with a token that `icecore token` made. */
export function withToken(space: string, token: string): User {
  return { kind: "user", name: space, space, token };
}

/** Tells the server, if it can be told: what this browser holds is gone anyway. */
export async function signOut(): Promise<void> {
  await server("DELETE", "session", {}, AbortSignal.timeout(5_000)).catch(() => undefined);
}

/**
 * Where tokens come from; the library asks when it needs one. `null` where there is no other one: then it says so in the status, and what is not sent
 * waits.
 */
export async function tokenOf(
  account: Account,
  why: TokenWhy,
  signal: AbortSignal,
): Promise<string | null> {
  if (account.token !== undefined) return why === "first" ? account.token : null;
  try {
    return String((await server("POST", "token", {}, signal))["token"]);
  } catch (error) {
    if (error instanceof IcecoreError && error.kind === "denied") return null;
    throw error;
  }
}

/** Lets all that a guest wrote join somebody's planner, now and later. Nothing is there twice, however often it is called. */
export async function joinGuest(guest: Guest, user: User): Promise<void> {
  const token = (why: TokenWhy, signal: AbortSignal) => tokenOf(user, why, signal);
  await linkGuest({ ...gateway(), token }, guest, user.space, AbortSignal.timeout(60_000));
}
