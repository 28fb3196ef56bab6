// What sessions cost in bytes, and how many requests a server answers in a second.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { corpus } from "./behaviour.js";
import { Browser, KEPT, parse } from "./client.js";
import { start, systems } from "./servers.js";

const KEY = "5b1e97d04fc83a6215d9e07bb8643fac0972ce16a4d8f53b60e1279c8d45fa38";
const NAMES = ["minimal", "login", "flash", "cart10", "oauth", "cart40", "cart400"];
const TIMED = ["login", "cart10", "cart40", "cart400"];
const ROUNDS = Number(process.env.ROUNDS ?? 7);
/** Sessions that a server is asked for in turn, so that no two requests meet in one. */
const SESSIONS = 64;
const lua = fileURLToPath(new URL("speed.lua", import.meta.url));

/** Bytes of the cookies for each session of the corpus, and of what Redis was given. */
export async function sizes(redis) {
  const found = [];
  for (const system of systems) {
    const server = await start(system, { keys: [KEY], redis });
    for (const session of NAMES) {
      await redis.clear();
      const { set } = await new Browser(server).post(`/load?name=${session}`);
      const cookies = set.map(parse);
      const sum = (lengths) => lengths.reduce((total, length) => total + length, 0);
      const pair = Math.max(...cookies.map(({ name, value }) => name.length + value.length));
      found.push({
        session,
        system: system.name,
        json: JSON.stringify(corpus(session)).length,
        value: sum(cookies.map(({ value }) => value.length)),
        longest_pair: pair,
        headers: sum(set.map((line) => `Set-Cookie: ${line}\r\n`.length)),
        kept: pair <= KEPT,
        stored: system.store === "redis" ? (await redis.contents()).length : null,
      });
    }
    await server.stop();
  }
  await redis.clear();
  return found;
}

/**
 * Requests per second that read and that change sessions, in interleaved rounds after one
 * that is not counted. The server has one core, wrk and Redis the other.
 */
export async function speeds(redis) {
  const folder = mkdtempSync(join(tmpdir(), "express-wrk-"));
  const runs = [];
  for (const session of TIMED) {
    for (const system of systems) {
      const server = await start(system, { keys: [KEY], redis, core: "0" });
      const cookies = await loaded(server, session);
      if (!cookies) {
        await server.stop();
        continue;
      }
      const list = join(folder, `${runs.length}`);
      writeFileSync(list, cookies.join("\n"));
      for (const kind of ["read", "change"]) runs.push({ session, system: system.name, kind, server, list, rates: [] });
    }
  }
  for (let round = -1; round < ROUNDS; round++) {
    for (const run of runs) {
      const rate = await wrk(run);
      if (round >= 0) run.rates.push(rate);
    }
  }
  for (const { server } of runs) await server.stop();
  rmSync(folder, { recursive: true });
  return runs.map(({ session, system, kind, rates }) => {
    const base = runs.find((run) => run.session === session && run.kind === kind && run.system === systems[0].name);
    const ratios = rates.map((rate, round) => rate / base.rates[round]);
    return { session, system, kind, per_second: rounded(median(rates), 0), ...spread(ratios) };
  });
}

/** Cookie headers of sessions on a server; none where a browser would not keep them. */
async function loaded(server, session) {
  const headers = [];
  for (let n = 0; n < SESSIONS; n++) {
    const browser = new Browser(server);
    const { dropped } = await browser.post(`/load?name=${session}`);
    if (dropped.length) return undefined;
    headers.push([...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    browser.agent.destroy();
  }
  return headers;
}

async function wrk({ server, kind, list }) {
  const [method, path] = kind === "read" ? ["GET", "/"] : ["POST", "/visit"];
  const options = ["-c", "1", "wrk", "-t1", "-c8", "-d1s", "-s", lua, server.url, "--", method, path, list];
  const { stdout } = await promisify(execFile)("taskset", options);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${server.system.name}: ${stdout}`);
  return Number(stdout.match(/Requests\/sec:\s+([\d.]+)/)[1]);
}

function spread(ratios) {
  return { ratio: rounded(median(ratios), 2), least: rounded(Math.min(...ratios), 2), most: rounded(Math.max(...ratios), 2) };
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function rounded(number, digits) {
  return Number(number.toFixed(digits));
}
