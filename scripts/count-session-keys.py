#!/usr/bin/env python3
"""Counts the names that web applications give to what they keep in sessions.

    scripts/count-session-keys.py [--table] FOLDER...

Each folder is the checkout of one repository. Prints a ranking, one name a line: in how many
repositories it occurs, how often, the name. With --table, prints the static table of `Values`
instead, as docs/STATIC-TABLE.md describes it. A name is what a session API is called with, what
stands under such a name, or a member of a literal that is assigned to one. Tests, comments and
vendored code are left out.
"""

import collections
import os
import re
import sys

ENDINGS = (".cs", ".erb", ".go", ".java", ".js", ".jsx", ".php", ".py", ".rb", ".rs", ".ts", ".tsx", ".twig")
SKIPPED = re.compile(
    r"(^|/)(\.\w+|node_modules|vendor|third_party|dist|build|public|locales?|docs?|documentation|fixtures"
    r"|tests?|testing|specs?|__tests__|e2e|cypress|migrations?|ace|plugins/js|libs)(/|$)"
    r"|[._]min\.js$|(^|/)ace\.js$|[._-](test|spec)s?\.\w+$|(^|/)test_[^/]*$|Tests?\.\w+$"
)
# Comments and what is minified.
LEFT_OUT = re.compile(r"^(?:[ \t]*(?:#|//|\*).*|.{1000,})$", re.MULTILINE)
NAME = r"[A-Za-z_][A-Za-z0-9_.-]{0,39}"
# A session: PHP's, Express's, OpenCart's, gorilla's, and a variable of that name.
SESSION = r"(?:\$_SESSION|\b\$?(?:\w+_)?[Ss]ess(?:ion)?(?:_data)?(?:\(\))?(?:(?:->|\.)(?:data|Values|now|flash))?|\bflash(?:\.now)?)"
QUOTED = rf"(?:['\"]({NAME})['\"]|:({NAME}))"
METHODS = (
    r"(?:get|get_or_insert\w*|insert|set|put|push|pop|remove|delete|has|exists|contains\w*|forget|pull|flash|keep|fetch|add"
    r"|dig|setdefault|[gs]et(?:Attribute|String|Int32)|removeAttribute|[GS]et(?:String|Int32)?|Delete|Add|AddFlash)"
)
FIRST = (
    # session["a"], $_SESSION['a'], session[:a], flash[:a]
    re.compile(rf"{SESSION}\??\[\s*{QUOTED}\s*\]"),
    # session.get("a"), session->put('a', …), session.insert::<T>("a", …), session.set(:a, …)
    re.compile(rf"{SESSION}\??\s*(?:\.|->|::)\s*{METHODS}(?:::<[^()]*?>|<\w+>)?\(\s*&?\s*{QUOTED}"),
    # session('a'), session(['a' => …]), req.flash('a', …)
    re.compile(rf"\b(?:session|flash)\(\s*\[?\s*{QUOTED}"),
    # req.session.a, session.user.a; only where members are names
    re.compile(r"\b(?:req|request|ctx|context|socket|this|await \w+)\??\.session\??\.([A-Za-z_]\w*)(?![\w(]|\s*\()"),
    re.compile(r"(?<![.\w])session\??\.([A-Za-z_]\w*)(?![\w(]|\s*\()"),
)
# What may follow the name itself: names under it, or a literal that is assigned to it.
UNDER = re.compile(rf"\s*\]?\??\[\s*(?:\$?\w+\s*\]\s*\[\s*)?{QUOTED}")
UNDER_MEMBER = re.compile(rf"{UNDER.pattern}|\??\.([A-Za-z_]\w*)(?![\w(]|\s*\()")
LITERAL = re.compile(r"\s*\]?(?:\[[^\]\n]*\])?\s*(?:=|=>|,)\s*(?:array\(|\[|\{|\w+\()")
MEMBER = re.compile(rf"(?:['\"]({NAME})['\"]|\b([a-z_]\w*))\s*(?:=>|:(?!:))")
WORD = re.compile(r"[a-z][a-z0-9_]*")
# The API itself, names that only examples have, and what the patterns take for names.
NOT_NAMES = set(
    """append cookie count counter exists foo bar baz get has is_empty items iter join key keys length map pop push save set sid split
    store test to_s update value values
    application_secret command cur_op default https js partial password_hash_ server ts""".split()
)
# Names of one provider.
OF_ONE = ("github_", "google_", "oidc_", "saml_")

