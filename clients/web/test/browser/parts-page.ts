/** A page of two files: what it needs to show its state, and what syncs. */

import { documentModel, open } from "../../src/index.ts";

const space = open({
  gateway: location.origin,
  space: "todo",
  model: documentModel,
  token: async () => "none",
});

declare global {
  var parts: {
    put(name: string): Promise<readonly [string, string]>;
    look(): { phase: string; unsent: number; code: string | null; state: string };
  };
}

globalThis.parts = {
  /** Makes an update, and says what is to be seen in the same call; then how it is once it is durable. */
  async put(name: string): Promise<readonly [string, string]> {
    const receipt = space.update({ kind: "merge", data: { [name]: true } });
    const seen = JSON.stringify(space.state);
    await receipt.durable;
    return [seen, receipt.phase];
  },
  look(): { phase: string; unsent: number; code: string | null; state: string } {
    const { phase, unsent, error } = space.status;
    return { phase, unsent, code: error?.code ?? null, state: JSON.stringify(space.state) };
  },
};

space.retain();
