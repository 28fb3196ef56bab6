// What this browser does with cookies, with a server that sets whatever is asked: the rules
// that the library is built on.

import { equal, hold, withVisitor } from "./visitor.mjs";
import { serve } from "./programs.mjs";

/** Sets those cookies in a browser that has none; what it sends back then. */
async function keeps(...setCookies) {
  return keepsOf("127.0.0.1", ...setCookies);
}

async function keepsOf(host, ...setCookies) {
  const server = await serve(({ url }) => {
    const step = Number(/^\/set\/(\d+)$/.exec(url)?.[1] ?? -1);
    return { setCookie: step < 0 ? [] : [setCookies[step]] };
  });
  const url = server.url.replace("127.0.0.1", host);
  try {
    return await withVisitor(async ({ page }) => {
      for (const step of setCookies.keys()) await page.goto(`${url}/set/${step}`);
      await page.goto(`${url}/x/`);
      return server.requests.at(-1).cookie;
    });
  } finally {
    await server.stop();
  }
}

const ATTRIBUTES = "HttpOnly; SameSite=Lax; Secure; Path=/";
/** Of that many bytes of name and value. */
const cookieOf = (size, letter) => `__Host-session=${letter.repeat(size - "__Host-session".length)}`;

export const checks = [
  {
    id: "limit_4096_kept",
    what: "a cookie of 4,096 bytes of name and value",
    run: async () => {
      const cookie = cookieOf(4096, "v");
      equal(await keeps(`${cookie}; ${ATTRIBUTES}`), cookie, "sent back");
      return "kept and sent back whole";
    },
  },
  {
    id: "limit_4097_dropped",
    what: "a cookie of 4,097 bytes of name and value",
    run: async () => {
      equal(await keeps(`${cookieOf(4097, "v")}; ${ATTRIBUTES}`), "", "sent back");
      return "dropped";
    },
  },
  {
    id: "overlong_keeps_old",
    what: "a cookie of 4,097 bytes over one that is there",
    run: async () => {
      const old = cookieOf(300, "o");
      equal(await keeps(`${old}; ${ATTRIBUTES}`, `${cookieOf(4097, "n")}; ${ATTRIBUTES}`), old, "sent back");
      return "dropped, and the old one stays";
    },
  },
  {
    id: "attributes_do_not_count",
    what: "a cookie of 4,096 bytes with a Path of 900 more",
    run: async () => {
      const path = `/${"p".repeat(900)}`;
      const cookie = `c=${"v".repeat(4095)}`;
      const server = await serve(({ url }) => ({ setCookie: url === "/set" ? [`${cookie}; Path=${path}`] : [] }));
      try {
        await withVisitor(async ({ page }) => {
          await page.goto(`${server.url}/set`);
          await page.goto(`${server.url}${path}`);
        });
        equal(server.requests.at(-1).cookie, cookie, "sent back");
      } finally {
        await server.stop();
      }
      return "kept";
    },
  },
  {
    id: "host_prefix_enforced",
    what: "__Host- with a Domain, without Secure, with another Path, with none; and as it should be",
    run: async () => {
      const host = "shop.localhost";
      // The Domain alone is not what is wrong.
      const domain = `Secure; Path=/; Domain=${host}`;
      equal(await keepsOf(host, `a=1; ${domain}`), "a=1", "Domain without the prefix");
      equal(await keepsOf(host, `__Host-a=1; ${domain}`), "", "Domain");
      for (const [attributes, kept] of [
        ["Path=/", false],
        ["Secure; Path=/x", false],
        ["Secure", false],
        ["Secure; Path=/", true],
      ]) {
        equal(await keeps(`__Host-a=1; ${attributes}`), kept ? "__Host-a=1" : "", attributes);
      }
      return "the four are refused, the fifth is kept";
    },
  },
  {
    id: "removal_needs_same_attributes",
    what: "the removal of a __Host- cookie, without Secure, and with it",
    run: async () => {
      const set = `__Host-a=1; ${ATTRIBUTES}`;
      equal(await keeps(set, "__Host-a=; Max-Age=0; Path=/"), "__Host-a=1", "without Secure");
      equal(await keeps(set, `__Host-a=; ${ATTRIBUTES}; Max-Age=0`), "", "with Secure");
      return "ignored without, done with";
    },
  },
  {
    id: "same_site_lax",
    what: "SameSite=Lax: a form, a subresource and a link from another site",
    run: async () => {
      const server = await serve(({ url }) => ({ setCookie: url === "/set" ? [`__Host-session=1; ${ATTRIBUTES}`] : [] }));
      const other = await serve(() => ({
        html: `<form method=post action="${server.url}/form"><button>Go</button></form>
               <a href="${server.url}/link">Go</a><img alt="" src="${server.url}/image">`,
      }));
      try {
        await withVisitor(async ({ page }) => {
          await page.goto(`${server.url}/set`);
          await page.goto(other.foreignUrl);
          await page.click("button");
          await page.waitForURL(/form$/);
          await page.goto(other.foreignUrl);
          await page.click("a");
          await page.waitForURL(/link$/);
        });
        const sent = (path) => server.requests.find((it) => it.url === path)?.cookie;
        equal(sent("/form"), "", "with the form");
        equal(sent("/image"), "", "with the image");
        equal(sent("/link"), "__Host-session=1", "with the link");
        hold(server.requests.some((it) => it.method === "POST"), "there was no POST");
      } finally {
        await server.stop();
        await other.stop();
      }
      return "sent with the link only";
    },
  },
];
