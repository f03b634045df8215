/**
 * Passphrases for encrypted spaces. An entry of its own, for Argon2id is needed for nothing else.
 *
 * ```ts
 * import { encrypt } from "icecore/seal";
 * import { passphrase } from "icecore/passphrase";
 *
 * const space = open({ gateway, space: "diary", model, token, secret: encrypt(passphrase(typed)) });
 * ```
 *
 * @module
 */

export { type Passphrase, type PassphraseOptions, passphrase } from "./seal/passphrase.ts";