# Standard names, which the table holds however often they are counted.
STANDARD = """
    sub name given_name family_name middle_name nickname preferred_username profile picture website email email_verified
    gender birthdate zoneinfo locale phone_number phone_number_verified address updated_at
    formatted street_address locality region postal_code country
    iss aud exp iat nbf jti auth_time nonce acr amr azp sid roles groups
    access_token token_type expires_in expires_at refresh_token scope id_token
    state code_verifier redirect_uri client_id
""".split()
# Names of the project's sample sessions of a login, and of one with messages to be shown.
SAMPLES = """
    auth_time csrf_token display_name email flash level locale mfa return_to roles text theme user_id
""".split()
# More of them, in the sample with tokens.
MORE_SAMPLES = ["id_token_expires", "scopes"]
# What is shown once, and gone with the next request: not worth one of the shortest numbers.
SHOWN_ONCE = "alert error error_msg errors info message messages msg notice status success warning".split()


def names(text, has_members):
    """All names in a source text; in JavaScript, members are names too."""
    patterns, below = (FIRST, UNDER_MEMBER) if has_members else (FIRST[:3], UNDER)
    for pattern in patterns:
        for match in pattern.finditer(text):
            yield first(match)
            end = match.end()
            while under := below.match(text, end):
                yield first(under)
                end = under.end()
            if literal := LITERAL.match(text, end):
                body = re.match(r"[^\])};]{0,400}", text[literal.end() :]).group()
                for member in MEMBER.finditer(body):
                    yield first(member)


def first(match):
    """The name that matched, as Rust writes it: `userId`, `USER_ID` and `user-id` are `user_id`."""
    name = next(group for group in match.groups() if group)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|-", "_", name).lower()


def files(folder):
    for path, _, entries in os.walk(folder):
        for entry in sorted(entries):
            whole = os.path.join(path, entry)
            if entry.endswith(ENDINGS) and not SKIPPED.search(os.path.relpath(whole, folder)):
                yield whole


def main(folders, as_table):
    repositories, occurrences = collections.Counter(), collections.Counter()
    for folder in folders:
        found = collections.Counter()
        for path in files(folder):
            with open(path, encoding="utf-8", errors="replace") as file:
                text = LEFT_OUT.sub("", file.read(400_000))
            # A pattern at a time is slow on what has no session at all.
            if re.search("sess|flash", text, re.IGNORECASE):
                found.update(name for name in names(text, path.endswith((".js", ".jsx", ".ts", ".tsx"))) if WORD.fullmatch(name) and name not in NOT_NAMES and not name.startswith(OF_ONE))
        repositories.update(found.keys())
        occurrences.update(found)
    ranking = sorted(occurrences, key=lambda name: (-repositories[name], -occurrences[name], name))
    if not as_table:
        for name in ranking:
            print(f"{repositories[name]:3} {occurrences[name]:5} {name}")
        return
    first = SAMPLES + [name for name in ranking if name not in SAMPLES + SHOWN_ONCE][: 24 - len(SAMPLES)]
    rest = set(STANDARD + MORE_SAMPLES).difference(first)
    rest.update([name for name in ranking if name not in rest.union(first)][: 104 - len(rest)])
    print("\n".join([*sorted(first), *sorted(rest)]))


if __name__ == "__main__":
    folders = [argument for argument in sys.argv[1:] if argument != "--table"]
    if not folders:
        sys.exit(__doc__)
    main(folders, "--table" in sys.argv)
