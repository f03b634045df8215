import { expect, test } from "vitest";
import { isIcecoreError } from "../errors.ts";
import { gatewayAddress } from "./address.ts";

test.each([
  ["https://sync.example.org", "https://sync.example.org"],
  ["https://sync.example.org/", "https://sync.example.org"],
  ["https://sync.example.org/a/", "https://sync.example.org/a"],
  ["https://sync.example.org/a/v1/", "https://sync.example.org/a"],
  ["https://sync.example.org/v1", "https://sync.example.org"],
  ["http://127.0.0.1:8333/v1", "http://127.0.0.1:8333"],
  ["http://127.0.0.1:8333", "http://127.0.0.1:8333"],
  ["http://localhost:8333/", "http://localhost:8333"],
  ["http://localhost", "http://localhost"],
  ["http://[::1]:8333", "http://[::1]:8333"],
])("%s is reached at %s", (text, address) => {
  expect(gatewayAddress(text)).toBe(address);
});

test.each([
  "http://sync.example.org",
  "http://127.0.0.1.example.org",
  "http://localhost.example.org",
  "http://10.0.0.1",
  "https://user:pw@sync.example.org",
  "http://127.0.0.1:8333@sync.example.org",
  "https://sync.example.org?x=1",
  "https://sync.example.org#x",
  "https://",
  "ftp://sync.example.org",
  "sync.example.org",
  "",
])("%s is refused", (text) => {
  let thrown: unknown;
  try {
    gatewayAddress(text);
  } catch (error) {
    thrown = error;
  }
  expect(isIcecoreError(thrown) && thrown.code).toBe("gateway-address");
});

test("plain http to another machine where it is allowed", () => {
  expect(gatewayAddress("http://10.0.0.1:8333/", true)).toBe("http://10.0.0.1:8333");
  expect(() => gatewayAddress("http://me@10.0.0.1", true)).toThrow("no address");
});
