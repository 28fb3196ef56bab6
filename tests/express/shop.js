// The shop of examples/axum_0_8.rs on Express: the same routes, forms and page.
//
// node shop.js SESSIONS [--keys HEX,HEX] [--max-age SECONDS] [--store redis://…]
//              [--corpus DIR] [--defaults]
//
// SESSIONS is the middleware: `memory` (express-session), `redis` (express-session with
// connect-redis), `cookie` (cookie-session), or `none`. The newest key comes first. With
// `--defaults`, express-session is given a secret and nothing else. Prints its address.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { RedisStore } from "connect-redis";
import cookieSession from "cookie-session";
import express from "express";
import expressSession from "express-session";
import { createClient } from "redis";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    keys: { type: "string", default: "" },
    "max-age": { type: "string" },
    store: { type: "string" },
    corpus: { type: "string" },
    defaults: { type: "boolean", default: false },
  },
});
const [kind] = positionals;
const keys = options.keys.split(",");
const age = options["max-age"] && { maxAge: Number(options["max-age"]) * 1000 };
const inCookie = kind === "cookie";

const app = express();
if (kind !== "none") app.use(await sessions());
app.use(express.urlencoded());

/** The middleware, as its own documentation sets it up. */
async function sessions() {
  if (inCookie) return cookieSession({ keys, ...age });
  const settings = { secret: keys };
  if (age) settings.cookie = age;
  if (!options.defaults) Object.assign(settings, { resave: false, saveUninitialized: false });
  if (kind === "redis") {
    const client = createClient({ url: options.store });
    // Without a listener, a lost connection ends the process.
    client.on("error", () => {});
    await client.connect();
    settings.store = new RedisStore({ client });
  }
  return expressSession(settings);
}

app.get("/", (req, res) => {
  const user = escape(req.session.user ?? "nobody");
  const count = req.session.cart?.length ?? 0;
  res.send(`<!doctype html><meta name=viewport content='width=device-width'><title>Shop</title>
<p>User: <b>${user}</b>. Cart: <b>${count}</b>.
<form method=post action=/login><input name=user aria-label=User required><button>Log in</button></form>
<form method=post action=/add><input name=item aria-label=Item required>
<input name=count type=number value=1 min=1 max=500 aria-label=Count><button>Add</button></form>
<form method=post action=/logout><button>Log out</button></form>
<form method=post action=/everywhere><button>Log out everywhere</button></form>`);
});

/** A new session id, where there is one; what was in the cart stays. */
app.post("/login", async (req, res) => {
  const { cookie, ...before } = req.session;
  if (!inCookie) await called((done) => req.session.regenerate(done));
  Object.assign(req.session, before, { user: req.body.user });
  res.redirect(303, "/");
});

/** What a programmer writes who does not know of `regenerate`. */
app.post("/assign", (req, res) => {
  req.session.user = req.body.user;
  res.redirect(303, "/");
});

/** Makes the session that file of the corpus. */
app.post("/load", (req, res) => {
  const text = readFileSync(`${options.corpus}/${req.query.name}.json`, "utf8");
  Object.assign(req.session, JSON.parse(text));
  res.send("loaded");
});

app.post("/add", (req, res) => {
  const { item, count } = req.body;
  for (let n = 0; n < Number(count); n++) push(req.session, `${item} ${n}`);
  res.redirect(303, "/");
});

/** Changes the session once another request has read it too. */
let waiting;
app.post("/together", async (req, res) => {
  const session = req.session;
  if (waiting) {
    waiting();
    waiting = undefined;
  } else {
    await new Promise((go) => (waiting = go));
  }
  push(session, req.body.item);
  res.redirect(303, "/");
});

/** Changes one number. */
app.post("/visit", (req, res) => {
  req.session.visits = (req.session.visits ?? 0) + 1;
  res.send("ok");
});

app.post("/logout", async (req, res) => {
  await logOut(req, res);
  res.redirect(303, "/");
});

app.post("/everywhere", async (req, res) => {
  const { user } = req.session;
  if (!inCookie) {
    // Neither store can be asked for the sessions of a user: all of them are looked at.
    const store = req.sessionStore;
    const all = await called((done) => store.all(done));
    for (const [id, session] of Object.entries(all)) {
      // The store in memory names them by key, the one in Redis inside.
      if (session.user === user) await called((done) => store.destroy(session.id ?? id, done));
    }
  }
  await logOut(req, res);
  res.redirect(303, "/");
});

/** What Express does about cookies alone. */
app.get("/bare", (req, res) => {
  const tried = { session: typeof req.session, read: typeof req.cookies, signed: "can" };
  try {
    res.cookie("signed", "1", { signed: true });
  } catch {
    tried.signed = "throws";
  }
  res.cookie("plain", "1");
  res.send(tried);
});

async function logOut(req, res) {
  if (inCookie) {
    req.session = null;
  } else {
    await called((done) => req.session.destroy(done));
    res.clearCookie("connect.sid");
  }
}

function push(session, item) {
  (session.cart ??= []).push(item);
}

/** What a function gives to its callback. */
function called(start) {
  return new Promise((good, bad) => start((error, value) => (error ? bad(error) : good(value))));
}

function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

const server = app.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
