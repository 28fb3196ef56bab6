"""Both directions between ssc1.py and the library: `cross.py COMMAND...`, with the command line
of the library, built with its SQLite store. Exits with 1 on a difference.
"""

import collections
import json
import pathlib
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
import tomllib

import check
import ssc1
import values

CORPUS = pathlib.Path(__file__).parent.parent / "corpus"
SESSIONS = ["minimal", "login", "flash", "oauth", "cart10"]
STORED = "cart400"
CONTEXT, NAME, USER = "example.com", "__Host-session", "42"
POLICY = [ssc1.Timeouts(1800, 86400)]


class Library:
    def __init__(self, command, ring):
        self.command, self.ring = command, ring

    def run(self, *arguments, stdin=""):
        done = subprocess.run(
            [*self.command, *arguments], input=stdin, capture_output=True, encoding="utf-8"
        )
        if done.returncode > 1:
            sys.exit(f"the command line failed: {done.stderr}")
        if done.returncode == 1:
            raise ssc1.Refused(done.stderr.split(":")[0])
        return done.stdout.strip()

    def session(self, command, suite, *arguments, stdin):
        names = ["--keys", self.ring, "--context", CONTEXT, "--name", NAME]
        signed = ["--signed"] if suite == "signed" else []
        return self.run(command, *names, *signed, *arguments, stdin=stdin)


def read_ring(path):
    keys = tomllib.loads(pathlib.Path(path).read_text("utf-8"))["key"]
    return [
        ssc1.Key(
            ssc1.key_from_text(key["secret"]),
            int(key["seals_from"].timestamp()),
            int(key["opens_until"].timestamp()) if "opens_until" in key else None,
        )
        for key in keys
    ]


def corpus(name):
    return (CORPUS / f"{name}.json").read_text("utf-8")


def same(one, other):
    return check.tagged(one) == check.tagged(other)


def category(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except ssc1.Refused as refused:
        return str(refused)
    return "accepted"


def now():
    return int(time.time())


def tokens(library, suite, ring, sealing, rotated, expect):
    """`sealing` is the ring that Python seals with, before a rotation that is done by now."""

    def seal(session):
        size = 40 if suite == "encrypted" else 16
        place = (suite, CONTEXT, NAME, sealing, POLICY, now(), secrets.token_bytes(size))
        return ssc1.seal_token(session, *place, user_id=USER.encode())

    def open(token):
        return ssc1.open_token(token, suite, CONTEXT, NAME, ring, POLICY, now())

    for name in SESSIONS:
        session = values.from_json(corpus(name))
        token = library.session("encode", suite, "--subject", USER, stdin=corpus(name))
        opened = open(token)
        who = ssc1.subject(CONTEXT, USER.encode())
        expect("library to Python", (suite, name), same(opened.session, session) and opened.claims.subject == who)

        mine = seal(session)
        answer = json.loads(library.session("decode", suite, "--claims", stdin=mine))
        right = same(answer["data"], session) and len(mine) == len(token)
        right &= answer["claims"]["needs_rekey"] == rotated == open(mine).needs_rekey
        expect("Python to library", (suite, name), right)

    altered = mine[:-9] + ("A" if mine[-9] != "A" else "B") + mine[-8:]
    for token in ["", mine[:20], mine[:40], "A" * 4097, "A" * 24, mine + "=", altered]:
        theirs = category(library.session, "decode", suite, stdin=token)
        expect("refused by both", (suite, token[:50]), theirs == category(open, token))
    theirs = category(library.session, "encode", suite, stdin=corpus(STORED))
    ours = category(seal, values.from_json(corpus(STORED)))
    expect("refused by both", (suite, STORED), theirs == ours == "too-large")


def records(library, folder, ring, expect):
    """A session that does not fit the cookie, in a SQLite file that both read and write."""
    path = f"{folder}/sessions.db"
    store, session = ["--store", f"sqlite://{path}"], values.from_json(corpus(STORED))
    token = library.session("encode", "encrypted", *store, "--subject", USER, stdin=corpus(STORED))
    opened = ssc1.open_reference(token, CONTEXT, NAME, ring, POLICY, now())
    database = sqlite3.connect(path)
    key = ssc1.public_id(opened.claims.sid)
    found = database.execute("SELECT version, bytes FROM sealed_session_rows WHERE key = ?", [key]).fetchall()
    ((version, record),) = found
    place = (CONTEXT, NAME, ring, now(), opened.claims, opened.body, version)
    right = same(ssc1.open_record(record, *place).session, session)
    expect("library to Python", ("record", STORED), right)

    sid, handle = secrets.token_bytes(16), secrets.token_bytes(32)
    root = ssc1.sealing_key(ring, now()).root
    claims = ssc1.make_claims(ssc1.REFERENCE, CONTEXT, POLICY, now(), sid, ssc1.VALUES, user_id=USER.encode())
    token = ssc1.seal_reference(root, CONTEXT, NAME, claims, handle, secrets.token_bytes(24))
    place = (root, CONTEXT, NAME, claims, handle, 1, secrets.token_bytes(24))
    row = (ssc1.public_id(sid), 1, 1, now(), now() + 86400, ssc1.seal_record(session, *place))
    with database:
        database.execute("INSERT INTO sealed_session_rows VALUES (?, ?, ?, ?, ?, ?)", row)
    answer = library.session("decode", "encrypted", *store, stdin=token)
    expect("Python to library", ("record", STORED), same(json.loads(answer), session))
    database.close()


def main(command):
    counts, wrong = collections.Counter(), []

    def expect(direction, what, holds):
        counts[direction] += 1
        if not holds:
            wrong.append(what)
            print(direction, *what, "differs", sep=": ", file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/ring.toml"
        library = Library(command, path)
        library.run("keys", "new", "--out", path)
        # The second round opens with a key that no longer seals.
        old = read_ring(path)
        for rotated in (False, True):
            if rotated:
                library.run("keys", "rotate", "--activate-in", "0s", path)
            ring = read_ring(path)
            for suite in ssc1.SUITES:
                tokens(library, suite, ring, old, rotated, expect)
        records(library, folder, ring, expect)
    print(f"{dict(counts)}, {len(wrong)} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
