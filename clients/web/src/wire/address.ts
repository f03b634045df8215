/**
 * Where a gateway is, and what a space can be called.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import { isSpaceName } from "../objects/paths.ts";

/** Nobody's name, no query; plain `http` on this machine only. */
const SAFE =
  /^(https:\/\/[^\s?#@:/]|http:\/\/(localhost|127(\.\d+){3}|\[::1\])(?=[:/]|$))[^\s?#@]*$/;
const PLAIN = /^https?:\/\/[^\s?#@:/][^\s?#@]*$/;

/**
 * The address of a gateway, without a slash or the API's `/v1` at its end.
 *
 * @throws IcecoreError `invalid` for anything but `https`, and `http` on this machine or where it is allowed: a token must not cross a network
 * in clear.
 */
export function gatewayAddress(text: string, allowPlain = false): string {
  const address = text.replace(/\/+$/, "").replace(/\/+v1$/, "");
  if (!(allowPlain ? PLAIN : SAFE).test(address)) {
    throw new IcecoreError("invalid", "gateway-address", "this is no address of a gateway", {
      object: "gateway",
      hint: "write https://host, or http://127.0.0.1:8333 on this machine",
    });
  }
  return address;
}

/**
 * Checks the name of a space.
 *
 * @throws IcecoreError `invalid`.
 */
export function checkSpaceName(space: string): void {
  if (isSpaceName(space)) return;
  throw new IcecoreError("invalid", "space-name", "this is no name of a space", {
    object: "space",
    hint: "up to 64 of a-z, 0-9, `-`, `_` and `.`",
  });
}
