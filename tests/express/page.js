// The tables of docs/EXPRESS.md.
import { systems } from "./servers.js";

const BEGIN = "<!-- begin: made by scripts/express.sh --record -->";
const END = "<!-- end -->";

/** The page with its tables replaced by those of a record. */
export function inserted(page, record) {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error("docs/EXPRESS.md has no place for the tables");
  return `${page.slice(0, from)}${BEGIN}\n${tables(record)}${page.slice(to)}`;
}

function tables(record) {
  const names = systems.map(({ name }) => name);
  const { versions } = record;
  const { sets, reads, signs, sessions } = record.alone;
  const able = (can) => (can ? "yes" : "no");
  return `
Recorded ${record.recorded} with \`${record.command}\` on ${record.machine}. Versions: ${Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ")}.

### Express alone

Without a middleware, Express sets a cookie: ${able(sets)}; reads cookies into \`req.cookies\`: ${able(reads)}; signs a cookie: ${able(signs)}; has \`req.session\`: ${able(sessions)}.

### Behaviour

${table(["", ...names], record.rows.map(({ id, what, results }) => [`**${id}**: ${what}`, ...names.map((name) => results[name])]))}
### Bytes

Characters of cookie value / bytes of \`Set-Cookie\` lines, both cookies of cookie-session together; and in brackets what Redis holds for the session, keys included. A dash in front: browsers drop it.

${table(["session", "JSON", ...names], bySession(record.sizes).map(([session, own]) => [session, own[0].json, ...own.map(size)]), 1)}
### Requests per second

Median of the rounds, and how many times express-session (memory) in the same round: median (least to most).

${["read", "change"].map((kind) => `${speedTable(record.speeds, kind, names)}`).join("\n")}`;
}

function size({ value, headers, kept, stored }) {
  return `${kept ? "" : "– "}${value} / ${headers}${stored ? ` (${stored})` : ""}`;
}

function speedTable(speeds, kind, names) {
  const rows = bySession(speeds.filter((speed) => speed.kind === kind)).map(([session, own]) => [
    session,
    ...names.map((name) => {
      const found = own.find(({ system }) => system === name);
      if (!found) return "no browser keeps it";
      return `${found.per_second}; ${found.ratio} (${found.least} to ${found.most})`;
    }),
  ]);
  return table([kind, ...names], rows, 1);
}

function bySession(list) {
  const names = [...new Set(list.map(({ session }) => session))];
  return names.map((name) => [name, list.filter(({ session }) => session === name)]);
}

/** A table whose columns from that one on are numbers. */
function table(head, rows, numbersFrom = head.length) {
  const line = (cells) => `| ${cells.join(" | ")} |\n`;
  const rule = head.map((_, column) => (column < numbersFrom ? "---" : "---:"));
  return line(head) + line(rule) + rows.map(line).join("");
}
