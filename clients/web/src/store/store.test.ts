import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { describe, test } from "vitest";
import { browserPlatform } from "../platform.ts";
import { storeContract } from "./contract.ts";
import { indexedDbStores } from "./idb.ts";
import { memoryStores } from "./memory.ts";

describe("IndexedDB keeps the contract", () => {
  for (const { name, run } of storeContract) {
    test(name, () => {
      const factory = new IDBFactory();
      return run(indexedDbStores({ ...browserPlatform(), factory: () => factory }), "replica");
    });
  }
});

describe("memory keeps the contract", () => {
  for (const { name, run } of storeContract) {
    test(name, () => run(memoryStores(), "replica"));
  }
});
