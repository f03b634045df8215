/**
 * How a space is read: its model, and its keys.
 *
 * @module
 */

import { isKind } from "../errors.ts";
import type { Model } from "../models/model.ts";
import { type Content, plainContent } from "../objects/content.ts";
import type { SpaceInfo } from "../objects/space.ts";
import { anotherModel, locked } from "./closed.ts";
import type { Way } from "./reader.ts";

/** What finds the way. */
export interface Guide<S> {
  readonly model: (settings: unknown) => Model<S>;
  readonly content: ((info: SpaceInfo) => Promise<Content>) | undefined;
}

/** Of an encrypted space whose keys are not at hand: nothing is folded, and authors, seqs and keys are known all the same. */
function lockedContent(space: string): Content {
  const refuse = () => Promise.reject(locked(space));
  return {
    ...plainContent,
    sealed: true,
    blind: true,
    fits: (keyring) => keyring !== undefined,
    open: refuse,
    seal: refuse,
    openState: refuse,
    sealState: refuse,
    openTransient: async () => undefined,
    sealTransient: refuse,
  };
}

/**
 * How a space is read that this `space.json` describes. With `isOffline` a secret that does not open it makes it a locked one: it may be that of
 * a newer keyring, which the next look brings.
 *
 * @throws IcecoreError `invalid` with code `another-model`; what the secret throws.
 */
export async function wayOf<S>(
  guide: Guide<S>,
  info: SpaceInfo,
  isOffline = false,
): Promise<Way<S>> {
  const model = guide.model(info.model.settings);
  if (model.name !== info.model.name) throw anotherModel(info.space, info.model.name, model.name);
  if (info.keyring === undefined) return { info, model, content: plainContent };
  if (!guide.content) return { info, model, content: lockedContent(info.space) };
  try {
    return { info, model, content: await guide.content(info) };
  } catch (error) {
    if (!isOffline || !isKind(error, "denied")) throw error;
    return { info, model, content: lockedContent(info.space) };
  }
}
