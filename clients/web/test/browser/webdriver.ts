/** As much of WebDriver as tests in WebKit need. */

const PATIENCE_MS = 60_000;

export class WebDriver {
  readonly #session: string;
  readonly version: string;
  /** The window that the session began with. It stays empty and open: with the last window the session would end. */
  #base = "";

  private constructor(session: string, version: string) {
    this.#session = session;
    this.version = version;
  }

  /** A session of a driver that may still be starting. */
  static async start(driver: string): Promise<WebDriver> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        const made = (await send("POST", `${driver}/session`, { capabilities: {} })) as {
          sessionId: string;
          capabilities: { browserName: string; browserVersion: string };
        };
        const { browserName, browserVersion } = made.capabilities;
        const web = new WebDriver(
          `${driver}/session/${made.sessionId}`,
          `${browserName}/${browserVersion}`,
        );
        web.#base = (await send("GET", `${web.#session}/window`)) as string;
        await web.#post("timeouts", { script: 60_000, pageLoad: 30_000 });
        return web;
      } catch (error) {
        if (Date.now() > deadline || !(error instanceof TypeError)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async openTab(url: string): Promise<string> {
    // A window is opened from one that is open, and the current one may be closed.
    await this.#switchTo(this.#base);
    const made = (await this.#post("window/new", { type: "window" })) as { handle: string };
    const { handle } = made;
    await this.#switchTo(handle);
    await this.#post("url", { url });
    return handle;
  }

  /** Runs an expression whose value is a promise. */
  async run(handle: string, expression: string): Promise<unknown> {
    await this.#switchTo(handle);
    const script = `const done = arguments[arguments.length - 1]; (${expression}).then(done);`;
    return this.#post("execute/async", { script, args: [] });
  }

  async reload(handle: string): Promise<void> {
    await this.#switchTo(handle);
    await this.#post("refresh", {});
  }

  async closeTab(handle: string): Promise<void> {
    await this.#switchTo(handle);
    await send("DELETE", `${this.#session}/window`);
  }

  async end(): Promise<void> {
    await send("DELETE", this.#session).catch(() => undefined);
  }

  async #switchTo(handle: string): Promise<void> {
    await this.#post("window", { handle });
  }

  #post(path: string, body: unknown): Promise<unknown> {
    return send("POST", `${this.#session}/${path}`, body);
  }
}

async function send(method: string, url: string, body?: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: { "content-type": "application/json" },
    signal: AbortSignal.timeout(90_000),
  });
  const { value } = (await response.json()) as { value: unknown };
  if (!response.ok) throw new Error(`WebDriver: ${JSON.stringify(value)}`);
  return value;
}
