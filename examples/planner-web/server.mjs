// The app's own server, as small as it can be: it knows who may use which planner, and hands out tokens for the gateway. It sees
// no task and no message.
//
//   node server.mjs --dir ./data --people people.json
//
// For trying things out. A real one keeps no passwords in clear (or none at all: let people sign in elsewhere), counts wrong
// tries, and is reached by https only.

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    dir: { type: "string" }, // the folder of `icecore serve --dir`
    people: { type: "string" }, // {"ada": {"password": "…", "planner": "planner-home", "rights": ["read", "write", "admin"]}}
    app: { type: "string", default: "http://127.0.0.1:8333" }, // the origin whose pages may ask
    port: { type: "string", default: "8334" },
  },
});

/** Short: whoever is taken off the list is out after that long. The page asks for another one by itself. */
const TOKEN_SECONDS = 15 * 60;
const SESSION_SECONDS = 30 * 24 * 3600;
const BODY_BYTES_MAX = 4_096;

// The gateway checks what is signed with this secret. Beside a gateway on another machine: a key pair, of which the gateway's
// settings have the public half.
const secret = Buffer.from(
  JSON.parse(readFileSync(join(options.dir, "serve.json"), "utf8")).token_secret,
  "base64",
);
const people = () => JSON.parse(readFileSync(options.people, "utf8"));
const personOf = (name) => {
  const all = people();
  return typeof name === "string" && Object.hasOwn(all, name) ? all[name] : undefined;
};

const now = () => Math.floor(Date.now() / 1000);
const base64url = (value) => Buffer.from(value).toString("base64url");
const hmac = (text) => createHmac("sha256", secret).update(text).digest();
const areEqual = (left, right) => timingSafeEqual(hmac(left), hmac(right));

/** A token that the gateway takes: a JWT, signed with HS256. */
function tokenFor(name, { planner, rights = ["read", "write"] }) {
  const claims = {
    sub: name,
    aud: "icecore",
    iat: now(),
    exp: now() + TOKEN_SECONDS,
    spaces: [planner],
    rights,
  };
  const text = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(JSON.stringify(claims))}`;
  return `${text}.${hmac(text).toString("base64url")}`;
}

/** Who is signed in: a cookie that no script of a page can read, so the page has nothing that lives long. */
function sessionFor(name) {
  const text = `${base64url(name)}.${now() + SESSION_SECONDS}`;
  return `${text}.${hmac(`session ${text}`).toString("base64url")}`;
}

function nameIn(cookies = "") {
  const [name = "", end = "", signature = ""] = (
    /(?:^|; )session=([^;]*)/.exec(cookies)?.[1] ?? ""
  ).split(".");
  const isOurs = areEqual(signature, hmac(`session ${name}.${end}`).toString("base64url"));
  return isOurs && Number(end) > now() ? Buffer.from(name, "base64url").toString() : undefined;
}

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > BODY_BYTES_MAX) throw new Error("too long");
  }
  return JSON.parse(text || "{}");
}

async function answer(request) {
  const cookie = (value, seconds) =>
    `session=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}`; // with https also: Secure
  switch (`${request.method} ${new URL(request.url, "http://localhost").pathname}`) {
    case "POST /session": {
      const { name, password } = await bodyOf(request);
      const person = personOf(name);
      if (!areEqual(String(password), person?.password ?? "") || person === undefined) {
        return { status: 401, body: { message: "name or password is wrong" } };
      }
      return {
        body: { name, planner: person.planner },
        cookie: cookie(sessionFor(name), SESSION_SECONDS),
      };
    }
    case "POST /token": {
      const name = nameIn(request.headers.cookie);
      const person = personOf(name);
      if (person === undefined) return { status: 401, body: { message: "sign in" } };
      return { body: { token: tokenFor(name, person) } };
    }
    case "DELETE /session":
      return { body: {}, cookie: cookie("", 0) };
    default:
      return { status: 404, body: { message: "no such thing" } };
  }
}

createServer(async (request, response) => {
  // Only pages of the app may ask with somebody's cookie, and read the answer.
  const isOurs = request.headers.origin === options.app;
  response.setHeader("vary", "origin");
  response.setHeader("cache-control", "no-store");
  if (isOurs) {
    response.setHeader("access-control-allow-origin", options.app);
    response.setHeader("access-control-allow-credentials", "true");
  }
  if (request.method === "OPTIONS") {
    response.setHeader("access-control-allow-methods", "POST, DELETE");
    response.setHeader("access-control-allow-headers", "content-type");
    response.writeHead(204).end();
    return;
  }
  try {
    const {
      status = 200,
      body,
      cookie,
    } = isOurs ? await answer(request) : { status: 403, body: {} };
    if (cookie) response.setHeader("set-cookie", cookie);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  } catch {
    response
      .writeHead(400, { "content-type": "application/json" })
      .end('{"message":"what was asked cannot be read"}');
  }
}).listen(Number(options.port), "127.0.0.1", function listening() {
  console.log(`tokens at http://127.0.0.1:${this.address().port}`);
});
