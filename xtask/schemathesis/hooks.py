"""Gives the requests that Schemathesis makes up something to hold on to.

A path or an author of random letters is refused at once, and nothing behind that is reached. So in requests that fit the
document, such strings are replaced by some that mean something in the store of the test, or nearly do. Requests that
are to be refused stay as they are.
"""

import json
import os
import zlib

import schemathesis

SPACES = ["alpha", "beta", "steps", "missing"]
# Deleting is for these: the others must stay.
DOOMED = ["doomed-0", "doomed-1", "doomed-2", "missing"]
AUTHORS = ["01998d3c-6a00-7000-8000-000000000001", "01998d3c-6a00-7000-8000-000000000002"]
GUESTS = [*os.environ["ICECORE_TEST_GUESTS"].split(","), "missing"]
FOLDERS = ["updates", "segments", "snapshots", "quarantine", "transient"]
OBJECTS = [
    "heads/{space}",
    "spaces/{space}/space.json",
    "spaces/{space}/0001/updates/1795262400000",
    "spaces/{space}/0001/segments/0000000001",
    "spaces/{space}/0001/snapshots/0000000001",
    "spaces/{space}/0001/transient/1795262400000-" + AUTHORS[0],
    "spaces/{space}/0001/quarantine/updates/1795262400000",
    "spaces/{space}/9999/segments/0000000001",
    "store.json",
]


def pick(choices, seed):
    """The same input gives the same request: a failure can be reproduced."""
    return choices[zlib.crc32(seed.encode()) % len(choices)]


def meaningful(name, value, space, seed):
    """A string that means something, for some names of fields."""
    if name in ("path", "from", "to"):
        return pick([*OBJECTS, value], seed + name).replace("{space}", space)
    if name == "folder":
        below = f"spaces/{space}/0001/{pick(FOLDERS, seed)}"
        return pick([below, below, f"spaces/{space}", "spaces", "heads", value], seed + name)
    if name == "author":
        return pick(AUTHORS, seed)
    if name == "sha256":
        return f"{zlib.crc32(seed.encode()):064x}"
    if name == "kind":
        return "typing"
    if name == "name":
        return pick(["document", "log", "missing"], seed)
    if name == "into":
        return pick(SPACES, seed)
    return value


def walk(value, space, seed, name=""):
    """The same JSON with strings that mean something."""
    if isinstance(value, dict):
        # A guest's token cannot be made up; an administrator needs none.
        return {key: walk(item, space, f"{seed}.{key}", key) for key, item in value.items() if key != "guest_token"}
    if isinstance(value, list):
        # One that is refused is enough for all to be: few, so that some are not.
        value = value[:2] if name == "ops" else value
        return [walk(item, space, f"{seed}.{n}", name) for n, item in enumerate(value)]
    if isinstance(value, str):
        return meaningful(name, value, space, seed + value)
    return value


@schemathesis.hook
def map_case(context, case):
    """Fills in what the document cannot say."""
    if case.method == "DELETE" and (case.path_parameters or {}).get("space") in SPACES:
        case.path_parameters["space"] = DOOMED[0]
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return case
    seed = json.dumps([case.path_parameters, case.body], default=str, sort_keys=True)
    space = pick(DOOMED if case.method == "DELETE" else SPACES, seed)
    for name, value in (("space", space), ("id", pick(GUESTS, seed))):
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = value
    if isinstance(case.body, (dict, list)):
        case.body = walk(case.body, space, seed)
    return case
