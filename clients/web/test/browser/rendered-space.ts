/** A space of a page that takes over what a server has rendered, and which databases the page opens. */

import { type DocumentState, documentModel, open, type Space } from "../../src/index.ts";

/** The names of the databases that the page has opened. */
export const opened: string[] = [];
const databases = IDBFactory.prototype.open;
IDBFactory.prototype.open = function (...args) {
  opened.push(args[0]);
  return databases.apply(this, args);
};

/** A handle of the space, with the tokens of the test's server. */
export function openSpace(gateway: string, name: string): Space<DocumentState> {
  return open({
    gateway,
    space: name,
    model: documentModel,
    token: async (why) => (await fetch(`/token?account=&why=${why}`)).text(),
  });
}
