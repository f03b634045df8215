/**
 * End-to-end encryption: identities, keyrings, and the option `secret` of `open()`.
 *
 * ```ts
 * import { open } from "icecore";
 * import { encrypt, readSecret } from "icecore/seal";
 *
 * const me = await readSecret(localStorage.getItem("identity") ?? "");
 * const space = open({ gateway, space: "plans", model, token, secret: encrypt(me) });
 * ```
 *
 * @module
 */

export { Identity, identity, publicText, readSecret, secretOf } from "./seal/identity.ts";
export { changeKeyring, encryptedSpace, keyringView } from "./seal/manage.ts";
export type {
  DerivesIdentity,
  HolderView,
  KeyringChange,
  KeyringView,
  KeyView,
  Making,
  NewHolder,
  OpenedKeyring,
  PassphraseCost,
  Secret,
} from "./seal/port.ts";
export { encrypt } from "./seal/secret.ts";
