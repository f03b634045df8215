/**
 * Who this browser writes as: a guest, who may become a user, or be forgotten.
 */

import { field, saveFile } from "../../planner-web/src/dialogs.ts";
import { h, setText } from "../../planner-web/src/dom.ts";
import { button, complain, section, type View } from "../../web/page.ts";
import { wordsOf } from "../../web/status.ts";
import {
  type Account,
  erase,
  joinUser,
  newGuest,
  ownerOf,
  readAccount,
  storeAccount,
  storedAccount,
} from "./account.ts";
import type { Device } from "./device.ts";

/** Does something that ends with another account, or none: the page starts anew with it. */
function enter(work: () => Promise<Account | undefined>): void {
  complain("");
  work()
    .then((account) => {
      storeAccount(account);
      location.reload();
    })
    .catch((error: unknown) => complain(wordsOf(error)));
}

/** For a browser that writes as nobody yet. */
export function welcome(): HTMLElement {
  const file = field(
    "Or go on as on another device",
    { type: "file", accept: ".json,application/json" },
    "The account.json in that device’s folder, or one that this page saved.",
  );
  file.input.addEventListener("change", () =>
    enter(async () => {
      const account = readAccount((await file.input.files?.item(0)?.text()) ?? "");
      if (account === undefined) throw new Error("This is no account.json of a device.");
      // Its session is the other device's.
      const { session: _, ...rest } = account;
      return rest;
    }),
  );
  // Another window may have begun meanwhile.
  const begin = (): void => enter(async () => storedAccount() ?? newGuest());
  return section(
    "Welcome",
    h("p", {}, "Count steps and activities, with or without a network. No account is needed."),
    h("div", { class: "buttons" }, button("Begin as a guest", begin, "", "main")),
    file.row,
  );
}

/** The account, and what can become of it. */
export function whoView(device: Device): View {
  const { space } = device;
  const who = h("p", {});
  const token = renewForm(device);
  const save = (): void => saveFile("account.json", JSON.stringify(device.account, null, 2));
  const forget = (): void => {
    const text = "This erases everything that is stored, and everything on this device.";
    if (!confirm(`${text} It cannot be undone.`)) return;
    enter(async () => {
      await erase(device.account);
      await space.forget("drop");
      return undefined;
    });
  };
  const element = section(
    "Account",
    who,
    token,
    h(
      "div",
      { class: "buttons" },
      button("Save account.json", save),
      button("Erase everything", forget, "", "danger"),
    ),
    h("p", { class: "hint" }, "The file is the key to what is stored. Give it to nobody."),
    linkForm(device),
  );
  const render = (): void => {
    const { account, owner } = device;
    setText(who, `${account.user ? "A user" : "A guest"}, in ${owner}.`);
    token.hidden = space.status.error?.kind !== "denied";
  };
  return { element, render };
}

/** A session that expired goes on with a fresh token; what was recorded meanwhile waits here, and is sent with it. */
function renewForm({ account }: Device): HTMLElement {
  const token = field("Fresh token", { type: "text", required: true, autocomplete: "off" });
  const form = h(
    "form",
    { class: "row" },
    token.row,
    h("button", { type: "submit", class: "main" }, "Go on"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const fresh = { ...ownerOf(account), token: token.input.value.trim() };
    enter(async () => ({ ...account, [account.user ? "user" : "guest"]: fresh }));
  });
  return form;
}

/** The guest turned out to be a user. In this order each step can fail, and be done again. */
function linkForm(device: Device): HTMLElement {
  const space = field("Space", { type: "text", required: true, autocapitalize: "none" });
  const token = field("Token", { type: "text", required: true, autocomplete: "off" });
  const form = h(
    "form",
    {},
    h("div", { class: "two" }, space.row, token.row),
    h("button", { type: "submit" }, "Become this user"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const user = { space: space.input.value.trim(), token: token.input.value.trim() };
    enter(async () => {
      // What waits here belongs to the guest's history: it goes first.
      await device.space.sync();
      await joinUser(device.account, user);
      await device.space.forget("send");
      return { ...device.account, user };
    });
  });
  const summary = h("summary", {}, "I am a user already");
  const element = h("details", {}, summary, form);
  element.hidden = device.account.user !== undefined;
  return element;
}
