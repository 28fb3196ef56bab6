// The shop of examples/axum_0_8.rs, as its visitors use it.

import { randomBytes } from "node:crypto";
import { Visitor, equal, hold, withVisitor } from "./visitor.mjs";
import { serve } from "./programs.mjs";

const NAME = "__Host-session";

/** Runs with the shop's URL and a browser that has never been there. */
function visiting(run) {
  return ({ shop }) =>
    withVisitor(async (visitor) => {
      const result = await run(visitor, shop);
      // The shop has no icon.
      equal(visitor.unexpected(404), [], "errors in the console");
      return result;
    });
}

/** What the page says: user, number of things in the cart, and where the session lives. */
async function read(page) {
  const [user, cart, place] = await page.locator("b").allTextContents();
  return { user, cart: Number(cart), place };
}

async function logIn(page, user) {
  await page.getByLabel("User").fill(user);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForFunction((name) => document.querySelector("b")?.textContent === name, user);
}

async function add(page, item, count) {
  const before = (await read(page)).cart;
  await page.getByLabel("Item").fill(item);
  await page.getByLabel("Count").fill(String(count));
  await page.getByRole("button", { name: "Add" }).click();
  await page.waitForFunction((cart) => Number(document.querySelectorAll("b")[1]?.textContent) === cart, before + count);
}

/** Something of that name, which no compression makes small. */
const unique = (name, bytes) => `${name} ${randomBytes(bytes).toString("base64url")}`;

async function press(page, name, user) {
  await page.getByRole("button", { name, exact: true }).click();
  await page.waitForFunction((it) => document.querySelector("b")?.textContent === it, user);
}

