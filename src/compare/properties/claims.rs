//! The rows: what two widely read comparisons claim, in few words, and what is run.

use super::{About, Claim, Document, Needs};

/// A row before it is run.
pub(super) struct Row {
    pub(super) id: &'static str,
    pub(super) topic: &'static str,
    claims: &'static [(Document, About, &'static str)],
    pub(super) run: &'static str,
    pub(super) needs: Needs,
}

impl Row {
    pub(super) fn claims(&self) -> Vec<Claim> {
        let claims = self.claims.iter();
        claims
            .map(|&(by, of, text)| Claim {
                by,
                of,
                text: text.to_owned(),
            })
            .collect()
    }
}

/// The ids of all rows, in their order.
pub(in crate::compare) fn ids() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.id)
}

use About::{Cookie, Session};
use Document::{Express, General};

/// First what the comparisons claim, then what they leave out.
pub(super) static ROWS: [Row; 22] = [
    Row {
        id: "storage-location",
        topic: "Storage location",
        claims: &[
            (General, Cookie, "on the client side, in the browser"),
            (General, Session, "on the server side"),
            (Express, Cookie, "at the client side"),
            (Express, Session, "at the server side, under a unique id"),
        ],
        run: "one session by each strategy; the bytes of the cookie, and the store's rows counted",
        needs: Needs::Nobody,
    },
    Row {
        id: "readable",
        topic: "Security of the data",
        claims: &[
            (General, Cookie, "less secure: exposed to the client"),
            (
                General,
                Session,
                "more secure: data on the server; for sensitive information",
            ),
            (Express, Cookie, "less secure: stored at the client"),
            (Express, Session, "more secure: stored at the server"),
        ],
        run: "a known secret searched in the decoded cookie; every character of the cookie altered, one at a time, and presented",
        needs: Needs::Nobody,
    },
    Row {
        id: "performance",
        topic: "Performance",
        claims: &[
            (General, Cookie, "faster, as data is stored on the client"),
            (
                General,
                Session,
                "slightly slower, as each request requires server processing",
            ),
            (Express, Cookie, "faster, as data is stored locally"),
            (Express, Session, "slower, due to server interaction"),
        ],
        run: "requests that read each sample, by each strategy and store, in turns; medians compared",
        needs: Needs::Nobody,
    },
    Row {
        id: "size-limit",
        topic: "Size limit",
        claims: &[
            (General, Cookie, "4 KB per cookie"),
            (General, Session, "large amounts"),
            (Express, Cookie, "only 4 KB"),
            (Express, Session, "5 to 10 MB"),
        ],
        run: "the largest payload of a cookie found by bisection; sessions of 5 and 10 MiB stored and compared byte by byte; a browser given cookies of 4096 and 4097 bytes",
        needs: Needs::Browser,
    },
    Row {
        id: "expiration",
        topic: "Expiration",
        claims: &[
            (General, Cookie, "set by hand (Max-Age, Expires)"),
            (
                General,
                Session,
                "by itself after inactivity, or when destroyed",
            ),
        ],
        run: "a cookie without Max-Age presented just before and just after the idle timeout, by the server's clock",
        needs: Needs::Nobody,
    },
    Row {
        id: "restart",
        topic: "Persistence over a restart",
        claims: &[
            (General, Cookie, "data persists"),
            (
                General,
                Session,
                "lost when the server restarts, unless stored in a database",
            ),
        ],
        run: "the same cookie presented to a new server with the same keys: with its store in memory begun anew, and with a store that outlives it; and a logout from before",
        needs: Needs::Nobody,
    },
    Row {
        id: "browser-close",
        topic: "Persistence over closing the browser",
        claims: &[
            (
                General,
                Cookie,
                "persists after the browser is closed, unless expired",
            ),
            (General, Session, "lost once the session expires"),
            (
                Express,
                Cookie,
                "destroyed when the page is closed, or remains until the defined time",
            ),
        ],
        run: "Set-Cookie of an ordinary session and of one to be remembered; a browser closed and started again on the same profile",
        needs: Needs::Browser,
    },
    Row {
        id: "logout",
        topic: "Lifetime at logout",
        claims: &[
            (General, Session, "ends when explicitly destroyed"),
            (Express, Session, "destroyed when the user logs out"),
        ],
        run: "a copy of the cookie presented after the logout",
        needs: Needs::Nobody,
    },
    Row {
        id: "authentication",
        topic: "Use for authentication",
        claims: &[
            (General, Cookie, "often for tokens such as JWT"),
            (
                General,
                Session,
                "commonly for session-based authentication",
            ),
        ],
        run: "a visitor logs in; the session asked for its user and its id, and the cookie from before the login presented",
        needs: Needs::Nobody,
    },
    Row {
        id: "identifier",
        topic: "Identifier",
        claims: &[
            (Express, Cookie, "a key-value pair"),
            (Express, Session, "a session id"),
        ],
        run: "what the browser holds of a small and of a large session compared; the session asked for its id",
        needs: Needs::Nobody,
    },
    Row {
        id: "every-request",
        topic: "What travels",
        claims: &[
            (
                Express,
                Cookie,
                "sent with the request whenever the user comes back",
            ),
            (Express, Session, "all requests carry the unique id"),
        ],
        run: "the line Cookie of a request that follows the first, measured",
        needs: Needs::Nobody,
    },
    Row {
        id: "middleware",
        topic: "Middleware needed",
        claims: &[
            (Express, Cookie, "none: built into Express"),
            (Express, Session, "express-session"),
        ],
        run: "Express without any middleware asked to set, read and protect a session; the same program with each package",
        needs: Needs::Express,
    },
    Row {
        id: "purpose",
        topic: "What it is used for",
        claims: &[
            (
                General,
                Cookie,
                "remembering logins and tracking users across sessions",
            ),
            (
                General,
                Session,
                "temporary, secure storage during one login",
            ),
            (Express, Cookie, "user preferences"),
            (Express, Session, "user-specific data"),
        ],
        run: "a login and a preference kept by each strategy, for the browser's session and to be remembered",
        needs: Needs::Nobody,
    },
    Row {
        id: "examples",
        topic: "Who uses it",
        claims: &[
            (General, Cookie, "large portals, shops and video sites"),
            (
                General,
                Session,
                "banks, e-learning, government and job portals",
            ),
        ],
        run: "what anybody outside can see of a site: its Set-Cookie by each strategy, compared without the value",
        needs: Needs::Nobody,
    },
    Row {
        id: "revocation-delay",
        topic: "How long after a logout another server accepts a copy",
        claims: &[],
        run: "a logout at one of two servers; the copy presented at the other, second by second",
        needs: Needs::Nobody,
    },
    Row {
        id: "replay-window",
        topic: "How long a thief can use a copied cookie after the logout",
        claims: &[],
        run: "the copy used again and again after the logout, twice per idle timeout, keeping what the server sets",
        needs: Needs::Nobody,
    },
    Row {
        id: "old-state",
        topic: "Whether an old cookie brings old data back",
        claims: &[],
        run: "a voucher spent, and the cookie from before presented",
        needs: Needs::Nobody,
    },
    Row {
        id: "lost-updates",
        topic: "Two requests that change the session at once",
        claims: &[],
        run: "two requests with the same cookie each add an article; both answered; the cart counted",
        needs: Needs::Nobody,
    },
    Row {
        id: "store-down",
        topic: "While the store does not answer",
        claims: &[],
        run: "the store switched off; a request each second for a minute; the store switched on again",
        needs: Needs::Nobody,
    },
    Row {
        id: "at-rest",
        topic: "Confidentiality at rest",
        claims: &[],
        run: "a known secret searched in every row of the store",
        needs: Needs::Nobody,
    },
    Row {
        id: "stolen-database",
        topic: "What a stolen database yields, with the server's keys",
        claims: &[],
        run: "every row opened as a token under the server's own keys",
        needs: Needs::Nobody,
    },
    Row {
        id: "stolen-key",
        topic: "What a stolen key yields",
        claims: &[],
        run: "a captured cookie opened, and a login of somebody else made, with the keys alone; then the same after an emergency rotation",
        needs: Needs::Nobody,
    },
];
