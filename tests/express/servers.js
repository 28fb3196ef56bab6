// Starts and stops what is compared, each server on a port of its own, and Redis.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { createClient, RESP_TYPES } from "redis";

const here = dirname(fileURLToPath(import.meta.url));
const corpus = join(here, "..", "corpus");
const running = new Set();

/** What is compared: how each is started, and where it keeps sessions. */
export const systems = [
  { name: "express-session (memory)", store: "memory", command: express("memory") },
  { name: "express-session (Redis)", store: "redis", command: express("redis") },
  { name: "cookie-session", store: "none", command: express("cookie") },
  { name: "sealed-session (memory)", store: "memory", command: ours(), sealed: true },
  { name: "sealed-session (Redis)", store: "redis", command: ours(), sealed: true },
];

function express(kind) {
  return [process.execPath, join(here, "shop.js"), kind];
}

function ours() {
  return [process.env.SHOP ?? "sealed-session-beside-express"];
}

/** Express without a middleware for sessions. */
export const bare = { name: "Express alone", store: "none", command: express("none") };

/** A server with these keys, newest first; `more` are further arguments. */
export async function start(system, { keys, redis, more = [], core } = {}) {
  const store = system.store === "redis" ? ["--store", redis.url] : [];
  const [program, ...rest] = [...(core === undefined ? [] : ["taskset", "-c", core]), ...system.command];
  const list = [...rest, "--corpus", corpus, "--keys", keys.join(","), ...store, ...more];
  // Express and its packages behave and perform differently in development.
  const env = { ...process.env, NODE_ENV: "production" };
  const child = spawn(program, list, { env, stdio: ["ignore", "pipe", "ignore"] });
  running.add(child);
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([
    once(lines, "line").then(([line]) => line),
    once(child, "exit").then(() => undefined),
  ]);
  if (!line?.startsWith("http://")) throw new Error(`${system.name} does not start`);
  return { url: line, system, stop: () => stop(child) };
}

async function stop(child) {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
  running.delete(child);
}

/** A Redis of its own, with every write on the disk before it is confirmed. */
export class Redis {
  static async start() {
    const redis = new Redis();
    redis.folder = mkdtempSync(join(tmpdir(), "express-redis-"));
    // Another process may take the port before the server does.
    for (let attempt = 0; attempt < 5; attempt++) {
      redis.port = await freePort();
      if (await redis.launch()) return redis;
    }
    throw new Error("redis-server does not start");
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  async launch() {
    const fixed = ["--bind", "127.0.0.1", "--save", "", "--rdbcompression", "no"];
    const durable = ["--appendonly", "yes", "--appendfsync", "always"];
    const list = ["--port", String(this.port), ...fixed, ...durable];
    this.child = spawn("redis-server", list, { cwd: this.folder, stdio: "ignore" });
    running.add(this.child);
    for (let attempt = 0; attempt < 200 && this.child.exitCode === null; attempt++) {
      if (await this.ask((client) => client.ping()).catch(() => false)) return true;
      await pause(50);
    }
    await stop(this.child);
    return false;
  }

  /** What one client is answered. */
  async ask(question) {
    const client = createClient({ url: this.url, socket: { reconnectStrategy: false } });
    client.on("error", () => {});
    await client.connect();
    try {
      return await question(client);
    } finally {
      client.destroy();
    }
  }

  /** Every byte that it holds. */
  async contents() {
    return this.ask(async (client) => {
      const raw = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      const parts = [];
      for (const key of await client.keys("*")) parts.push(Buffer.from(key), await raw.dump(key));
      return Buffer.concat(parts);
    });
  }

  async clear() {
    await this.ask((client) => client.flushAll());
  }

  kill() {
    return stop(this.child);
  }

  async stop() {
    await stop(this.child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Ends whatever still runs. */
export function stopAll() {
  for (const child of running) child.kill("SIGKILL");
}
