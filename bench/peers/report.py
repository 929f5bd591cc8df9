# SPDX-License-Identifier: Apache-2.0
"""What was measured, as a table for people and as JSON for programs."""
import json
import os
import statistics

from programs import PEERS, RESPOOL


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def summary(runs, data):
    """Medians of one program's runs of one workload."""
    gigabytes = data["bytes"] / 1e9
    found = {"version": runs[0]["version"], "batches": data["count"], "runs": len(runs),
             "void": sum(1 for run in runs if run.get("void"))}
    for work in ("write", "replay"):
        seconds = median(runs, work)
        found[work] = {
            "gb_per_s": gigabytes / seconds, "batches_per_s": data["count"] / seconds, "seconds": seconds,
            "cpu_s_per_gb": median(runs, work + "_cpu") / gigabytes,
            "apart": (max(run[work] for run in runs) - min(run[work] for run in runs)) / seconds}
    found["own_kib"], found["peak_kib"] = median(runs, "own_kib"), median(runs, "peak_kib")
    return found


def summaries(result):
    """For each peer: respool's medians in the runs beside it, the peer's own, and the ratios."""
    for peer, pair in result["pairs"].items():
        ours, theirs = summary(pair["ours"], pair["data"]), summary(pair["theirs"], pair["data"])
        ratio = {work: theirs[work]["seconds"] / ours[work]["seconds"] for work in ("write", "replay")}
        yield peer, ratio, ours, theirs


def all_of_ours(result):
    runs = [run for pair in result["pairs"].values() if pair["data"] == result["data"] for run in pair["ours"]]
    return summary(runs, result["data"]) if runs else None


# ---- Table ----------------------------------------------------------------------------------------------

HEAD = (f"{'write':>7} {'replay':>7}  {'program':<13} {'write':>10} {'replay':>10} {'unit':<9}  {'apart':>9}"
        f"  {'CPU s/GB':>13}  {'MiB':>5} {'peak':>5}")


def rate(work, unit):
    return f"{work['gb_per_s']:10.2f}" if unit == "GB/s" else f"{work['batches_per_s']:10,.0f}"


def mebibytes(kib):
    return f"{kib / 1024:5.0f}" if kib > 0 else f"{'-':>5}"


def line(name, ratio, found, unit):
    times = f"{ratio['write']:6.1f}x {ratio['replay']:6.1f}x" if ratio else " " * 15
    write, replay = found["write"], found["replay"]
    return (f"{times}  {name:<13} {rate(write, unit)} {rate(replay, unit)} {unit:<9}"
            f"  {write['apart']:4.0%} {replay['apart']:4.0%}"
            f"  {write['cpu_s_per_gb']:6.2f} {replay['cpu_s_per_gb']:6.2f}"
            f"  {mebibytes(found['own_kib'])} {mebibytes(found['peak_kib'])}")


def print_workload(result):
    workload, data = result["workload"], result["data"]
    size = f"{data['count']:,} batches of {workload.about}, {data['bytes'] / 1e9:.3f} GB"
    print(f"\n{workload.name}: {size}, {workload.mode}")
    print(HEAD)
    ours = all_of_ours(result)
    if ours:
        print(line("respool", None, ours, workload.unit))
    for peer, ratio, _, theirs in summaries(result):
        fewer = f"  {theirs['batches']:,} batches, as respool beside it" if theirs["batches"] != data["count"] else ""
        print(line(peer, ratio, theirs, workload.unit) + fewer)
    for peer, why in result["failed"].items():
        print(f"{'failed':>15}  {peer:<13} {why}")


def versions(comparison):
    """Of each program that ran, what it says that it is."""
    pairs = [pair for result in comparison.results for pair in result["pairs"].items()]
    found = {peer: pair["theirs"][0]["version"] for peer, pair in pairs}
    return {"respool": pairs[0][1]["ours"][0]["version"], **found} if pairs else {}


INTRODUCTION = """\
ratios: the peer's time by respool's in the runs beside it, above 1 respool is faster; respool's line: all runs of it
apart: from the least time to the most, of the median, for both; CPU s/GB: of all threads, for both
MiB: the most memory seen that is no file's; peak: mapped files included; the data to be written counts in both"""


def print_table(comparison):
    options = comparison.options
    print(f"{os.cpu_count()} processors, files in {options.directory}, medians of {options.repeats}")
    print(INTRODUCTION)
    for result in comparison.results:
        if result["pairs"] or result["failed"]:
            print_workload(result)
    print()
    about = {program.name: program.about for program in [RESPOOL, *PEERS]}
    for program, version in versions(comparison).items():
        print(f"{program:<13} {version}: {about[program]}")
    print_notes(comparison)


def print_notes(comparison):
    for peer, why in comparison.missing.items():
        print(f"{peer:<13} not run: {why}")
    print(f"warm-ups: {len(comparison.warm_rates)}, {comparison.warm_rate:.1f} GB/s in the median")
    if comparison.reported is not None:
        print(f"memory handed back to the host: {comparison.reported} KiB in all; {comparison.repeated} runs repeated "
              f"for it, {comparison.void} kept all the same")


# ---- JSON -----------------------------------------------------------------------------------------------


def json_workload(result):
    peers = [{"peer": peer, "ratio": ratio, "respool": ours, "figures": theirs}
             for peer, ratio, ours, theirs in summaries(result)]
    data = {key: result["data"][key] for key in ("count", "rows", "bytes")}
    return {"workload": result["workload"].name, "mode": result["workload"].mode, **data,
            "respool": all_of_ours(result), "peers": peers, "failed": result["failed"]}


def print_json(comparison):
    options = comparison.options
    print(json.dumps({
        "processors": os.cpu_count(), "size_mib": options.size, "repeats": options.repeats,
        "warm_up_gb_per_s": comparison.warm_rate, "reported_kib": comparison.reported,
        "versions": versions(comparison), "runs_repeated": comparison.repeated, "runs_void": comparison.void,
        "not_run": comparison.missing,
        "workloads": [json_workload(result) for result in comparison.results]}, indent=2))
