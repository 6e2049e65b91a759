"""Report: from raw answers to counts, percentiles, comparisons and a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

#: The percentiles of every timing, in microseconds.
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}

#: Bins of a histogram in a factor of ten.
PER_DECADE = 20

#: An engine's answers, by file; a case is {"file", "labels": [bool, ...], ...}.
Answers = Mapping[str, Mapping[str, Any]]
Case = Mapping[str, Any]


def percentiles(values_ns: Iterable[int]) -> dict[str, float]:
    """Count, average and percentiles in microseconds."""
    values = np.fromiter(values_ns, np.float64) / 1000.0
    if not len(values):
        return {"n": 0}
    figures = {name: float(np.percentile(values, q)) for name, q in PERCENTILES.items()}
    return {"n": len(values), "avg": float(values.mean())} | {name: round(v, 3) for name, v in figures.items()}


def histogram(values_ns: Iterable[int]) -> dict[str, Any]:
    """Counts in bins of equal ratio: bin k of `counts` is [10^(i / 20), 10^((i + 1) / 20)) us, with i = first + k."""
    values = np.maximum(np.fromiter(values_ns, np.float64), 1.0) / 1000.0
    if not len(values):
        return {"per_decade": PER_DECADE, "first": 0, "counts": []}
    bins = np.floor(np.log10(values) * PER_DECADE).astype(np.int64)
    first = int(bins.min())
    return {"per_decade": PER_DECADE, "first": first, "counts": np.bincount(bins - first).tolist()}


def verdicts(case: Case, answer: Mapping[str, Any]) -> list[bool] | None:
    """Per instance whether it was accepted; None if the schema did not compile."""
    if answer["status"] not in ("ok", "empty"):
        return None
    return [index is None for index in answer["refused"]]


def summary(cases: Sequence[Case], answers: Answers) -> dict[str, Any]:
    """Counts, timings and the list of everything that went wrong, for one engine."""
    failed: dict[str, list[dict[str, Any]]] = {"error": [], "timeout": [], "crash": []}
    accepted_wrongly, rejected_wrongly, right = [], [], 0
    for case in cases:
        answer = answers[case["file"]]
        got = verdicts(case, answer)
        if got is None:
            failed[answer["status"]].append({"file": case["file"], "error": answer["error"]})
            continue
        wrong = [i for i, (label, verdict) in enumerate(zip(case["labels"], got, strict=True)) if label != verdict]
        right += not wrong
        accepted_wrongly += [{"file": case["file"], "test": i} for i in wrong if got[i]]
        rejected_wrongly += [
            {"file": case["file"], "test": i, "token": answer["refused"][i], "of": case["lengths"][i]}
            for i in wrong
            if not got[i]
        ]
    compiled = [answers[case["file"]] for case in cases if answers[case["file"]]["status"] in ("ok", "empty")]
    ok = [answer for answer in compiled if answer["status"] == "ok"]
    counts: dict[str, Any] = {
        "schemas": len(cases),
        "compiled": len(compiled),
        "empty": len(compiled) - len(ok),
        "errors": failed["error"],
        "timeouts": failed["timeout"],
        "crashes": failed["crash"],
        "right": right,
        "accepted_wrongly": accepted_wrongly,
        "rejected_wrongly": rejected_wrongly,
    }
    if any("exact" in answer["facts"] for answer in ok):
        counts["exact"] = sum(answer["facts"]["exact"] for answer in ok)
    first_masks = [answer["ttfm_ns"] for answer in ok]
    steps = [step for answer in ok for step in answer["step_ns"]]
    return counts | {
        "ttfm_us": percentiles(first_masks),
        "tbm_us": percentiles(steps),
        "ttfm_histogram": histogram(first_masks),
        "tbm_histogram": histogram(steps),
    }


def comparison(cases: Sequence[Case], ours: Answers, theirs: Answers) -> dict[str, Any]:
    """Timings over the schemas that both compile, and where each refuses the invalid instances."""
    common = [c for c in cases if ours[c["file"]]["status"] == theirs[c["file"]]["status"] == "ok"]
    timings: dict[str, Any] = {"schemas": len(common)}
    for key, field in (("ttfm_us", "ttfm_ns"), ("tbm_us", "step_ns")):
        a, b = ([answers[c["file"]][field] for c in common] for answers in (ours, theirs))
        if field == "step_ns":
            a, b = ([step for steps in side for step in steps] for side in (a, b))
        mine, other = percentiles(a), percentiles(b)
        ratio = {name: round(other[name] / mine[name], 2) for name in mine if name != "n" and mine[name]}
        timings[key] = {"ours": mine, "theirs": other, "theirs_over_ours": ratio}
    return timings | refusals(cases, ours, theirs)


def refusals(cases: Sequence[Case], ours: Answers, theirs: Answers) -> dict[str, Any]:
    """Of the invalid instances that they refuse: how many we refuse at no later a token."""
    later, no_later = [], 0
    for case in cases:
        a, b = ours[case["file"]], theirs[case["file"]]
        if verdicts(case, a) is None or verdicts(case, b) is None:
            continue
        for i, label in enumerate(case["labels"]):
            mine, other = a["refused"][i], b["refused"][i]
            if label or other is None:
                continue
            if mine is not None and mine <= other:
                no_later += 1
            else:
                later.append({"file": case["file"], "test": i, "ours": mine, "theirs": other})
    n = no_later + len(later)
    return {"refused_by_them": n, "by_us_no_later": no_later, "share": no_later / n if n else None, "later": later}


def table(engines: Mapping[str, Mapping[str, Any]]) -> Table:
    """One column per engine."""
    grid = Table("", *(f"{name} {entry['version']}" for name, entry in engines.items()))
    for column in grid.columns[1:]:
        column.justify = "right"
    sides = [entry["summary"] for entry in engines.values()]
    rows: list[tuple[str, list[str]]] = [
        ("schemas compiled", [f"{s['compiled']} of {s['schemas']}" for s in sides]),
        ("compile errors", [str(len(s["errors"])) for s in sides]),
        ("timeouts, crashes", [f"{len(s['timeouts'])}, {len(s['crashes'])}" for s in sides]),
        ("schemas right", [f"{s['right']} ({100 * s['right'] / max(1, s['schemas']):.1f} %)" for s in sides]),
        ("instances wrongly accepted", [str(len(s["accepted_wrongly"])) for s in sides]),
        ("instances wrongly rejected", [str(len(s["rejected_wrongly"])) for s in sides]),
    ]
    for key, title in (("ttfm_us", "TTFM"), ("tbm_us", "TBM")):
        rows += [
            (f"{title} {name}, us", [f"{s[key].get(name, float('nan')):,.1f}" for s in sides])
            for name in ("p50", "avg", "p90", "p99", "p99.9", "max")
        ]
    rows += [
        ("set-up, s", [f"{entry['setup_s']:.2f}" for entry in engines.values()]),
        ("peak RSS, MiB", [f"{entry['peak_rss_kb'] / 1024:,.0f}" for entry in engines.values()]),
        ("garbage collections", [str(entry["gc_runs"]) for entry in engines.values()]),
    ]
    for title, cells in rows:
        grid.add_row(title, *cells)
    return grid
