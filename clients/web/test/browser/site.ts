/** A site on the loopback: one page with one bundled script. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { build } from "esbuild";

/** What a test serves besides the page; returns whether it answered. */
export type Route = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface SiteOptions {
  /** The TypeScript file that the page runs, bundled as an app's would be. */
  readonly script: string;
  /** Asked before the page. */
  readonly route?: Route;
  /** Whether the script is minified, as it is shipped. Default: yes. */
  readonly minify?: boolean;
}

export interface Site {
  /** The address of the page: `http://127.0.0.1:PORT/`. */
  readonly url: string;
  /** The same page on another host name, so that it is another origin; not a secure context in all engines. */
  readonly port: number;
  close(): Promise<void>;
}

const PAGE =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>test</title><link rel="icon" href="data:,"><script type="module" src="/script.js"></script></html>';

/** Serves a page that runs a script. */
export async function serveSite(options: SiteOptions): Promise<Site> {
  const { script, route, minify = true } = options;
  const built = await build({
    entryPoints: [script],
    bundle: true,
    format: "esm",
    target: "es2022",
    minify,
    write: false,
  });
  const code = built.outputFiles[0]?.text ?? "";
  const server = createServer((request, response) => {
    if (route?.(request, response) === true) return;
    const isScript = request.url === "/script.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html; charset=utf-8");
    response.setHeader("cache-control", "no-store");
    response.end(isScript ? code : PAGE);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, port, close: () => ended(server) };
}

function ended(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
