// node drive.js check    runs the behaviours and compares them with the record
// node drive.js record   runs everything and writes record and documents
// node drive.js pages    compares the documents with the record, without running anything
//
// SHOP names the program of `ours`; scripts/express.sh builds it.
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { readFileSync, writeFileSync } from "node:fs";

import { Lab, rows, runBare, runStoreDown, storeDown } from "./behaviour.js";
import { evidence } from "./evidence.js";
import { sizes, speeds } from "./measure.js";
import { inserted } from "./page.js";
import { Redis, stopAll, systems } from "./servers.js";

const file = (path) => new URL(path, import.meta.url);
const RECORD = file("record.json");
const EVIDENCE = file("../evidence/express.json");
const PAGE = file("../../docs/EXPRESS.md");

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;

/** Every row for every system. */
async function behaviours(redis) {
  const labs = [];
  for (const system of systems) labs.push(await new Lab(system, redis).open());
  const found = [];
  for (const row of rows) {
    const results = {};
    // One after the other where all of Redis is looked at.
    const groups = row.id === "at-rest" ? labs.map((lab) => [lab]) : [labs];
    for (const group of groups) {
      await Promise.all(group.map(async (lab) => (results[lab.system.name] = await row.run(lab))));
    }
    await Promise.all(labs.map((lab) => lab.tidy()));
    found.push({ id: row.id, what: row.what, results: inOrder(results) });
  }
  const results = inOrder(await runStoreDown(labs));
  found.push({ id: storeDown.id, what: storeDown.what, results });
  for (const lab of labs) await lab.close();
  return found;
}

function inOrder(results) {
  return Object.fromEntries(systems.map(({ name }) => [name, results[name]]));
}

function versions() {
  const version = (name) => JSON.parse(readFileSync(file(`node_modules/${name}/package.json`))).version;
  const first = (program, args, pattern) => {
    // wrk tells its version with a status that is not 0.
    let text;
    try {
      text = execFileSync(program, args, { encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      text = `${error.stdout}${error.stderr}`;
    }
    return text.match(pattern)[1];
  };
  return {
    node: process.versions.node,
    ...Object.fromEntries(["express", "express-session", "cookie-session", "connect-redis", "redis"].map((name) => [name, version(name)])),
    "redis-server": first("redis-server", ["--version"], /v=(\S+)/),
    wrk: first("wrk", ["-v"], /wrk (?:debian\/)?(\S+)/),
    "sealed-session": readFileSync(file("../../Cargo.toml"), "utf8").match(/^version = "(.*)"/m)[1],
  };
}

async function check() {
  const recorded = JSON.parse(readFileSync(RECORD));
  const redis = await Redis.start();
  const alone = await runBare();
  const found = await behaviours(redis);
  await redis.stop();
  let differ = 0;
  const compare = (what, was, is) => {
    if (was === is) return;
    differ++;
    console.error(`${what}\n  recorded: ${was}\n  now:      ${is}`);
  };
  compare("Express alone", JSON.stringify(recorded.alone), JSON.stringify(alone));
  compare("rows", ids(recorded.rows), ids(found));
  for (const { id, what, results } of found) {
    const was = recorded.rows.find((row) => row.id === id);
    compare(`${id}: what`, was?.what, what);
    for (const [name, text] of Object.entries(results)) compare(`${id}: ${name}`, was?.results[name], text);
  }
  console.log(`${found.length} behaviours of ${systems.length} systems, ${differ} unlike the record`);
  return differ === 0;
}

function ids(rows) {
  return rows.map(({ id }) => id).join(" ");
}

async function record() {
  const redis = await Redis.start();
  const [processor] = cpus();
  const result = {
    recorded: new Date().toISOString().slice(0, 10),
    command: "scripts/express.sh --record",
    machine: `${processor.model}, ${cpus().length} cores`,
    versions: versions(),
    alone: await runBare(),
    rows: await behaviours(redis),
    sizes: await sizes(redis),
    speeds: await speeds(redis),
  };
  await redis.stop();
  writeFileSync(RECORD, json(result));
  writeFileSync(EVIDENCE, json(evidence(result)));
  writeFileSync(PAGE, inserted(readFileSync(PAGE, "utf8"), result));
  return true;
}

/** Whether everything that is made of the record is what the record makes. */
function pages() {
  const result = JSON.parse(readFileSync(RECORD));
  const page = readFileSync(PAGE, "utf8");
  const good = [
    ["docs/EXPRESS.md", page === inserted(page, result)],
    ["tests/evidence/express.json", readFileSync(EVIDENCE, "utf8") === json(evidence(result))],
  ];
  for (const [name, same] of good) if (!same) console.error(`${name} is not what tests/express/record.json makes`);
  return good.every(([, same]) => same);
}

const modes = { check, record, pages };
process.on("exit", stopAll);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
const mode = modes[process.argv[2]];
if (!mode) throw new Error(`one of ${Object.keys(modes).join(", ")}`);
process.exit((await mode()) ? 0 : 1);
