/**
 * Steps in a browser: the same space as that of `steps`, the Rust program beside this folder.
 */

import { open, PACE } from "icecore";
import { byId, h } from "../../planner-web/src/dom.ts";
import { alert, showPage, startOffline } from "../../web/page.ts";
import { ownerOf, storedAccount, tokenOf } from "./account.ts";
import { Device } from "./device.ts";
import { stepsModel } from "./fitness.ts";
import { personView } from "./person.ts";
import { sessionsView } from "./sessions.ts";
import { todayView } from "./today.ts";
import { welcome, whoView } from "./who.ts";

const account = storedAccount();
if (account === undefined) {
  const header = h("header", { class: "head" }, h("h1", {}, document.title));
  byId("app").replaceChildren(header, h("main", {}, alert, welcome()));
  startOffline();
} else {
  const owner = ownerOf(account);
  const space = open({
    gateway: location.origin,
    space: owner.space,
    model: stepsModel,
    token: tokenOf(owner),
    pace: { ...PACE, activeMs: 2_000 },
    allowPlainHttp: true, // For trying it out in a network of one's own: the page itself came in clear then.
  });
  const device = new Device(space, account);
  const views = [todayView(device), sessionsView(device), personView(device), whoView(device)];
  showPage(space, views);
}
