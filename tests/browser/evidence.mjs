// What the checks say about claims that only a browser can settle, for the comparison of
// cookies with stores. Everything that was seen is taken from the checks' own results.

export function claims(rows) {
  const saw = (id) => rows.find((row) => row.id === id).result;
  return [
    {
      claim: "size-limit",
      run: "Cookies of 4,096 and 4,097 bytes of name and value set in a browser; sessions grown byte by byte and by slider across their limits.",
      cookie: `4,096 bytes: ${saw("limit_4096_kept")}; 4,097 bytes: ${saw("limit_4097_dropped")}, also over an older one: ${saw("overlong_keeps_old")}. Ours: ${saw("never_sent_4097")}`,
      store: `${saw("reference_of_one_size")}, whatever its session holds`,
      automatic: saw("demo_slider"),
      verdict: "holds",
      because: "the limit is exact and counts name and value together, and none of the attributes",
    },
    {
      claim: "browser-close",
      run: "A login with and without remember-me, in the cookie and in the store; the tab closed and opened again, then the browser on the same profile.",
      cookie: `without Max-Age: ${saw("session_cookie_gone_at_close")}; with it: ${saw("persistent_cookie_kept")}`,
      store: `the same, since what the browser keeps is the reference: without Max-Age: ${saw("session_cookie_gone_at_close")}; with it: ${saw("persistent_cookie_kept")}`,
      automatic: "the same in both places",
      verdict: "holds-in-part",
      because: "a cookie outlives the browser only with Max-Age or Expires, wherever its session lives; closing a page destroys nothing",
    },
  ];
}
