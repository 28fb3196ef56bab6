"""Ring files, read and judged from SPEC 3.1 and 3.2, and compared with the library's verdict on
the same files: `rings.py COMMAND...`, with the command line of the library. Exits with 1 on a
difference.
"""

import collections
import datetime
import itertools
import pathlib
import random
import subprocess
import sys
import tempfile
import tomllib

import ssc1
from ssc1 import check

LARGEST_FILE = 65536
MOST_KEYS = 8
MARGIN = 600
FILES = 600


def read(data):
    """The ring of a file's bytes, or `Refused`."""
    check(len(data) <= LARGEST_FILE, "syntax")
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except ValueError:
        raise ssc1.Refused("syntax") from None
    check(list(table) == ["key"] and isinstance(table["key"], list), "syntax")
    return judged([read_key(entry) for entry in table["key"]])


def read_key(entry):
    check(isinstance(entry, dict), "syntax")
    check({"secret", "seals_from"} <= set(entry) <= {"secret", "seals_from", "opens_until"}, "syntax")
    check(isinstance(entry["secret"], str), "syntax")
    until = entry.get("opens_until")
    return ssc1.Key(
        ssc1.key_from_text(entry["secret"]),
        seconds(entry["seals_from"]),
        None if until is None else seconds(until),
    )


def seconds(instant):
    """Whole seconds of a date-time that has a date, a time and an offset."""
    check(isinstance(instant, datetime.datetime) and instant.tzinfo is not None, "syntax")
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    whole = (instant - epoch) // datetime.timedelta(seconds=1)
    check(0 <= whole <= ssc1.LAST_SECOND, "syntax")
    return whole


def judged(ring):
    """The ring, if it is one for production."""
    check(1 <= len(ring) <= MOST_KEYS, "count")
    check(not any(ssc1.is_published(key.root) for key in ring), "published")
    check(len({key.root for key in ring}) == len(ring), "twice")
    check(len({key.seals_from for key in ring}) == len(ring), "same-start")
    for key in ring:
        if key.opens_until is not None:
            check(key.opens_until > key.seals_from, "order")
            check(ssc1.sealing_key(ring, key.opens_until) is not None, "gap")
    return ring


def judged_with(ring, idle):
    """The ring, if it may be used with a policy of that longest idle timeout."""
    ring = sorted(ring, key=lambda key: key.seals_from)
    check(ring[-1].opens_until is None, "closes-early")
    for key, successor in itertools.pairwise(ring):
        earliest = ssc1.later(ssc1.later(successor.seals_from, idle), MARGIN)
        check(key.opens_until is None or key.opens_until >= earliest, "closes-early")


def role(key, ring, now):
    if not ssc1.opens(key, now):
        return "closed"
    if key is ssc1.sealing_key(ring, now):
        return "seals"
    return "pending" if key.seals_from > now else "opens"


# Files, most of them nearly right


def text(keys, dice):
    def instant(second):
        moment = datetime.datetime.fromtimestamp(second, datetime.UTC)
        form = dice.choice(
            ["%Y-%m-%dT%H:%M:%SZ"] * 6 + ["%Y-%m-%dT%H:%M:%S.9Z", "%Y-%m-%d %H:%M:%S+00:00"]
        )
        if dice.random() < 0.01:
            form = dice.choice(
                ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%H:%M:%S", '"%Y-%m-%dT%H:%M:%SZ"']
            )
        return moment.strftime(form)

    lines = []
    for secret, begins, ends in keys:
        lines += ["[[key]]", f'secret = "{secret}"', f"seals_from = {instant(begins)}"]
        lines += [] if ends is None else [f"opens_until = {instant(ends)}"]
        if dice.random() < 0.02:
            lines.append(
                dice.choice(["name = 1", "secret = 1", "[other]", "x", "# a comment", "[key]"])
            )
        if dice.random() < 0.02:
            del lines[dice.randrange(len(lines))]
    return "\n".join(lines)


def file(dice):
    """The bytes of a file that is a ring, or nearly one."""
    first = dice.randrange(1_700_000_000, 1_900_000_000)
    times = sorted(
        dice.randrange(first, first + 40) for _ in range(dice.choice([0, *[1, 2, 3, 4] * 6, 8, 9]))
    )
    keys = []
    for number, begins in enumerate(times):
        root = dice.randbytes(32)
        if dice.random() < 0.03:
            root = dice.choice([bytes(32), bytes(range(32)), b"\xff" * 32, root[:31]])
        secret = "ssc1_key_" + ssc1.to_text(root)
        if dice.random() < 0.03:
            secret = dice.choice(
                [secret[:-1], secret + "=", secret[9:], secret[:-1] + "B", secret.upper()]
            )
        if keys and dice.random() < 0.03:
            secret = keys[0][0]
        last = number == len(times) - 1
        ends = None if dice.random() < (0.9 if last else 0.4) else begins + dice.randrange(-1, 50)
        keys.append((secret, begins, ends))
    dice.shuffle(keys)
    data = text(keys, dice).encode()
    if dice.random() < 0.02:
        data += dice.choice([b"\xff", b"#" * LARGEST_FILE, b"\0"])
    return data, [first + dice.randrange(-5, 100) for _ in range(2)]


def listed(command, path, now):
    """The library's verdict: each key id's role, or None for a ring that it refuses."""
    at = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    done = subprocess.run(
        [*command, "keys", "list", path, "--at", at], capture_output=True, encoding="utf-8"
    )
    if done.returncode == 3:
        return None
    if done.returncode != 0:
        sys.exit(f"the command line failed: {done.stderr}")
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    return {row[0]: row[1] for row in rows}


def main(command):
    seed = 20261122
    dice, counts, wrong = random.Random(seed), collections.Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "ring.toml"
        for _ in range(FILES):
            data, instants = file(dice)
            path.write_bytes(data)
            try:
                ring, reason = read(data), "accepted"
            except ssc1.Refused as refused:
                ring, reason = None, f"refused: {refused}"
            counts[reason] += 1
            for now in instants:
                ours = ring and {ssc1.kid(key.root).hex(): role(key, ring, now) for key in ring}
                theirs = listed(command, str(path), now)
                if ours != theirs:
                    wrong += 1
                    print(f"{reason}, and the library: {theirs}\n{data!r}", file=sys.stderr)
                counts.update(ours.values() if ours else [])
    print(f"{FILES} ring files, {dict(sorted(counts.items()))}, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
