// A person with a browser, and a profile of their own on the disk.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export class Visitor {
  static async come(options = {}) {
    const visitor = new Visitor();
    visitor.profile = await mkdtemp(join(tmpdir(), "profile-"));
    visitor.options = options;
    visitor.errors = [];
    await visitor.open();
    return visitor;
  }

  async open() {
    this.browser = await chromium.launchPersistentContext(this.profile, {
      executablePath: process.env.CHROMIUM,
      headless: true,
      args: FLAGS,
      viewport: { width: 1280, height: 900 },
      ...this.options,
    });
    this.page = this.browser.pages()[0] ?? (await this.browser.newPage());
    this.listen(this.page);
  }

  async newTab() {
    const page = await this.browser.newPage();
    this.listen(page);
    return page;
  }

  /** Closes the browser as a person does, and opens it again. */
  async restart() {
    await this.browser.close();
    await this.open();
  }

  async leave() {
    await this.browser.close();
    await rm(this.profile, { recursive: true, force: true });
  }

  /** What the browser keeps, HttpOnly or not. */
  async cookie(url, name) {
    return (await this.browser.cookies(url)).find((it) => it.name === name);
  }

  listen(page) {
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.errors.push(message.text());
    });
  }

  /** Errors of the console, without those for a status that the server was made to give. */
  unexpected(...statuses) {
    const expected = statuses.map((status) => `the server responded with a status of ${status} `);
    return this.errors.filter((text) => !expected.some((it) => text.includes(it)));
  }
}

/** One browser for those who only need one without cookies: starting it takes seconds. */
let lent = null;

export async function withVisitor(run) {
  lent ??= await Visitor.come();
  await lent.browser.clearCookies();
  lent.errors = [];
  lent.page = await lent.newTab();
  try {
    return await run(lent);
  } finally {
    // One page stays, or the browser ends.
    const [, ...pages] = lent.browser.pages();
    for (const page of pages) await page.close();
  }
}

export async function dismissVisitor() {
  await lent?.leave();
  lent = null;
}

export function equal(actual, expected, what) {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
  }
}

export function hold(truth, what) {
  if (!truth) throw new Error(what);
}
