// Runs every check, says what came of each, and records it where that is asked.
//
// node run.mjs --demo PROGRAM --shop PROGRAM [--screenshots FOLDER] [--record FOLDER] [--only ID]

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { start } from "./programs.mjs";
import { dismissVisitor } from "./visitor.mjs";
import { claims } from "./evidence.mjs";
import { checks as rules } from "./rules.mjs";
import { checks as shop } from "./shop.mjs";
import { checks as demo } from "./demo.mjs";
import { checks as looks, screenshots } from "./looks.mjs";

const text = { type: "string" };
const { values } = parseArgs({ options: { demo: text, shop: text, screenshots: text, record: text, only: text } });
const programs = { demo: values.demo, shop: values.shop };

async function version() {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  const found = `Chromium ${browser.version()}`;
  await browser.close();
  return found;
}

const browser = await version();
console.log(browser);
const running = await start(programs.shop);
const rows = [];
try {
  for (const { id, what, run } of [...rules, ...shop, ...demo, ...looks]) {
    if (values.only && !id.includes(values.only)) continue;
    try {
      rows.push({ id, what, result: await run({ programs, shop: running.url }), holds: true });
    } catch (error) {
      rows.push({ id, what, result: error.message, holds: false });
    }
    const { result, holds } = rows.at(-1);
    console.log(`${holds ? "ok    " : "FAILED"} ${id}: ${what}: ${result}`);
  }
  if (values.screenshots) await screenshots({ programs, folder: values.screenshots });
} finally {
  await dismissVisitor();
  await running.stop();
}

const failed = rows.filter((row) => !row.holds).length;
console.log(`${rows.length} checks, ${failed} failed`);
if (values.record && failed === 0 && !values.only) {
  const recorded = new Date().toISOString().slice(0, 10);
  const command = "scripts/browser.sh --record";
  const write = (name, record) => writeFile(join(values.record, name), `${JSON.stringify(record, null, 2)}\n`);
  await write("browser-checks.json", { recorded, browser, command, rows });
  await write("browser.json", { schema: 1, browser, command, recorded, claims: claims(rows) });
}
process.exitCode = failed ? 1 : 0;
