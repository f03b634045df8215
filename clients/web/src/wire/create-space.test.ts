import { expect, test } from "vitest";
import { failure } from "../../test/remote-contract.ts";
import { documentModel } from "../models/document.ts";
import { logModel } from "../models/log.ts";
import { Identity } from "../seal/identity.ts";
import { encryptedSpace, keyringView } from "../seal/manage.ts";
import { encrypt } from "../seal/secret.ts";
import { seededChance } from "../testing/chance.ts";
import { manualClock } from "../testing/clock.ts";
import { memoryGateway } from "../testing/gateway.ts";
import type { Fault } from "../testing/types.ts";
import { createSpace, type SpaceToCreate } from "./create-space.ts";
import { gatewayRemote } from "./gateway.ts";

const signal = new AbortController().signal;
const DOCUMENT: SpaceToCreate = { model: documentModel };

function world() {
  const [clock, chance] = [manualClock(), seededChance(1)];
  const gateway = memoryGateway({ clock, chance: seededChance(2) });
  const page = gateway.page();
  const options = (rights: readonly ("read" | "write" | "admin")[], spaces = ["*"]) => ({
    gateway: gateway.url,
    token: async () => gateway.token({ spaces, rights }),
    fetch: page.fetch,
    clock,
    chance,
  });
  const driven = async <T>(work: Promise<T>): Promise<T> => {
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    work.then(done, done);
    for (let n = 0; n < 200 && !isDone; n += 1) await clock.advance(1_000);
    return work;
  };
  return { clock, chance, gateway, page, options, driven };
}

test("a page makes a space by an administrator's token, and others write to it", async () => {
  const { gateway, options } = world();
  const rules = [{ rule: "required", path: "/title" }];
  await createSpace(
    options(["read", "admin"]),
    "plan",
    { ...DOCUMENT, settings: { rules } },
    signal,
  );
  await createSpace(
    options(["read", "admin"], ["game"]),
    "game",
    { model: logModel, order: "sequence" },
    signal,
  );
  expect(gateway.space("plan")).toMatchObject({
    epoch: expect.stringMatching(/^0001-[0-9a-f]{16}$/),
    model: { name: "document", settings: { rules } },
    order: "timestamp",
  });
  expect(gateway.space("game")).toMatchObject({
    model: { name: "log", settings: null },
    order: "sequence",
  });
  const remote = gatewayRemote({ ...options(["read", "write"]), space: "plan" });
  const looked = await remote.look(undefined, false, signal);
  expect(looked.space.body).toContain(gateway.space("plan").epoch);
});

test("a space that is there, or was, stays as it is", async () => {
  const { gateway, options } = world();
  gateway.createSpace("plan");
  const before = gateway.space("plan");
  const taken = { kind: "conflict", code: "space-exists" };
  expect(await failure(createSpace(options(["read", "admin"]), "plan", DOCUMENT, signal))).toEqual(
    taken,
  );
  expect(gateway.space("plan")).toEqual(before);
  gateway.erase("plan");
  expect(await failure(createSpace(options(["read", "admin"]), "plan", DOCUMENT, signal))).toEqual(
    taken,
  );
});

test("who may not, makes none; nor is one made that nobody could read", async () => {
  const { gateway, options } = world();
  const makes = (space: string, wanted: SpaceToCreate, ...rights: ("read" | "write" | "admin")[]) =>
    failure(createSpace(options(rights), space, wanted, signal));
  expect(await makes("plan", DOCUMENT, "read", "write")).toMatchObject({ kind: "denied" });
  expect(await makes("No Space", DOCUMENT, "admin")).toEqual({
    kind: "invalid",
    code: "space-name",
  });
  const settings = { rules: [{ rule: "what" }] };
  expect(await makes("plan", { ...DOCUMENT, settings }, "read", "admin")).toMatchObject({
    kind: "invalid",
  });
  expect(() => gateway.space("plan")).toThrow();
});

test.each<Fault>(["answer-lost", "lost", { status: 503 }])(
  "after %j it is made once",
  async (fault) => {
    const { gateway, page, options, driven } = world();
    let puts = 0;
    page.faults = ({ method }) => {
      if (method !== "PUT") return undefined;
      puts += 1;
      return puts === 1 ? fault : undefined;
    };
    await driven(createSpace(options(["read", "admin"]), "plan", DOCUMENT, signal));
    expect(puts).toBe(2);
    expect(gateway.space("plan").model.name).toBe("document");
  },
);

test("an encrypted space is made with its keyring", async () => {
  const { gateway, chance, options } = world();
  const ada = await Identity.of(new Uint8Array(32).fill(3));
  const making = { at: "2026-11-21T12:00:00.000Z", chance };
  await createSpace(
    options(["read", "admin"]),
    "diary",
    {
      model: logModel,
      encrypt: (space) =>
        encryptedSpace(space, [{ name: "ada", publicText: ada.publicText }], making),
    },
    signal,
  );
  const shown = await keyringView(gateway.space("diary"), encrypt(ada));
  expect(shown.fingerprint).toMatch(/^\w{4}-/);
});