export const checks = [
  {
    id: "anonymous_visit_sets_nothing",
    what: "a first visit to the shop",
    run: visiting(async (visitor, shop) => {
      await visitor.page.goto(shop);
      equal(await read(visitor.page), { user: "nobody", cart: 0, place: "Nowhere" }, "the page");
      equal(await visitor.browser.cookies(), [], "cookies");
      return "no cookie";
    }),
  },
  {
    id: "shop_crosses_to_store",
    what: "login, and a cart that outgrows the cookie",
    run: visiting(async (visitor, shop) => {
      const { page } = visitor;
      await page.goto(shop);
      await logIn(page, "Ada");
      const sizes = [];
      for (const [bytes, count] of [[10, 1], [1000, 1], [500, 1], [500, 1], [500, 1], [9, 400]]) {
        await add(page, unique("book", bytes), count);
        const { value } = await visitor.cookie(shop, NAME);
        sizes.push(NAME.length + value.length);
      }
      equal(await read(page), { user: "Ada", cart: 405, place: "Store" }, "the page");
      hold(Math.max(...sizes) <= 3300, `cookies of ${sizes} bytes`);
      return `nothing lost; the cookie went through ${sizes.join(", ")} bytes`;
    }),
  },
  {
    id: "http_only_hidden",
    what: "document.cookie and cookieStore of a page with a session",
    run: visiting(async (visitor, shop) => {
      const { page } = visitor;
      await page.goto(shop);
      await logIn(page, "Ada");
      hold((await visitor.cookie(shop, NAME)).httpOnly, "the browser keeps the cookie as HttpOnly");
      const scripts = await page.evaluate(async () => [document.cookie, (await cookieStore.getAll()).length]);
      equal(scripts, ["", 0], "what scripts see");
      return "both are empty";
    }),
  },
  {
    id: "logout_removes",
    what: "logging out of the shop, and presenting a copy of the cookie afterwards",
    run: visiting(async (visitor, shop) => {
      const { page, browser } = visitor;
      await page.goto(shop);
      await logIn(page, "Ada");
      const copy = await visitor.cookie(shop, NAME);
      await press(page, "Log out", "nobody");
      equal(await browser.cookies(), [], "cookies");
      await browser.addCookies([copy]);
      await page.reload();
      equal((await read(page)).user, "nobody", "with the copy");
      return "the cookie is gone, and its copy is refused";
    }),
  },
  {
    id: "tabs_share_the_session",
    what: "two tabs that fill one cart in turn, and a logout in one of them",
    run: visiting(async (visitor, shop) => {
      const one = visitor.page;
      await one.goto(shop);
      await logIn(one, "Ada");
      const two = await visitor.newTab();
      await two.goto(shop);
      await add(one, "pen", 2);
      await two.reload();
      await add(two, "ink", 3);
      await one.reload();
      equal((await read(one)).cart, 5, "the cart");
      await press(two, "Log out", "nobody");
      await one.reload();
      equal(await read(one), { user: "nobody", cart: 0, place: "Nowhere" }, "the other tab");
      return "one cart, one logout";
    }),
  },
  {
    id: "tabs_at_once",
    what: "two tabs that change a stored session at the same moment",
    run: visiting(async (visitor, shop) => {
      const one = visitor.page;
      await one.goto(shop);
      await logIn(one, "Ada");
      await add(one, unique("book", 4000), 1);
      equal((await read(one)).place, "Store", "where it lives");
      const two = await visitor.newTab();
      await two.goto(shop);
      const post = (page, item) => page.evaluate(async (it) => {
        const body = new URLSearchParams({ item: it, count: 1 });
        return (await fetch("/add", { method: "POST", body })).status;
      }, item);
      let done = 0;
      for (let round = 0; round < 10; round += 1) {
        const statuses = await Promise.all([post(one, "pen"), post(two, "ink")]);
        hold(statuses.every((it) => it === 200 || it === 409), `statuses ${statuses}`);
        done += statuses.filter((it) => it === 200).length;
      }
      await one.reload();
      equal((await read(one)).cart, 1 + done, "the cart");
      // A refused change is the application's to repeat; the browser notes it as an error.
      visitor.errors = visitor.unexpected(409);
      return "every change that was acknowledged is there";
    }),
  },
  {
    id: "logout_everywhere",
    what: "logging out everywhere, with another browser logged in",
    run: visiting(async (visitor, shop) => {
      const other = await Visitor.come();
      try {
        for (const { page } of [visitor, other]) {
          await page.goto(shop);
          await logIn(page, "Grace");
        }
        await press(visitor.page, "Log out everywhere", "nobody");
        await other.page.reload();
        equal((await read(other.page)).user, "nobody", "the other browser");
      } finally {
        await other.leave();
      }
      return "the other browser is logged out too";
    }),
  },
  {
    id: "other_site_cannot_act",
    what: "a form of another site that posts to the shop, and a link to it",
    run: visiting(async (visitor, shop) => {
      const { page } = visitor;
      const other = await serve(() => ({
        html: `<form method=post action="${shop}/add"><input name=item value=bomb><input name=count value=7><button>Go</button></form>
               <a href="${shop}/">Go</a>`,
      }));
      try {
        await page.goto(shop);
        await logIn(page, "Ada");
        await page.goto(other.foreignUrl);
        await page.click("a");
        await page.waitForFunction(() => document.querySelector("b"));
        equal((await read(page)).user, "Ada", "after the link");
        const held = await visitor.cookie(shop, NAME);
        await page.goto(other.foreignUrl);
        await page.click("button");
        await page.waitForFunction(() => document.querySelector("b"));
        equal(await read(page), { user: "nobody", cart: 7, place: "Cookie" }, "after the form");
        // Her cart is as it was: put her cookie back and look.
        await visitor.browser.addCookies([held]);
        await page.goto(shop);
        equal(await read(page), { user: "Ada", cart: 0, place: "Cookie" }, "her session");
      } finally {
        await other.stop();
      }
      return "the link finds her logged in; the form does not touch her session, but the one that it begins takes the cookie's place";
    }),
  },
];
