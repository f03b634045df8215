/**
 * What a person does on this device: each a few updates, made at once and sent when that is possible.
 */

import type { Receipt, Space, UpdateInput } from "icecore";
import { type Account, ownerOf, storeAccount } from "./account.ts";
import { type Message, readMessage, type Sport } from "./event.ts";
import type { Fitness } from "./fitness.ts";

/** What this device calls itself in its sessions. */
const DEVICE = "browser";

export class Device {
  readonly space: Space<Fitness>;
  #account: Account;

  constructor(space: Space<Fitness>, account: Account) {
    this.space = space;
    this.#account = account;
  }

  get account(): Account {
    return this.#account;
  }

  get owner(): string {
    return ownerOf(this.#account).space;
  }

  /** Starts a session; one that is open ends. */
  start(device: string): Receipt {
    const session = newId();
    const start: Message = { kind: "start_session", data: { session, device } };
    const receipt = this.write([...this.#ends(), start]);
    this.#remember(session);
    return receipt;
  }

  /** Ends the session that is open. */
  end(): Receipt | undefined {
    const messages = this.#ends();
    if (messages.length === 0) return undefined;
    const receipt = this.write(messages);
    this.#remember(undefined);
    return receipt;
  }

  add(count: number): Receipt {
    return this.#inSession((session) => ({ kind: "add_steps", data: { session, count } }));
  }

  activity(sport: Sport, minutes: number): Receipt {
    const id = newId();
    return this.#inSession((session) => ({
      kind: "add_activity",
      data: { session, id, sport, minutes },
    }));
  }

  /** Makes updates; what is beyond a limit is refused before anything is stored. */
  write(messages: readonly Message[]): Receipt {
    for (const message of messages) {
      const read = readMessage(message as UpdateInput);
      if ("reason" in read) throw new Error(String(read.reason.params["message"]));
    }
    return this.space.update(messages as readonly UpdateInput[]);
  }

  /** Within the open session, or a new one. */
  #inSession(make: (session: string) => Message): Receipt {
    const { session } = this.#account;
    if (session !== undefined) return this.write([make(session)]);
    const opened = newId();
    const data = { session: opened, device: DEVICE };
    const receipt = this.write([{ kind: "start_session", data }, make(opened)]);
    // A crash before this line begins another session, and loses no step.
    this.#remember(opened);
    return receipt;
  }

  #ends(): readonly Message[] {
    const { session } = this.#account;
    return session === undefined ? [] : [{ kind: "end_session", data: { session } }];
  }

  #remember(session: string | undefined): void {
    const { session: _, ...account } = this.#account;
    this.#account = session === undefined ? account : { ...account, session };
    storeAccount(this.#account);
  }
}

function newId(): string {
  return crypto.randomUUID();
}
