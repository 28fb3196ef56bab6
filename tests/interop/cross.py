"""Both directions between ssc1.py and the library: `cross.py COMMAND...`, with the command line
of the library. Exits with 1 on a difference.
"""

import json
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time
import tomllib

import check
import ssc1

CORPUS = pathlib.Path(__file__).parent.parent / "corpus"
SESSIONS = ["minimal", "login", "flash", "oauth", "cart10"]
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


def same(one, other):
    return check.tagged(one) == check.tagged(other)


def main(command):
    counts, wrong = {"library to Python": 0, "Python to library": 0, "refused by both": 0}, []

    def expect(what, holds):
        counts[what[0]] += 1
        if not holds:
            wrong.append(what)
            print(*what, "differs", sep=": ", file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/ring.toml"
        library = Library(command, path)
        library.run("keys", "new", "--out", path)
        # The second round opens with a key that no longer seals.
        for rotated in (False, True):
            if rotated:
                old = ring
                library.run("keys", "rotate", "--activate-in", "0s", path)
            ring = read_ring(path)
            for suite in ssc1.SUITES:
                size = 24 if suite == "encrypted" else 0

                def seal(session):
                    now, nonce = int(time.time()), secrets.token_bytes(size)
                    root = ssc1.sealing_key(old if rotated else ring, now).root
                    names = (suite, CONTEXT, NAME, root, POLICY, now)
                    sid = secrets.token_bytes(16)
                    return ssc1.seal_token(session, *names, sid, nonce, user_id=USER.encode())

                def open(token):
                    return ssc1.open_token(
                        token, suite, CONTEXT, NAME, ring, POLICY, int(time.time())
                    )

                for name in SESSIONS:
                    text = (CORPUS / f"{name}.json").read_text("utf-8")
                    session = json.loads(text)
                    token = library.session("encode", suite, "--subject", USER, stdin=text)
                    opened = open(token)
                    who = ssc1.subject(CONTEXT, USER.encode())
                    right = same(opened.session, session) and opened.claims.subject == who
                    expect(("library to Python", suite, name), right)

                    mine = seal(session)
                    answer = json.loads(library.session("decode", suite, "--claims", stdin=mine))
                    right = same(answer["data"], session)
                    right &= answer["claims"]["needs_reseal"] == rotated == open(mine).needs_reseal
                    right &= opened.claims.padded or len(mine) == len(token)
                    expect(("Python to library", suite, name), right)

                altered = mine[:-9] + ("A" if mine[-9] != "A" else "B") + mine[-8:]
                for token in ["", mine[:20], mine[:40], "A" * 4097, "A" * 24, mine + "=", altered]:
                    theirs = check.refusal(library.session, "decode", suite, stdin=token)
                    expect(
                        ("refused by both", suite, token[:50]), theirs == check.refusal(open, token)
                    )
                text = (CORPUS / "cart400.json").read_text("utf-8")
                theirs = check.refusal(library.session, "encode", suite, stdin=text)
                ours = check.refusal(seal, json.loads(text))
                expect(("refused by both", suite, "cart400"), theirs == ours == "too-large")
    print(f"{counts}, {len(wrong)} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
