// The programs that the browser visits, and servers that say what a browser sends.

import { spawn } from "node:child_process";
import http from "node:http";
import { createInterface } from "node:readline";

/** Starts an example on a free port; gives its URL once it listens. */
export async function start(program) {
  const child = spawn(program, ["127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill();
    await ended;
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\/\/[\d.:]+/.exec(line)?.[0];
    if (url) return { url, stop };
  }
  throw new Error(`${program} ended without listening`);
}

/** A server that answers as `answer(request)` says, `{ setCookie, html }`, and notes what came. */
export async function serve(answer) {
  const requests = [];
  const server = http.createServer((request, response) => {
    if (request.url !== "/favicon.ico") {
      requests.push({ url: request.url, method: request.method, cookie: request.headers.cookie ?? "" });
    }
    const { setCookie = [], html = "" } = answer(request) ?? {};
    if (setCookie.length) response.setHeader("set-cookie", setCookie);
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><html lang=en><title>test</title>${html}`);
  });
  await new Promise((resolve) => server.listen(0, resolve));
  const { port } = server.address();
  return {
    requests,
    /** Two sites of one machine: a browser takes them for strangers. */
    url: `http://127.0.0.1:${port}`,
    foreignUrl: `http://localhost:${port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
