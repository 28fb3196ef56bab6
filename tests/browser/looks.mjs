// How the demo looks, and whether everybody can use it.

import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Demo, watching } from "./demo.mjs";
import { Visitor, equal, hold } from "./visitor.mjs";
import { start } from "./programs.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };

async function violations(page, axe) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
}

export const checks = [
  {
    id: "demo_accessible",
    what: "axe-core on the demo, light and dark, without a session, with one, and refused",
    run: async ({ programs }) => {
      const axe = await readFile(AXE, "utf8");
      const demo = await start(programs.demo);
      try {
        for (const colorScheme of ["light", "dark"]) {
          const it = new Demo(await Visitor.come({ colorScheme }), demo.url);
          try {
            await it.open();
            equal(await violations(it.page, axe), [], `${colorScheme}, without a session`);
            await it.logIn("Ada");
            await it.grow(5000);
            equal(await violations(it.page, axe), [], `${colorScheme}, in the store`);
            await it.press("stop");
            equal(await violations(it.page, axe), [], `${colorScheme}, with the store stopped`);
            await it.press("stop");
            await it.press("tamper");
            equal(await violations(it.page, axe), [], `${colorScheme}, refused`);
          } finally {
            await it.visitor.leave();
          }
        }
      } finally {
        await demo.stop();
      }
      return "no violation of WCAG 2.2 A and AA, nor of axe's best practices";
    },
  },
  {
    id: "demo_keyboard",
    what: "the tab key through the whole demo",
    run: watching(async (demo) => {
      await demo.open();
      await demo.logIn("Ada");
      // Loaded anew, so that the first key goes to the first control.
      await demo.open();
      const controls = await demo.page.evaluate(() => {
        const all = document.querySelectorAll("button, input, select, [tabindex='0']");
        const radios = (it) => it.type !== "radio" || it.checked;
        return [...all].filter(radios).map((it) => it.id || it.value);
      });
      const reached = [];
      for (let presses = 0; presses < controls.length; presses += 1) {
        await demo.page.keyboard.press("Tab");
        reached.push(await demo.page.evaluate(() => {
          const it = document.activeElement;
          const { outlineStyle, outlineWidth } = getComputedStyle(it);
          const covered = it.getBoundingClientRect().bottom <= document.getElementById("verdict-card").getBoundingClientRect().bottom && it.getBoundingClientRect().height > 0;
          return { id: it.id || it.value, outlined: outlineStyle !== "none" && outlineWidth !== "0px", covered };
        }));
      }
      equal(reached.map((it) => it.id), controls, "controls in the order in which they were reached");
      equal(reached.filter((it) => !it.outlined || it.covered), [], "without a visible focus");
      return `${reached.length} controls reached, each with a visible focus`;
    }),
  },
  {
    id: "demo_offline",
    what: "the demo's requests: none leaves its own origin, and none is of a third party",
    run: watching(async (demo) => {
      const elsewhere = [];
      demo.page.on("request", (request) => {
        if (new URL(request.url()).origin !== demo.url) elsewhere.push(request.url());
      });
      const response = await demo.page.goto(demo.url);
      await demo.open();
      await demo.logIn("Ada");
      equal(elsewhere, [], "requests elsewhere");
      const policy = response.headers()["content-security-policy"];
      hold(policy.includes("default-src 'none'") && !policy.includes("unsafe"), policy);
      return "all to itself, under a content security policy without inline scripts or styles";
    }),
  },
  {
    id: "demo_fits_small_screens",
    what: "the demo at 320 and 390 pixels: no scrolling sideways",
    run: watching(async (demo) => {
      await demo.open();
      await demo.logIn("Ada");
      await demo.grow(2000);
      for (const width of [320, 390]) {
        await demo.page.setViewportSize({ width, height: 800 });
        const wide = await demo.page.evaluate(() => document.documentElement.scrollWidth);
        hold(wide <= width, `${wide} pixels wide at ${width}`);
      }
      return "nothing sticks out";
    }),
  },
];

/** Pictures of the demo, for people to look at. */
export async function screenshots({ programs, folder }) {
  await mkdir(folder, { recursive: true });
  const demo = await start(programs.demo);
  try {
    for (const [size, viewport] of Object.entries(SIZES)) {
      for (const colorScheme of ["light", "dark"]) {
        const it = new Demo(await Visitor.come({ colorScheme, viewport }), demo.url);
        const shoot = (name, fullPage) => it.page.screenshot({ path: join(folder, `${size}-${colorScheme}-${name}.png`), fullPage });
        try {
          await it.open();
          await it.logIn("Ada Lovelace");
          for (const bytes of [400, 900, 1400, 1900, 2300, 2600, 4000, 8000]) await it.grow(bytes);
          await it.grow(1200);
          await shoot("session", true);
          await it.press("tamper");
          await shoot("tampered", false);
        } finally {
          await it.visitor.leave();
        }
      }
    }
  } finally {
    await demo.stop();
  }
}
