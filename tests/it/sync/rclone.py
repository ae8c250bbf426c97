#!/usr/bin/env -S python3 -ESs
"""A remote that is a folder (lie:PATH), and that lies as LIE says, in the place of rclone."""

import hashlib
import json
import os
import pathlib
import shutil
import sys
import time

LIE = os.environ.get("LIE", "")
VALUED = {"--files-from-raw", "--hash-type", "--multi-thread-streams", "--backup-dir", "--stats", "--stats-log-level"}


def parse(words):
    flags, places = {}, []
    words = iter(words)
    for word in words:
        if word in VALUED:
            flags[word] = next(words)
        elif word.startswith("--"):
            flags[word] = ""
        else:
            places.append(word)
    return flags, places


def folder(place):
    return pathlib.Path(place.removeprefix("lie:"))


def names(flags, root):
    if "--files-from-raw" in flags:
        return [name for name in sys.stdin.read().splitlines() if (root / name).is_file()]
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def listing(flags, root):
    items = []
    for name in names(flags, root):
        content = (root / name).read_bytes()
        item = {"Path": name, "Size": len(content), "ModTime": "2024-01-01T00:00:00Z", "IsDir": False}
        if "--hash" in flags and LIE != "no-hash":
            item["Hashes"] = {"md5": hashlib.md5(content).hexdigest()}
        items.append(item)
    data = [item for item in items if item["Path"].endswith(".parquet")]
    if LIE == "wrong-hash":
        for item in data:
            item.get("Hashes", {})["md5"] = hashlib.md5(item["Path"].encode()).hexdigest()
    elif LIE == "wrong-size":
        for item in data:
            item["Size"] += 1
    elif LIE == "no-size":
        for item in items:
            item["Size"] = -1
    elif LIE == "missing":
        items = [item for item in items if item not in data[:1]]
    elif LIE == "partial-listing":
        items = items[: len(items) // 2] if len(items) > 1 else []
    elif LIE == "stale-listing":
        items = []
    elif LIE == "other-paths":
        for item in items:
            item["Path"] = "elsewhere/" + item["Path"]
    elif LIE == "duplicates":
        items += data
    text = json.dumps(items)
    if LIE == "cut-listing":
        text = text[: len(text) // 2]
    elif LIE == "garbage":
        text = "<html>503</html>"
    print(text)
    if LIE == "listing-fails":
        print("the server went away", file=sys.stderr)
        sys.exit(5)


def copy(flags, source, target):
    for number, name in enumerate(names(flags, source)):
        if LIE == "nothing-copied" or (LIE == "fails-after-one" and number > 0):
            continue
        path = target / name
        if path.is_file() and "--ignore-existing" in flags:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if LIE == "truncated" and path.suffix == ".parquet":
            content = (source / name).read_bytes()
            path.write_bytes(content[: len(content) // 2])
        else:
            shutil.copyfile(source / name, path)
        if LIE == "slow":
            print(json.dumps({"level": "notice", "stats": {"bytes": number + 1}}), file=sys.stderr, flush=True)
            time.sleep(0.3)
    if LIE.startswith("fails-after"):
        print(json.dumps({"level": "error", "msg": "lost the connection"}), file=sys.stderr)
        sys.exit(9)


def cat(path):
    if not path.is_file():
        sys.exit(4)
    content = path.read_bytes()
    if LIE == "no-hash":
        content = content[:-1] + bytes([content[-1] ^ 1])
    sys.stdout.buffer.write(content)


def main():
    command, *words = sys.argv[1:]
    flags, places = parse(words)
    if LIE == "hangs" and command != "backend":
        time.sleep(1000)
    if command == "backend":
        hashes = [] if LIE == "no-hash" else ["md5"]
        print(json.dumps({"Hashes": hashes, "Features": {"SlowHash": False, "Move": False}}))
    elif command == "lsjson":
        listing(flags, folder(places[0]))
    elif command == "copy":
        copy(flags, folder(places[0]), folder(places[1]))
    elif command == "cat":
        cat(folder(places[0]))
    else:
        sys.exit(f"unknown command {command}")


main()
