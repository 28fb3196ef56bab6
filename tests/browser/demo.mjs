// The demo: every control does what it says.

import { Visitor, equal, hold, withVisitor } from "./visitor.mjs";
import { start } from "./programs.mjs";

const NAME = "__Host-session";

/** Runs with a demo of its own, whose clock and keys nobody else moves. */
export function watching(run, ...statuses) {
  return async ({ programs }) => {
    const demo = await start(programs.demo);
    try {
      return await withVisitor(async (visitor) => {
        const result = await run(new Demo(visitor, demo.url));
        equal(visitor.unexpected(...statuses), [], "errors in the console");
        return result;
      });
    } finally {
      await demo.stop();
    }
  };
}

export class Demo {
  constructor(visitor, url) {
    Object.assign(this, { visitor, url, page: visitor.page });
  }

  async open() {
    await this.page.goto(this.url);
    await this.page.waitForFunction(() => document.getElementById("category").textContent !== "…");
  }

  text(id) {
    return this.page.locator(`#${id}`).innerText();
  }

  /** Presses a button and waits until the page says what came of it; gives the verdict. */
  async press(id) {
    const done = this.page.locator("#done");
    await done.evaluate((it) => { it.textContent = ""; });
    await this.page.locator(`#${id}`).click();
    await this.page.waitForFunction(() => document.getElementById("done").textContent !== "");
    return this.text("category");
  }

  async choose(id, label) {
    await this.page.locator(`#${id}`).selectOption(label);
  }

  async logIn(name, remember = false) {
    await this.page.getByLabel("Name", { exact: true }).fill(name);
    await this.page.getByLabel("remember me").setChecked(remember);
    return this.press("log-in");
  }

  /** Moves the slider there as a script of the page would, and waits for the measurement. */
  async grow(bytes) {
    await this.page.locator("#size").fill(String(bytes));
    const text = `${new Intl.NumberFormat("en").format(bytes)} bytes`;
    await this.page.waitForFunction((it) => document.getElementById("done").textContent.startsWith(`Payload of ${it}.`), text);
    return { place: await this.text("place"), cookie: await this.bytes() };
  }

  /** A login, and the verdicts after the tab was closed, and the browser. */
  async survives(remember, payload) {
    await this.open();
    equal(await this.logIn("Ada", remember), "valid", "at first");
    await this.grow(payload);
    const { expires } = await this.visitor.cookie(this.url, NAME);
    const days = (expires - Date.now() / 1000) / 86_400;
    hold(remember ? days > 6.9 && days <= 7 : expires === -1, `the cookie expires at ${expires}`);

    await this.page.close();
    this.page = await this.visitor.newTab();
    await this.open();
    const tab = await this.text("category");
    await this.visitor.restart();
    this.page = await this.visitor.newTab();
    await this.open();
    return { tab, browser: await this.text("category") };
  }

  /** Of the cookie, as the page says. */
  async bytes() {
    return Number((await this.text("bytes")).replace(/\D/g, ""));
  }
}

/** Where a session lives with that payload. */
const PLACES = [["the cookie", 0], ["the store", 6000]];

