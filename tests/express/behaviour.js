// What each system does: one function per row of the table, and what it saw in words.
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { inflateRawSync } from "node:zlib";

import { Browser, KEPT, parse } from "./client.js";
import { bare, start } from "./servers.js";

const KEY = "8d4f0f6c2f6b7c1f5c3a1be0d7a9465296c0e3b817f24d5a60bc91e8a7d3f215";
const NEXT_KEY = "17c3a95e4b80d26f39e1f7058adb64c2905e2d7ab6134f98c0d1e76f8a25b349";
const AGE = 6;

export function corpus(name) {
  return JSON.parse(readFileSync(new URL(`../corpus/${name}.json`, import.meta.url), "utf8"));
}

/** A small session, and one that fits no cookie. */
const SMALL = "login";
const LARGE = "cart400";

/** The rows, in their order. Each is given a running server of the system; `own` starts more. */
export const rows = [
  row("readable", "a text of the session searched in the cookie, as it is and decoded", async (lab, size) => {
    const browser = await lab.visitor(size);
    return shows(browser, corpus(size).csrf_token) ? "readable by the client" : "not readable";
  }),
  row("tamper", "each character of the cookie altered, one at a time, and presented", async (lab, size) => {
    const browser = await lab.visitor(size);
    const altered = [];
    for (const [name, value] of browser.cookies) {
      for (let at = 0; at < value.length; at++) {
        const other = browser.copy();
        other.agent = browser.agent;
        other.cookies.set(name, value.slice(0, at) + (value[at] === "A" ? "B" : "A") + value.slice(at + 1));
        altered.push(other);
      }
    }
    const answers = await Promise.all(altered.map((other) => other.get()));
    const accepted = answers.filter(({ cart }) => cart > 0).length;
    return accepted === 0 ? "detected, every one" : `${accepted} accepted`;
  }),
  together("restart", "the server killed and started again with the same keys; the cookie presented", async (lab, sizes) =>
    (await restarted(lab, sizes)).kept),
  row("logout", "a copy of the cookie presented after the logout", async (lab, size) => {
    const browser = await lab.visitor(size);
    const copy = browser.copy();
    await browser.post("/logout");
    return accepted(await copy.get());
  }),
  together("logout-restart", "the same, and the server killed and started again in between", async (lab, sizes) =>
    (await restarted(lab, sizes)).loggedOut),
  row("everywhere", "two browsers of one user; one logs out everywhere; the other's next request", async (lab, size) => {
    const [one, other] = [await lab.visitor(size), await lab.visitor(size)];
    for (const browser of [one, other]) await browser.post("/login", { user: `user of ${size}` });
    await one.post("/everywhere");
    return (await other.get()).user === "nobody" ? "logged out" : "still logged in";
  }),
  row("size-limit", "a session of one article made one of 5 and of 49 KB of JSON; a browser keeps 4096 bytes of name and value", async (lab) =>
    overLimit(lab), { once: true }),
  together("expiration", `a copy of the cookie presented after the maximal age (${AGE} s)`, async (lab, sizes) => {
    const server = await lab.own(["--max-age", String(AGE)]);
    const copies = [];
    for (const size of sizes) copies.push((await lab.visitor(size, server)).copy());
    await pause(AGE * 1000 + 1_500);
    return each(copies, async (copy) => accepted(await copy.get()));
  }),
  row("lost-updates", "two requests read the session, then each adds an article", async (lab, size) => {
    const browser = await lab.visitor(size);
    const before = (await browser.get()).cart;
    const both = ["cup", "pot"].map((item) => browser.post("/together", { item }));
    const statuses = (await Promise.all(both)).map((answer) => answer.status).sort();
    const added = (await browser.get()).cart - before;
    if (added === 2) return "both kept";
    return `answered ${statuses.join(" and ")}, ${added} of 2 kept`;
  }),
  row("old-state", "an article added, and the cookie from before presented", async (lab, size) => {
    const browser = await lab.visitor(size);
    const old = browser.copy();
    const added = (await add(browser)).cart;
    return (await old.get()).cart < added ? "the old session is back" : "the present session";
  }),
  row("login", "a cookie from before the login presented after it, with the library's call for logins", async (lab, size) =>
    afterLogin(lab, size, "/login")),
  row("login-assigned", "the same, where the user is only written into the session", async (lab, size) =>
    afterLogin(lab, size, "/assign")),
  together("read-only", "`Set-Cookie` in answers to requests that only read: without a session, and with one", async (lab, sizes) => {
    const texts = await each(sizes, (size) => reads(lab, size, lab.server));
    if (!lab.system.name.startsWith("express-session")) return texts;
    const plain = await lab.own(["--defaults"]);
    const defaults = await each(sizes, (size) => reads(lab, size, plain));
    return texts.map((text, n) => `${text}; with its default settings: ${defaults[n]}`);
  }),
  together("key-rotation", "a second key added and the server started again; a visit; the first key taken away", async (lab, sizes) => {
    const visitors = await each(sizes, (size) => lab.visitor(size));
    const visit = async (keys) => {
      const server = await lab.own([], keys);
      return each(visitors, async (browser) => {
        browser.server = server;
        return kept(await browser.get());
      });
    };
    const added = await visit([NEXT_KEY, KEY]);
    const taken = await visit([NEXT_KEY]);
    return added.map((text, n) => `added: ${text}; taken away: ${taken[n]}`);
  }),
  row("at-rest", "the same text searched in all that the store's server holds", async (lab, size) => {
    if (lab.system.store !== "redis") return "no server holds it";
    await lab.redis.clear();
    await lab.visitor(size);
    const found = (await lab.redis.contents()).includes(corpus(size).csrf_token);
    return found ? "readable" : "not readable";
  }),
];

