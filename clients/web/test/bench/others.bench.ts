/** This client beside others: 10,000 records of 150 B. */

import { expect, test } from "vitest";
import { buildOthers, install } from "./install.ts";
import type {} from "./page.ts";
import { median, scaled, tell, time, times } from "./report.ts";
import { inTab, type OpenTab, onStage } from "./stage.ts";

const ROUNDS = 5;
const RECORDS = scaled(10_000);
/** In each of the rounds. */
const UPDATES = scaled(200);
const MOST_MS = 5_000;
const SPACE = "beside";

declare global {
  var others: {
    names(): string[];
    fill(name: string, count: number): Promise<void>;
    start(name: string, count: number): Promise<number>;
    write(
      name: string,
      count: number,
      how: { readonly mostMs: number; readonly isStrict: boolean },
    ): Promise<number>;
  };
}

/** A client, each time in a new tab. */
interface Client {
  readonly name: string;
  /** Whether it asks for strict durability by itself. */
  readonly isStrict: boolean;
  fill(): Promise<unknown>;
  start(): Promise<number>;
  /** Milliseconds for an update. */
  write(isStrict: boolean): Promise<number>;
}

function other(open: OpenTab, name: string): Client {
  return {
    name,
    isStrict: name === "IndexedDB alone",
    fill: () => inTab(open, (tab) => tab.run((...of) => others.fill(...of), name, RECORDS)),
    start: () => inTab(open, (tab) => tab.run((...of) => others.start(...of), name, RECORDS)),
    write: (isStrict) =>
      inTab(open, (tab) => {
        const how = { mostMs: MOST_MS, isStrict };
        return tab.run((...of) => others.write(...of), name, UPDATES, how);
      }),
  };
}

function own(open: OpenTab): Client {
  return {
    name: "icecore",
    isStrict: true,
    fill: () => inTab(open, (tab) => tab.run((...of) => bench.fill(...of), SPACE, RECORDS)),
    start: async () => {
      const began = (name: string): Promise<number[]> => bench.start(name, performance.now());
      const [ms = Number.NaN] = await inTab(open, (tab) => tab.run(began, SPACE));
      return ms;
    },
    write: () =>
      inTab(open, (tab) => tab.run((...of) => bench.write(...of), SPACE, UPDATES, MOST_MS)),
  };
}

/** The median of each client, measured in turns: others may be at work beside. */
async function inTurns(
  clients: readonly Client[],
  measure: (client: Client) => Promise<number>,
): Promise<Map<string, number>> {
  const found = new Map(clients.map(({ name }): [string, number[]] => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const client of clients) found.get(client.name)?.push(await measure(client));
  }
  return new Map([...found].map(([name, list]) => [name, median(list)]));
}

async function measure(clients: readonly Client[]): Promise<void> {
  for (const client of clients) await client.fill();
  const starts = await inTurns(clients, (client) => client.start());
  const strict = await inTurns(clients, (client) => client.write(true));
  const usual = await inTurns(
    clients.filter(({ isStrict }) => !isStrict),
    (client) => client.write(false),
  );
  const [start = Number.NaN] = starts.values();
  const [put = Number.NaN] = strict.values();
  expect(put).toBeGreaterThan(0);
  const beside = (ms: number | undefined, floor: number): string =>
    ms === undefined ? "the same" : `${time(ms)}, ${times(ms, floor)}`;
  const lines = clients.map(({ name }): [string, string] => [
    name,
    `start ${beside(starts.get(name), start)}; an update, strict, ${beside(strict.get(name), put)}; ` +
      `as it comes ${beside(usual.get(name), put)}`,
  ]);
  tell(`Beside others: ${RECORDS} records, then updates one by one until durable`, lines);
}

test("others", async () => {
  install();
  await onStage(await buildOthers(), async (open) => {
    const names = await inTab(open, (tab) => tab.run(() => others.names()));
    await onStage("page.ts", (openOwn) =>
      measure([...names.map((name) => other(open, name)), own(openOwn)]),
    );
  });
});
