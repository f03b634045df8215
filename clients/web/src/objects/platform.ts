/**
 * What objects need of the engine beside the language: packing, and the digest of many bytes. In every browser of today and in
 * Node, and no part of the language: declared here, once.
 *
 * @module
 */

/** A pair of streams that turns bytes into others. */
export interface Pipe {
  /** What comes out. */
  readonly readable: {
    getReader(): {
      read(): Promise<{
        readonly done: boolean;
        readonly value?: Uint8Array<ArrayBuffer> | undefined;
      }>;
      cancel(reason?: unknown): Promise<unknown>;
    };
  };
  /** What goes in. */
  readonly writable: {
    getWriter(): {
      write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
      close(): Promise<void>;
    };
  };
}

/** The part of `crypto.subtle` that objects need. */
export interface Digests {
  /** The digest of some bytes. */
  digest(algorithm: "SHA-256", bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
}

/** Packing and digests. */
export interface Platform {
  /** A pipe that unpacks gzip; `undefined` where the engine has none. */
  readonly inflate: (() => Pipe) | undefined;
  /** A pipe that packs. */
  readonly deflate: (() => Pipe) | undefined;
  /** Fast digests. Absent in insecure contexts (plain http): those in TypeScript are used then. */
  readonly digests: Digests | undefined;
}

type PipeClass = (new (format: "gzip") => Pipe) | undefined;
declare const DecompressionStream: PipeClass;
declare const CompressionStream: PipeClass;

/** That of the engine; `digests` is `crypto.subtle` where there is one. */
export function platformOf(digests: Digests | undefined): Platform {
  const Inflate = typeof DecompressionStream === "function" ? DecompressionStream : undefined;
  const Deflate = typeof CompressionStream === "function" ? CompressionStream : undefined;
  return {
    inflate: Inflate && (() => new Inflate("gzip")),
    deflate: Deflate && (() => new Deflate("gzip")),
    digests,
  };
}
