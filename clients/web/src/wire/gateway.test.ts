import { remoteContract } from "../../test/remote-contract.ts";
import { seededChance } from "../testing/chance.ts";
import { manualClock } from "../testing/clock.ts";
import { memoryGateway } from "../testing/gateway.ts";

remoteContract("the gateway in memory", async () => {
  const clock = manualClock();
  const chance = seededChance(7);
  const gateway = memoryGateway({ clock, chance });
  return {
    gateway: gateway.url,
    fetch: gateway.page().fetch,
    clock,
    chance,
    serverNow: () => clock.now(),
    createSpace: async (name, order) => {
      gateway.createSpace(name, { order });
    },
    token: (claims) => gateway.token(claims),
    rollUp: async (space) => {
      await gateway.rollUp(space);
    },
  };
});