/** The last row, as it takes the store away. */
export const storeDown = row(
  "store-down",
  "Redis killed; the page asked for at once and 17 s later, waiting 5 s; Redis started again with its data",
  () => {
    throw new Error("run for all systems at once");
  },
);

export async function runStoreDown(labs) {
  const visitors = [];
  for (const lab of labs.filter((lab) => lab.system.store === "redis")) {
    for (const size of [SMALL, LARGE]) visitors.push({ lab, size, browser: await lab.visitor(size) });
  }
  // So that nothing is older than this moment.
  for (const { browser } of visitors) await browser.get();
  const all = (ask) => Promise.all(visitors.map(({ browser }) => ask(browser)));
  const asked = async (browser) => {
    const answer = await browser.copy().get("/", { timeout: 5_000 }).catch(() => undefined);
    // Which of the two, and when, is a matter of the client's timers.
    if (!answer || answer.status === 500) return "no answer or 500";
    return answer.status === 200 ? (answer.cart > 0 ? "200" : "200, logged out") : String(answer.status);
  };
  await labs[0].redis.kill();
  const atOnce = await all(asked);
  await pause(17_000);
  const later = await all(asked);
  if (!(await labs[0].redis.launch())) throw new Error("Redis does not start again");
  const again = await all(async (browser) => {
    const end = Date.now() + 15_000;
    while (Date.now() < end) {
      if ((await asked(browser)) === "200") return "works again";
      await pause(200);
    }
    return "does not work again within 15 s";
  });
  const text = (n) => `at once: ${atOnce[n]}; later: ${later[n]}; Redis back: ${again[n]}`;
  const results = {};
  for (const { system } of labs) {
    const own = visitors.map(({ lab, size }, n) => [size, text(n), lab]).filter(([, , lab]) => lab.system === system);
    results[system.name] = own.length ? joined(own) : "no server to lose";
  }
  return results;
}

/** A row: what is run for each size of session, or once. */
function row(id, what, run, { once = false } = {}) {
  if (once) return { id, what, run };
  return together(id, what, (lab, sizes) => each(sizes, (size) => run(lab, size)));
}

/** A row that is run for all sizes at once and gives what it saw of each. */
function together(id, what, run) {
  return {
    id,
    what,
    async run(lab) {
      // No browser keeps the large one in a cookie, as the row about sizes shows.
      const sizes = lab.system.store === "none" ? [SMALL] : [SMALL, LARGE];
      const texts = await run(lab, sizes);
      return joined(sizes.map((size, n) => [size, texts[n]]));
    },
  };
}

/** What is found for each, one after the other. */
async function each(list, find) {
  const found = [];
  for (const one of list) found.push(await find(one));
  return found;
}

function joined(found) {
  const [[, first], ...rest] = found;
  if (rest.every(([, text]) => text === first)) return first;
  return found.map(([size, text]) => `${size === SMALL ? "small" : "large"}: ${text}`).join("; ");
}

/** One system under test. */
export class Lab {
  constructor(system, redis) {
    Object.assign(this, { system, redis, extra: [] });
  }

  async open() {
    this.server = await start(this.system, { keys: [KEY], redis: this.redis });
    return this;
  }

  /** A server for one row. */
  async own(more = [], keys = [KEY]) {
    const server = await start(this.system, { keys, redis: this.redis, more });
    this.extra.push(server);
    return server;
  }

