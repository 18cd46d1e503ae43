#!/usr/bin/env python3
"""Compares the slices of `retouch slices --json`, found without labels, with the groups of `retouch mine`, which has
them. Of each group of one class and one wrong answer: the slice that holds most of it, how much of the group that is
(complete) and how much of the slice (pure). tools/measure-slices.sh runs all of it."""
import collections
import json
import sys

slices = [s for line in open(sys.argv[1]) for s in json.loads(line)["slices"]]
groups = json.load(open(sys.argv[2]))["groups"]
accept = json.load(open(sys.argv[3]))
fewest = int(sys.argv[4])


def name(path):
    return "/".join(path.replace("\\", "/").split("/")[-2:])


def of(path):
    return path.split("/")[-2]


def mean(values):
    values = list(values)
    return 100 * sum(values) / len(values) if values else float("nan")


members = [({name(p) for p in s["images"]}, s["said"]["index"]) for s in slices]
said = collections.defaultdict(set)
for images, answer in members:
    said[answer] |= images

for half, classes in (("chosen on", ["horse", "dog"]), ("reported", ["elephant", "guitar"])):
    print(f"{half}: {', '.join(classes)}")
    rows = []
    for group in sorted(groups, key=lambda g: -len(g["images"])):
        images = {name(i["path"]) for i in group["images"]}
        if group["class"] not in classes or len(images) < fewest:
            continue
        best, _ = max(members, key=lambda m: len(m[0] & images))
        one = len(best & images)
        every = sum(len(m & images) for m, _ in members)
        alone = said[group["wrong"]]
        row = (one / len(best), one / len(images), every / len(images), len(alone & images) / max(len(alone), 1))
        rows.append((len(images), *row))
        print(f"  {group['class']} -> {group['wrong']}: {len(images)} images; the best slice has {len(best)}, of which "
              f"{one} are the group's: {100 * row[0]:.0f} % pure, {100 * row[1]:.0f} % complete; in any slice "
              f"{100 * row[2]:.0f} %")
    if rows:
        total = sum(r[0] for r in rows)
        pure, complete, found, by_answer = (100 * sum(r[0] * r[k] for r in rows) / total for k in (1, 2, 3, 4))
        print(f"  all {total} images of {len(rows)} groups: {pure:.1f} % pure, {complete:.1f} % complete, {found:.1f} % "
              f"in any slice; by the answer alone {by_answer:.1f} % pure")
    candidates = [
        (s["candidates"], accept[common[0]], s["said"]["index"])
        for s in slices
        for common in [collections.Counter(of(p) for p in s["images"]).most_common(1)[0]]
        if common[0] in classes and 2 * common[1] >= len(s["images"]) and s["said"]["index"] not in accept[common[0]]
    ]
    print(f"  of {len(candidates)} slices mostly of these and called otherwise, {mean(c[0]['index'] in a for c, a, _ in candidates):.0f} % "
          f"have a right class first, {mean(any(x['index'] in a for x in c) for c, a, _ in candidates):.0f} % among three")
everything = sum(len(s["images"]) for s in slices)
common = sum(collections.Counter(of(p) for p in s["images"]).most_common(1)[0][1] for s in slices)
print(f"all {len(slices)} slices, {everything} images: {100 * common / everything:.1f} % of a slice's images are of its "
      "commonest folder")
