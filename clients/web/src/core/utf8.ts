/**
 * Text and bytes. The two classes are in every engine, and no part of the language: they are declared here, once.
 *
 * @module
 */

interface Encoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}
interface Decoder {
  decode(bytes: Uint8Array): string;
}
declare const TextEncoder: new () => Encoder;
declare const TextDecoder: new (
  label: "utf-8",
  options: { readonly fatal: boolean; readonly ignoreBOM: boolean },
) => Decoder;

// To make one takes longer than to encode a short text. At the first use: importing touches nothing.
let encoder: Encoder | undefined;
let decoder: Decoder | undefined;

/** The text as UTF-8. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  encoder ??= new TextEncoder();
  return encoder.encode(text);
}

/**
 * The text that bytes stand for. A byte order mark stays, so that no parser takes it.
 *
 * @throws TypeError where they are not UTF-8, and what an engine throws for a text that is too long for it.
 */
export function fromBytes(bytes: Uint8Array): string {
  decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return decoder.decode(bytes);
}

/** How many bytes a text has as UTF-8. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    // A pair of surrogates has four bytes, two for each half.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit & 0xf800) !== 0xd800 ? 2 : 1;
  }
  return bytes;
}