  /** After each row. */
  async tidy() {
    for (const server of this.extra.splice(0)) await server.stop();
  }

  async close() {
    await this.tidy();
    await this.server.stop();
  }

  /** A browser with that session and an article more. */
  async visitor(size, server = this.server) {
    const browser = new Browser(server);
    await browser.post(`/load?name=${size}`);
    const { status, cart } = await add(browser);
    const articles = (corpus(size).cart?.length ?? 0) + 1;
    if (status !== 200 || cart !== articles) throw new Error(`${this.system.name}: ${size} does not load: ${status}, ${cart}`);
    return browser;
  }
}

/** Express without a middleware: what it does about cookies and sessions. */
export async function runBare() {
  const server = await start(bare, { keys: [KEY] });
  const browser = new Browser(server);
  const { text, set } = await browser.get("/bare");
  const { session, read, signed } = JSON.parse(text);
  await server.stop();
  return { sets: set.length === 1, reads: read !== "undefined", signs: signed !== "throws", sessions: session !== "undefined" };
}

/** Two sessions of each size over a restart: one that goes on, one that has logged out. */
async function restarted(lab, sizes) {
  if (lab.restarted) return lab.restarted;
  const before = await lab.own();
  const going = await each(sizes, (size) => lab.visitor(size, before));
  const copies = await each(sizes, async (size) => {
    const browser = await lab.visitor(size, before);
    const copy = browser.copy();
    await browser.post("/logout");
    return copy;
  });
  await before.stop();
  const after = await lab.own();
  lab.restarted = {
    kept: await each(going, async (browser) => kept(await browser.copy(after).get())),
    loggedOut: await each(copies, async (copy) => accepted(await copy.copy(after).get())),
  };
  return lab.restarted;
}

async function overLimit(lab) {
  const texts = [];
  for (const [name, articles] of [["cart40", 40], [LARGE, 400]]) {
    const browser = await lab.visitor(SMALL);
    const { status, dropped } = await browser.post(`/load?name=${name}`);
    const next = await browser.get();
    const seen = { [articles]: "kept", 1: "the old session stays", 0: "the session is gone" };
    const shown = seen[next.cart] ?? `status ${next.status}`;
    if (dropped.length === 0) {
      texts.push(`${name}: ${shown}`);
      continue;
    }
    const [bytes] = dropped.map((line) => parse(line)).map((cookie) => cookie.name.length + cookie.value.length);
    if (bytes <= KEPT) throw new Error("dropped without reason");
    // A client that keeps every cookie, as curl does.
    for (const line of dropped) {
      const { name, value } = parse(line);
      browser.cookies.set(name, value);
    }
    const other = await browser.get();
    const sent = `status ${status} with a cookie of ${bytes} bytes, which browsers drop: ${shown}`;
    texts.push(`${name}: ${sent}; a client that keeps it is answered ${other.status}`);
  }
  return texts.join("; ");
}

async function afterLogin(lab, size, path) {
  const victim = await lab.visitor(size);
  const planted = victim.copy();
  await victim.post(path, { user: "victim" });
  const { user } = await victim.get();
  if (user !== "victim") throw new Error(`${lab.system.name}: no login`);
  const seen = await planted.get();
  if (seen.user === "victim") return "is the victim's session";
  return seen.cart > 0 ? "accepted, as before the login" : "refused";
}

async function reads(lab, size, server) {
  const none = await new Browser(server).get();
  const some = await (await lab.visitor(size, server)).get();
  const text = ({ set }) => (set.length ? "sets one" : "none");
  const [without, with_] = [text(none), text(some)];
  return without === with_ ? without : `without a session ${without}, with one ${with_}`;
}

async function add(browser) {
  await browser.post("/add", { item: "lamp", count: 1 });
  return browser.get();
}

function kept(answer) {
  return answer.cart > 0 ? "kept" : "lost";
}

function accepted(answer) {
  return answer.cart > 0 || answer.user !== "nobody" ? "accepted" : "refused";
}

/** Whether the secret is in a cookie, encoded in one of the usual ways. */
function shows(browser, secret) {
  const parts = [...browser.cookies.values()].flatMap((value) => [value, ...decodeURIComponent(value).split(/[.:]/)]);
  return parts.some((part) => {
    const decoded = [Buffer.from(part), Buffer.from(part, "base64")];
    for (const bytes of [...decoded]) {
      try {
        decoded.push(inflateRawSync(bytes));
      } catch {
        // Not compressed.
      }
    }
    return decoded.some((bytes) => bytes.includes(secret));
  });
}
