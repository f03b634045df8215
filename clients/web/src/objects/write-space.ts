/**
 * Writing `space.json`.
 *
 * @module
 */

import { canonical } from "../core/json.ts";
import { FORMAT_VERSION } from "./members.ts";
import { checkNeeds, writeNeeds, writeOthers } from "./needs.ts";
import { spacePath } from "./paths.ts";
import type { OldEpoch, SpaceInfo } from "./space.ts";

/**
 * Whether this program may write to the space.
 *
 * @throws IcecoreError `invalid` with code `needs`.
 */
export function checkWritable(info: SpaceInfo): void {
  checkNeeds(info.needs.write, { what: "space", path: spacePath(info.space) });
}

/** Its body: with the members that this program does not know behind the others. */
export function writeSpace(info: SpaceInfo): string {
  const { model, linked, oldEpochs, keyring, erasedAt } = info;
  const settings = model.settings === null ? "" : `,"settings":${canonical(model.settings)}`;
  let text = `{"v":${FORMAT_VERSION},"store":"${info.store}","space":"${info.space}","epoch":"${info.epoch}"`;
  text += `,"model":{"name":${canonical(model.name)}${settings}},"order":"${info.order}"`;
  text += `,"created_at":${canonical(info.createdAt)}`;
  if (oldEpochs.length > 0) text += `,"old_epochs":[${oldEpochs.map(writeOldEpoch).join(",")}]`;
  if (linked) text += `,"linked":{"into":"${linked.into}","at":${canonical(linked.at)}}`;
  if (keyring !== undefined) text += `,"keyring":${keyring}`;
  if (erasedAt !== undefined) text += `,"erased_at":${canonical(erasedAt)}`;
  return `${text}${writeNeeds(info.needs)}${writeOthers(info.rest)}}`;
}

function writeOldEpoch({ epoch, leftAt, settledAt, generation }: OldEpoch): string {
  return `{"epoch":"${epoch}","left_at":${leftAt},"settled_at":${settledAt},"generation":${generation}}`;
}
