#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much of a chip the core takes, for rv32imc at -Os, against tests/size/budget.

    tests/size/size.py        prints the table; 1 when a budget is exceeded, 77 without riscv64-unknown-elf-gcc

Code: the objects of src/core are linked with --gc-sections from the entry points that a board uses, so that what only
tools need does not count. "code" is instructions, "text" the constants beside them (messages, tables). The C library and
libgcc are the platform's.

RAM: struct and buffer as declared; there is no heap. Stack: the deepest path through the compiler's call graph, frames as
the compiler reports them: never less than what a run takes. So the sum holds for every repository that a board accepts;
test_trust_products runs the one with five products inside that buffer. Callbacks of the platform are not counted; a
call through a pointer counts as the core's functions that may be meant (INDIRECT).
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
PREFIX = "riscv64-unknown-elf-"
FLAGS = ["-std=c11", "-march=rv32imc", "-mabi=ilp32", "-Os", "-ffreestanding", "-ffunction-sections", "-fdata-sections",
         "-fcallgraph-info=su", "-w", f"-I{HERE}/include", f"-I{TOP}/include", f"-I{TOP}/src"]
TRUST = ["ota_trust_init", "ota_trust_refresh", "ota_trust_open", "ota_trust_complete", "ota_trust_finish", "ota_release_read",
         "ota_release_check", "ota_release_counters", "ota_channel_path", "ota_channel_read", "ota_channel_includes"]
AGENT = ["ota_agent_init", "ota_boot", "ota_run", "ota_defer", "ota_poll_now", "ota_agent_get_status", "ota_upgrade",
         "ota_bundle_begin", "ota_bundle_feed", "ota_bundle_end", "ota_bundle_abort", "ota_bundle_install"]
# What a board with a page of its own links besides.
PAGE = ["ota_page_begin", "ota_page_request", "ota_page_feed", "ota_page_end"]
# Functions of the core that it calls through pointers, by caller.
INDIRECT = {
    "get_list": ["ota_name_valid", "ota_file_valid", "need_valid"],
    "matches": ["is_lower_or_digit", "is_alnum"],
    "read_at": ["read_window"],
    "digest": ["read_window"],
}
SIZES = """
#include "ota/agent.h"
#include "ota/page.h"
char bundle_struct[sizeof(struct ota_bundle)], page_struct[sizeof(struct ota_page)];
char trust_struct[sizeof(struct ota_trust)], agent_struct[sizeof(struct ota_agent)], buffer[OTA_METADATA_MAX];
"""


# A compiler cache keeps no call graphs.
ENVIRONMENT = {**os.environ, "CCACHE_DISABLE": "1"}


def run(*command, cwd):
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout


def linked(folder, objects, roots):
    """(instructions, constants) of what the roots need."""
    undefined = [word for root in roots for word in ("-u", root)]
    run(PREFIX + "ld", "-m", "elf32lriscv", "-r", "--gc-sections", *undefined, "-o", "linked.o", *objects, cwd=folder)
    code = data = 0
    for line in run(PREFIX + "readelf", "-SW", "linked.o", cwd=folder).splitlines():
        row = re.match(r"\s*\[ *\d+\] (\S+)\s+PROGBITS\s+\S+ \S+ (\S+) \S+ +([A-Z]*)", line)
        if row and "A" in row.group(3):
            size = int(row.group(2), 16)
            code, data = (code + size, data) if "X" in row.group(3) else (code, data + size)
    return code, data


def call_graph(folder):
    """({function: frame}, {function: callees}); statics carry their file."""
    frames, calls = {}, {}
    for file in folder.glob("*.ci"):
        text = file.read_text()
        for name, size in re.findall(r'node: \{ title: "([^"]+)" label: "[^"]*?\\n(\d+) bytes \(static\)', text):
            frames[name] = int(size)
        for caller, callee in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', text):
            calls.setdefault(caller, set()).add(callee)
    by_name = {title.rsplit(":", 1)[-1]: title for title in frames}
    for caller, callees in INDIRECT.items():
        titles = [title for name, title in by_name.items() if name.split(".")[0] == caller]
        missing = [callee for callee in callees if callee not in by_name]
        if missing:
            sys.exit(f"size: INDIRECT names {missing[0]}, which is not in the core")
        for title in titles:  # inlined: its callers call through the pointer, which the compiler then resolves
            calls.setdefault(title, set()).update(by_name[callee] for callee in callees)
    return frames, calls


def deepest(frames, calls, roots):
    """(bytes, path) of the longest chain of frames."""
    known = {}

    def below(name, open_calls):
        if name in open_calls:
            sys.exit(f"size: {name} calls itself: no bound on the stack")
        if name not in known:
            best = max((below(c, open_calls | {name}) for c in calls.get(name, ())), default=(0, []))
            known[name] = (frames.get(name, 0) + best[0], [name, *best[1]])
        return known[name]

    return max(below(root, frozenset()) for root in roots)


def measure(folder):
    sources = sorted((TOP / "src/core").glob("*.c"))
    for source in sources:
        run(PREFIX + "gcc", *FLAGS, "-c", str(source), cwd=folder)
    (folder / "sizes.c").write_text(SIZES)
    run(PREFIX + "gcc", *FLAGS, "-fno-common", "-c", "sizes.c", cwd=folder)
    symbols = run(PREFIX + "nm", "-S", "sizes.o", cwd=folder)
    size = {name: int(n, 16) for n, name in re.findall(r"^\w+ (\w+) \w (\w+)$", symbols, re.M)}
    objects = [source.with_suffix(".o").name for source in sources]
    frames, calls = call_graph(folder)
    out = {}
    for part, roots in (("trust", TRUST), ("agent", AGENT)):
        out[f"{part}-code"], out[f"{part}-text"] = linked(folder, objects, roots)
        stack, path = deepest(frames, calls, roots)
        out[f"{part}-struct"] = size[f"{part}_struct"]
        out[f"{part}-stack"] = stack
        out[f"{part}-path"] = " > ".join(name.rsplit(":", 1)[-1].split(".")[0] for name in path)
    code, text = linked(folder, objects, AGENT + PAGE)
    out["page-code"], out["page-text"] = code - out["agent-code"], text - out["agent-text"]
    out["bundle-struct"], out["page-struct"] = size["bundle_struct"], size["page_struct"]
    out["page-stack"], _ = deepest(frames, calls, PAGE)
    out["buffer"] = size["buffer"]
    out["agent-ram"] = out["agent-struct"] + out["buffer"]
    out["trust-ram"] = out["trust-struct"] + out["buffer"] + out["trust-stack"]
    return out


def main():
    if not shutil.which(PREFIX + "gcc"):
        print(f"size: {PREFIX}gcc is absent (Debian: gcc-riscv64-unknown-elf)")
        return 77
    with tempfile.TemporaryDirectory(prefix="ota-size.") as name:
        got = measure(pathlib.Path(name))
    over = False
    print(f"{'rv32imc -Os, bytes':20} {'now':>8} {'budget':>8} {'design':>8}")
    for line in (HERE / "budget").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        name, budget, design, what = line.split(None, 3)
        late = got[name] > int(budget)
        over = over or late
        print(f"{name:20} {got[name]:8} {budget:>8} {design:>8}  {what}{'  <-- EXCEEDED' if late else ''}")
    for part in ("trust", "agent"):
        print(f"deepest stack of the {part}: {got[part + '-path']}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