export const checks = [
  {
    id: "session_cookie_gone_at_close",
    what: "a login without remember-me, in the cookie and in the store; the tab is closed, then the browser",
    run: watching(async (demo) => {
      const seen = {};
      for (const [place, payload] of PLACES) {
        seen[place] = await demo.survives(false, payload);
        equal(seen[place], { tab: "valid", browser: "nothing" }, place);
      }
      return "closing the tab changes nothing; with the browser the cookie is gone";
    }),
  },
  {
    id: "persistent_cookie_kept",
    what: "a login with remember-me (Max-Age), in the cookie and in the store; the tab is closed, then the browser",
    run: watching(async (demo) => {
      for (const [place, payload] of PLACES) {
        equal(await demo.survives(true, payload), { tab: "valid", browser: "valid" }, place);
        equal(await demo.text("user"), "Ada", "who is logged in");
        equal(await demo.text("place"), place, "where it lives");
      }
      return "still there after both, with the same user and data";
    }),
  },
  {
    id: "never_sent_4097",
    what: "a session without a store, filled byte by byte across the limit",
    run: watching(async (demo) => {
      const sent = [];
      demo.page.on("response", async (response) => {
        const line = await response.headerValue("set-cookie");
        if (line?.startsWith("__Secure-edge=")) sent.push(line.split(";")[0].length - 1);
      });
      await demo.open();
      const results = [];
      await demo.page.getByLabel("Bytes of data").fill("2960");
      let button = "#edge-fill";
      for (let data = 2960; data <= 2984; data += 1) {
        const answered = demo.page.waitForResponse((it) => it.url().endsWith("/api/edge") && it.request().method() === "GET");
        await demo.page.click(button);
        const { data: holds, cookie } = await (await answered).json();
        const result = demo.page.locator("#edge-result");
        results.push({ data, holds, cookie });
        await result.filter({ hasText: /sent back|still holds/ }).waitFor();
        button = "#edge-more";
      }
      const fits = results.filter((it) => it.data === it.holds);
      const refused = results.filter((it) => it.data !== it.holds);
      hold(fits.length > 5 && refused.length > 5, "both sides of the limit were tried");
      equal(Math.max(...sent), 4096, "the longest cookie that was sent");
      equal(fits.at(-1).cookie, 4096, "the longest cookie that the browser sent back");
      hold(refused.every((it) => it.holds === fits.at(-1).data), "what does not fit changes nothing");
      return `up to ${fits.at(-1).data} bytes of data make a cookie of 4,096, which comes back; more is refused and never sent`;
    }, 413),
  },
  {
    id: "demo_slider",
    what: "the slider, by key and by value, to the store and back",
    run: watching(async (demo) => {
      await demo.open();
      equal(await demo.text("category"), "nothing", "at first");
      await demo.page.locator("#size").focus();
      await demo.page.keyboard.press("ArrowRight");
      await demo.page.waitForFunction(() => document.getElementById("place").textContent === "the cookie");
      const sizes = [];
      const places = [];
      for (const bytes of [1000, 2000, 2300, 2400, 6000, 12000, 2200, 1500, 0]) {
        const { place, cookie } = await demo.grow(bytes);
        places.push(place);
        sizes.push(cookie);
      }
      const [cookie, store] = ["the cookie", "the store"];
      equal(places, [cookie, cookie, cookie, store, store, store, store, cookie, cookie], "places");
      hold(sizes.every((size) => size <= 3300), `cookies of ${sizes}`);
      await demo.page.getByLabel("text that repeats").check();
      equal((await demo.grow(1000)).cookie, sizes[0], "the cookie of text that repeats itself");
      equal((await demo.grow(4000)).place, store, "4,000 bytes of text");
      for (const id of ["read-time", "write-time", "round-trip"]) {
        hold(/^[\d.,]+ (µs|ms)$/.test(await demo.text(id)), `${id}: ${await demo.text(id)}`);
      }
      return `in the cookie up to ${Math.max(...sizes)} bytes of it, then in the store, and back`;
    }),
  },
  {
    id: "reference_of_one_size",
    what: "sessions of 4,000, 8,000 and 12,000 bytes in the store",
    run: watching(async (demo) => {
      await demo.open();
      const sizes = new Set();
      for (const bytes of [4000, 8000, 12000]) {
        equal((await demo.grow(bytes)).place, "the store", `with ${bytes} bytes`);
        const { value } = await demo.visitor.cookie(demo.url, NAME);
        sizes.add(NAME.length + value.length);
      }
      equal(sizes.size, 1, `sizes of the cookie: ${[...sizes]}`);
      return `a cookie of ${[...sizes]} bytes for each`;
    }),
  },
  {
    id: "demo_anatomy",
    what: "the picture of the cookie: its parts add up to what the browser holds",
    run: watching(async (demo) => {
      await demo.open();
      await demo.logIn("Ada");
      const { value } = await demo.visitor.cookie(demo.url, NAME);
      equal((await demo.page.locator("#text").textContent()), value, "the coloured text");
      const lengths = await demo.page.locator("#parts td:nth-child(3)").allTextContents();
      const total = lengths.map(Number).reduce((sum, length) => sum + length, 0);
      equal(total, Math.floor((value.length * 3) / 4), "the lengths together");
      equal(await demo.page.locator("#parts th").allTextContents(), ["asuite", "bkey id", "cnonce", "dclaims", "ebody", "ftag"], "the parts");
      equal(await demo.text("document-cookie"), '""', "what the page's script sees");
      return `${total} bytes in six parts`;
    }),
  },
  {
    id: "demo_tamper",
    what: "one character changed in each part of the cookie, and the right one put back",
    run: watching(async (demo) => {
      await demo.open();
      await demo.logIn("Ada");
      const verdicts = {};
      for (const part of ["suite", "key id", "nonce", "claims", "body", "tag"]) {
        await demo.choose("part", part);
        verdicts[part] = await demo.press("tamper");
        hold((await demo.text("why")).includes("For the log: "), "a reason is shown");
        equal(await demo.press("restore"), "valid", `after ${part}`);
      }
      equal(verdicts, {
        suite: "wrong-suite",
        "key id": "unknown-key",
        nonce: "not-authentic",
        claims: "not-authentic",
        body: "not-authentic",
        tag: "not-authentic",
      }, "verdicts");
      return JSON.stringify(verdicts);
    }),
  },
  {
    id: "demo_logout_and_replay",
    what: "log out here, and replay the cookie from before",
    run: watching(async (demo) => {
      await demo.open();
      await demo.logIn("Ada");
      equal(await demo.press("log-out"), "nothing", "after logging out");
      equal(await demo.visitor.cookie(demo.url, NAME), undefined, "the cookie");
      equal(await demo.press("replay"), "revoked", "the replayed cookie");
      return "nothing, then revoked";
    }),
  },
  {
    id: "demo_login_renews",
    what: "a login, and the cookie from before it",
    run: watching(async (demo) => {
      await demo.open();
      await demo.grow(100);
      const before = await demo.text("sid");
      await demo.logIn("Ada");
      hold((await demo.text("sid")) !== before, "another session id");
      equal(await demo.press("replay"), "revoked", "the cookie from before");
      return "another session id; the old cookie is revoked";
    }),
  },
  {
    id: "demo_everywhere",
    what: "log out everywhere, with another browser logged in",
    run: watching(async (demo) => {
      const other = new Demo(await Visitor.come(), demo.url);
      try {
        for (const it of [demo, other]) {
          await it.open();
          equal(await it.logIn("Ada"), "valid", "at first");
        }
        equal(await demo.press("everywhere"), "revoked", "here");
        await other.open();
        equal(await other.text("category"), "revoked", "there");
        equal(await demo.logIn("Ada"), "valid", "a login afterwards");
      } finally {
        await other.visitor.leave();
      }
      return "revoked here and there; a new login is valid";
    }),
  },
  {
    id: "demo_expire",
    what: "the clock put forward: due, idle, absolute",
    run: watching(async (demo) => {
      await demo.open();
      await demo.logIn("Ada");
      const before = await demo.text("issued");
      await demo.choose("span", "4 minutes: due to be issued anew");
      equal(await demo.press("expire"), "valid", "after 4 minutes");
      equal(await demo.text("issued"), before, "requests of scripts refresh nothing");
      await demo.open();
      hold((await demo.text("issued")) > before, "a page load issues the token anew");
      await demo.choose("span", "31 minutes: past the idle timeout");
      equal(await demo.press("expire"), "expired-idle", "after 31 minutes");
      await demo.logIn("Ada");
      await demo.choose("span", "25 hours: past the absolute timeout");
      equal(await demo.press("expire"), "expired-absolute", "after 25 hours");
      return "valid and issued anew, expired-idle, expired-absolute";
    }),
  },
  {
    id: "demo_rotate",
    what: "the key rotated, and closed in an emergency",
    run: watching(async (demo) => {
      const keyIn = async () => demo.page.locator("#parts tr:nth-child(2) td:last-child").innerText();
      await demo.open();
      await demo.logIn("Ada");
      const old = await keyIn();
      equal(await demo.press("rotate"), "valid", "after the rotation");
      hold((await demo.text("why")).includes("a key that only opens"), "it says that the key is old");
      equal(await demo.page.locator("#keys li").count(), 2, "keys");
      equal(await keyIn(), old, "the cookie is as it was");
      await demo.page.locator("#reload").click();
      await demo.page.waitForFunction((it) => {
        const cell = document.querySelector("#parts tr:nth-child(2) td:last-child");
        return cell && cell.textContent !== it;
      }, old);
      equal(await demo.text("user"), "Ada", "still logged in");
      equal(await demo.press("emergency"), "unknown-key", "after the emergency");
      equal(await demo.page.locator("#keys li").count(), 1, "keys after the emergency");
      return "valid, sealed anew at the next page load; unknown-key after the emergency";
    }),
  },
  {
    id: "demo_store_stopped",
    what: "the store stopped, with the session in the cookie and in the store",
    run: watching(async (demo) => {
      await demo.open();
      await demo.logIn("Ada");
      equal(await demo.press("stop"), "valid", "in the cookie");
      equal(await demo.press("log-out"), "valid", "a logout that cannot be kept");
      hold((await demo.text("done")).includes("unavailable"), "the logout says that it failed");
      await demo.choose("span", "20 seconds");
      equal(await demo.press("expire"), "unavailable", "with a list that is too old");
      equal(await demo.press("stop"), "valid", "started again");
      equal((await demo.grow(6000)).place, "the store", "grown");
      equal(await demo.press("stop"), "unavailable", "in the store");
      equal(await demo.text("place"), "not known now", "where it lives");
      equal(await demo.press("stop"), "valid", "and back");
      equal(await demo.text("user"), "Ada", "never logged out");
      return "unavailable with 503 while it is down, and the same session when it is back";
    }, 503),
  },
  {
    id: "demo_tabs",
    what: "two tabs of the demo, and two sliders at once on a stored session",
    run: watching(async (demo) => {
      await demo.open();
      await demo.logIn("Ada");
      await demo.grow(5000);
      const other = new Demo({ page: await demo.visitor.newTab() }, demo.url);
      await other.open();
      equal(await other.page.locator("#size").inputValue(), "5000", "the other tab's slider");
      await Promise.all([demo.grow(6000), other.grow(7000)]);
      await Promise.all([demo.grow(8000), other.grow(8000)]);
      equal(await other.press("log-out"), "nothing", "logged out in one tab");
      await demo.open();
      equal(await demo.text("category"), "nothing", "the other tab");
      return "one session, one logout";
    }),
  },
];
