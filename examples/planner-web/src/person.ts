/**
 * The person: a name, signing in and out.
 */

import { isIcecoreError } from "icecore";
import {
  callMe,
  type Guest,
  joinGuest,
  me,
  signIn,
  signOut,
  storeAccount,
  storedAccount,
  type User,
  withToken,
} from "./account.ts";
import { type App, notice, watch, wordsOf } from "./app.ts";
import { ask, dialog, field, saveFile } from "./dialogs.ts";
import { h, setText } from "./dom.ts";
import { nameMyself } from "./model.ts";
import { exportUnsent } from "./status.ts";

/** Signs in. What a guest has written so far comes along: `app` is the guest's planner, where there is one. */
export function showSignIn(app: App | undefined): void {
  const name = field("Name", {
    type: "text",
    autocomplete: "username",
    required: true,
    autocapitalize: "none",
  });
  const password = field("Password", {
    type: "password",
    autocomplete: "current-password",
    required: true,
  });
  const space = field("Planner", {
    type: "text",
    autocapitalize: "none",
    placeholder: "planner-home",
    required: true,
  });
  const token = field(
    "Token",
    { type: "text", autocomplete: "off", required: true },
    "As `icecore token` makes it: for trying things out.",
  );
  const error = h("p", { class: "error", role: "alert" });

  const run = (event: Event, account: () => Promise<User>): void => {
    event.preventDefault();
    const button = (event as SubmitEvent).submitter as HTMLButtonElement | null;
    if (button) button.disabled = true;
    setText(error, "");
    const work = async (): Promise<void> => {
      await enter(app, await account());
      location.reload();
    };
    work().catch((reason: unknown) => {
      setText(error, wordsOf(reason));
      if (button) button.disabled = false;
    });
  };
  dialog(
    "Sign in",
    app?.account.kind === "guest"
      ? h("p", {}, "What you have planned as a guest comes along.")
      : undefined,
    h(
      "form",
      {
        onsubmit: (event) =>
          run(event, () => signIn(name.input.value.trim(), password.input.value)),
      },
      name.row,
      password.row,
      error,
      h("div", { class: "buttons" }, h("button", { type: "submit", class: "main" }, "Sign in")),
    ),
    h(
      "details",
      { class: "more" },
      h("summary", {}, "I have a token"),
      h(
        "form",
        {
          onsubmit: (event) =>
            run(event, async () => withToken(space.input.value.trim(), token.input.value.trim())),
        },
        space.row,
        token.row,
        h("div", { class: "buttons" }, h("button", { type: "submit" }, "Use it")),
      ),
    ),
  );
}

/**
 * From a guest to a user. In this order each step can fail, and be done again: what the guest wrote is sent, joins the user's planner, and only then
 * does this browser forget the guest.
 */
async function enter(app: App | undefined, user: User): Promise<void> {
  const { account } = app ?? {};
  // The very same planner, after the session ended: its copy, with what waits in it, goes on.
  if (app === undefined || account?.kind !== "guest") return storeAccount(user);
  await app.space.sync();
  await joinGuest(account, user);
  await app.space.forget("send");
  storeAccount(user);
}

/** The name, and the way out. */
export function showPerson(app: App): void {
  const { account, space } = app;
  const name = field("Your name", {
    type: "text",
    maxlength: "60",
    autocomplete: "name",
    value: me().name,
  });
  const save = (event: Event): void => {
    event.preventDefault();
    const text = name.input.value.trim();
    callMe(text);
    if (text !== "") watch(space.update(nameMyself(app.me, text)));
    element.close();
  };
  const leave = (): void => {
    element.close();
    void leaveNow(app).catch((error: unknown) => notice(wordsOf(error)));
  };
  const enterNow = (): void => {
    element.close();
    showSignIn(app);
  };
  const isGuest = account.kind === "guest";
  const element = dialog(
    "You",
    h(
      "form",
      { onsubmit: save },
      name.row,
      h("div", { class: "buttons" }, h("button", { type: "submit", class: "main" }, "Save name")),
    ),
    h("hr"),
    h(
      "p",
      {},
      isGuest
        ? "You are a guest. Your planner is stored, and this browser holds the only key to it. Sign in to reach it from elsewhere and share it."
        : `You are signed in as ${account.name}, with the planner ${space.name}.`,
    ),
    h(
      "p",
      { class: "hint" },
      space.info?.keyring === undefined
        ? "This planner is not encrypted: who runs the store could read it."
        : "This planner is encrypted end to end: only who knows the passphrase can read it. What waits to be sent stands on this device in clear.",
    ),
    h(
      "div",
      { class: "buttons" },
      isGuest
        ? h("button", { type: "button", class: "main", onclick: enterNow }, "Sign in")
        : undefined,
      h(
        "button",
        { type: "button", onclick: () => void exportUnsent(app) },
        "Save unsent changes to a file",
      ),
      h("button", { type: "button", class: "danger", onclick: leave }, "Log out"),
    ),
  );
}

/** Logs out. What was not sent is never lost by accident: it is asked what to do with it. */
async function leaveNow({ account, space }: App): Promise<void> {
  if (account.kind === "guest") {
    const text =
      "This browser holds the only key to your planner. If you log out as a guest, nobody can open it again. Sign in first to keep it.";
    const sure = await ask("Log out for good?", text, [
      { value: true, label: "Log out for good", look: "danger" },
      { value: false, label: "Stay", look: "main" },
    ]);
    if (sure !== true) return;
  }
  try {
    await space.forget();
  } catch (error) {
    if (!isIcecoreError(error) || error.code !== "unsent") throw error;
    const unsent = Number(error.params["unsent"]);
    const text = `${unsent === 1 ? "One change was" : `${unsent} changes were`} not sent yet. What shall become of ${unsent === 1 ? "it" : "them"}?`;
    const choice = await ask("Not everything was sent", text, [
      { value: "send", label: "Send, then log out", look: "main" },
      { value: "export", label: "Save to a file, then log out" },
      { value: "drop", label: "Throw away", look: "danger" },
    ] as const);
    if (choice === undefined) return;
    const lines = await space.forget(choice);
    if (lines !== undefined) {
      saveFile(`${space.name}-unsent.jsonl`, lines);
      // The browser takes the file before the page goes.
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  if (account.kind === "user" && account.token === undefined) await signOut();
  storeAccount(undefined);
  location.reload();
}

/** Makes a guest of whoever comes first, unless another window just did. */
export async function becomeGuest(make: () => Promise<Guest>): Promise<void> {
  if (storedAccount() === undefined) storeAccount(await make());
}
