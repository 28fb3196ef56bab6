// A client that keeps cookies as browsers do, on plain HTTP.
import { Agent, request } from "node:http";

/** What browsers keep: name and value together (RFC 6265bis, section 5.7). */
export const KEPT = 4096;

/** One request to an address with those cookies; headers of any length are read. */
export function send(url, { method = "GET", form, cookies, timeout = 30_000, agent } = {}) {
  return new Promise((good, bad) => {
    const body = form && new URLSearchParams(form).toString();
    const headers = {};
    if (cookies?.size) headers.cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    if (body) headers["content-type"] = "application/x-www-form-urlencoded";
    const asked = request(url, { method, headers, agent, maxHeaderSize: 1 << 20 }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", bad);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const [user, cart] = [...text.matchAll(/<b>(.*?)<\/b>/g)].map(([, inside]) => inside);
        const set = response.headers["set-cookie"] ?? [];
        good({ status: response.statusCode, text, user, cart: Number(cart), set });
      });
    });
    asked.setTimeout(timeout, () => asked.destroy(new Error("no answer")));
    asked.on("error", bad);
    asked.end(body);
  });
}

export class Browser {
  cookies = new Map();
  agent = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor(server) {
    this.server = server;
  }

  get(path = "/", more = {}) {
    return this.ask(path, more);
  }

  post(path, form = {}, more = {}) {
    return this.ask(path, { method: "POST", form, ...more });
  }

  async ask(path, options) {
    const { agent, cookies } = this;
    const answer = await send(this.server.url + path, { cookies, agent, ...options });
    answer.dropped = answer.set.filter((line) => !this.keep(line));
    return answer;
  }

  /** Whether a cookie is kept, removed ones included. */
  keep(line) {
    const { name, value, gone } = parse(line);
    if (name.length + value.length > KEPT) return false;
    if (gone) this.cookies.delete(name);
    else this.cookies.set(name, value);
    return true;
  }

  /** Another browser with the same cookies. */
  copy(server = this.server) {
    const copy = new Browser(server);
    copy.cookies = new Map(this.cookies);
    return copy;
  }
}

/** Name and value of a `Set-Cookie` line, and whether it removes the cookie. */
export function parse(line) {
  const [pair, ...attributes] = line.split("; ");
  const at = pair.indexOf("=");
  const gone = attributes.some((attribute) => {
    const [key, value] = attribute.split("=");
    if (/^max-age$/i.test(key)) return Number(value) <= 0;
    return /^expires$/i.test(key) && Date.parse(value) <= Date.now();
  });
  return { name: pair.slice(0, at), value: pair.slice(at + 1), gone };
}
