// What the comparison of cookie and store needs of the record: its `tests/evidence/express.json`.
import { systems } from "./servers.js";

const [MEMORY, REDIS, COOKIE] = systems.map(({ name }) => name);
const packages = ["express", "express-session", "cookie-session", "connect-redis", "redis"];

/** The claims that are answered here: which rows answer them, and when they hold as made. */
const claims = [
  {
    claim: "readable",
    rows: ["readable", "tamper"],
    part: (seen) => [seen.readable[COOKIE] === "readable by the client", seen.readable[REDIS] === "not readable"],
    because: "cookie-session signs and does not encrypt; the cookie of express-session is a signed id",
  },
  {
    claim: "size-limit",
    rows: ["size-limit"],
    part: (seen) => [seen["size-limit"][COOKIE].includes("browsers drop"), seen["size-limit"][REDIS] === "cart40: kept; cart400: kept"],
    because: "cookie-session sends what is too long and says nothing; express-session's cookie does not grow",
  },
  {
    claim: "restart",
    rows: ["restart", "logout-restart"],
    part: (seen) => [seen.restart[COOKIE] === "kept", seen.restart[MEMORY] === "lost" && seen.restart[REDIS] === "kept"],
    because: "only the store in memory ends with its process",
  },
  {
    claim: "logout",
    rows: ["logout", "everywhere"],
    part: (seen) => [seen.logout[MEMORY] === "refused", seen.logout[REDIS] === "refused"],
    because: "express-session destroys the session's row; cookie-session asks the browser to forget the cookie, and a copy lives on",
  },
  {
    claim: "expiration",
    rows: ["expiration"],
    part: (seen) => [seen.expiration[COOKIE] === "refused", seen.expiration[MEMORY] === "refused" && seen.expiration[REDIS] === "refused"],
    because: "the maximal age of cookie-session is an attribute of the cookie and no part of what is signed",
  },
  {
    claim: "authentication",
    rows: ["login", "login-assigned"],
    part: (seen) => [seen.login[COOKIE] === "refused", seen.login[MEMORY] === "refused" && seen.login[REDIS] === "refused"],
    because: "express-session changes the id where `regenerate` is called, and only there",
  },
];


export function evidence(record) {
  const seen = Object.fromEntries(record.rows.map(({ id, results }) => [id, results]));
  const what = Object.fromEntries(record.rows.map(({ id, what }) => [id, what]));
  return {
    schema: 1,
    node: record.versions.node,
    packages: packages.map((name) => `${name} ${record.versions[name]}`),
    command: record.command,
    recorded: record.recorded,
    machine: record.machine,
    measured: measured(record),
    claims: [middleware(record.alone), ...claims.map((claim) => answered(claim, seen, what))],
  };
}

function answered({ claim, rows, part, because }, seen, what) {
  const tell = (name) => (id) => (rows.length > 1 ? `${id}: ${seen[id][name]}` : seen[id][name]);
  const of = (name) => rows.map(tell(name)).join("; ");
  const run = rows.map((id) => what[id]).join("; ");
  return { claim, run, cookie: of(COOKIE), memory: of(MEMORY), redis: of(REDIS), verdict: verdict(part(seen)), because };
}

/** "None: built into Express" for cookies, express-session for sessions. */
function middleware({ sets, reads, signs, sessions }) {
  const can = (able, verb) => (able ? `can ${verb}` : `cannot ${verb}`);
  const cookie = `without a middleware Express ${can(sets, "set a cookie")}, ${can(reads, "read one")} and ${can(signs, "sign one")}`;
  const session = `without a middleware Express ${sessions ? "has sessions" : "has no session"}`;
  const builtIn = sets && reads;
  return {
    claim: "middleware",
    run: "Express without any middleware asked to set, read and sign a cookie, and for its session",
    cookie,
    memory: session,
    redis: session,
    verdict: verdict([builtIn, !sessions], sets),
    because: builtIn ? "cookies are set and read without one" : "what the browser sends back stays unread, and nothing protects it, without a middleware",
  };
}

/** A claim has a part about cookies and one about sessions. */
function verdict(parts, anyway = false) {
  if (parts.every(Boolean)) return "holds";
  return anyway || parts.some(Boolean) ? "holds-in-part" : "does-not-hold";
}

function measured({ sizes, speeds }) {
  const express = sizes.filter(({ system }) => [MEMORY, REDIS, COOKIE].includes(system));
  return express.flatMap(({ session, system, longest_pair, kept, stored }) => {
    const rate = (kind) =>
      speeds.find((speed) => speed.session === session && speed.system === system && speed.kind === kind)?.per_second;
    // Not all were timed.
    if (rate("read") === undefined) return [];
    return {
      sample: session,
      package: system,
      cookie_bytes: longest_pair,
      fits: kept,
      stored_bytes: stored,
      reads_per_second: rate("read"),
      changes_per_second: rate("change"),
    };
  });
}
