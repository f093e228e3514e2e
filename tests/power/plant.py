#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants a fault in the order of the agent's steps, one at a time, and expects the power cuts to find it.

    tests/power/plant.py [--jobs N] [NAME...]

Works on copies of the tree in a temporary folder: built once, then one file recompiled for each fault. The part of the
proof that can see it must turn red, with a line that says which cut. Prints one TAP line each. A text that does not
occur exactly once in its file is a failure, too: the faults must follow the code.
"""
import argparse
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

TOP = pathlib.Path(__file__).resolve().parents[2]
POWER = "build/tests/power/power"
RUN_SECONDS = 120
MAKE = ("make", "--no-print-directory", "CFLAGS_release=-O1 -w", "LDFLAGS_release=", "BUILD=build")

COPY, CONFIRM, FLASH, PLAN = (f"src/core/agent_{name}.c" for name in ("copy", "confirm", "flash", "plan"))
PLAIN, RECOVERY = "all/hole/esp32c3/plain/install", "all/hole/esp32c61/plain/install"
COPY_STEPS = "    (void)event;\n    return copy_steps(a, err);"
COPY_SECTORS = "    OTA_TRY(\n        ota_agent_copy_sectors(a, s->stage_offset,"

# name, then once or more: file, text, what stands in its place; at last arguments of the proof
FAULTS = [
    ("all_is_committed_before_it_is_staged_and_verified", PLAN,
     "    return *event == OTA_EVENT_NOTHING ? ota_agent_finish(a, err) : ota_agent_save_journal(a, err);",
     "    a->journal.phase = OTA_PHASE_COMMITTED;\n"
     "    return *event == OTA_EVENT_NOTHING ? ota_agent_finish(a, err) : ota_agent_save_journal(a, err);",
     ["--case", "app/hole/esp32c3/plain/install"]),
    ("journal_is_cleared_before_the_copy", COPY, COPY_STEPS,
     "    (void)event;\n    OTA_TRY(a->cfg.kv->erase(a->cfg.kv->ctx, \"journal\", err));\n    return copy_steps(a, err);",
     ["--case", "data+app/hole/esp32c3/plain/install"]),
    ("step_counts_as_copied_before_it_is", COPY, COPY_SECTORS,
     "    s->state = OTA_STEP_ACTIVE;\n    OTA_TRY(ota_agent_save_journal(a, err));\n" + COPY_SECTORS,
     ["--case", "data+app/hole/esp32c3/plain/install"]),
    ("nothing_is_read_back", FLASH, "if (status == OTA_OK && memcmp(back, a->scratch.bytes, OTA_SECTOR) == 0)",
     "if (status == OTA_OK)", COPY,
     "    if (!holds)\n        return ota_err_set(err, OTA_READBACK,", "    if (false)\n        return ota_err_set(err, OTA_READBACK,",
     ["--case", PLAIN, "--fault", "all"]),
    ("whole_partition_is_erased_first", FLASH, "    *written = 0;\n",
     "    *written = 0;\n    OTA_TRY(f->erase(f->ctx, to, room, err));\n", ["--case", "bootloader/hole/esp32c3/plain/install"]),
    ("stale_tail_is_copied", FLASH, "        memset(wanted + n, 0xFF, OTA_SECTOR - n);\n",
     "        if (n == 0)\n            memset(wanted, 0xFF, OTA_SECTOR);\n", ["--case", "data/hole/esp32c3/plain/update"]),
    ("app_is_confirmed_before_its_self_test", CONFIRM,
     "    const struct ota_hooks *hooks = &a->cfg.hooks;\n    (void)event;\n    if (!hooks->self_test",
     "    const struct ota_hooks *hooks = &a->cfg.hooks;\n    (void)event;\n"
     "    OTA_TRY(a->cfg.boot->confirm(a->cfg.boot->ctx, err));\n    if (!hooks->self_test", ["--case", "self-test/hole"]),
    ("app_is_activated_before_it_is_written_down", COPY,
     "    OTA_TRY(save_turn(a, before, err));\n    if (b->activate(b->ctx, j->new_app_offset, err) != OTA_OK)\n",
     "    enum ota_status activated = b->activate(b->ctx, j->new_app_offset, err);\n"
     "    OTA_TRY(save_turn(a, before, err));\n    if (activated != OTA_OK)\n", ["--case", "app/hole/esp32c3/plain/install"]),
    ("bootloader_is_not_backed_up", COPY, "    if (!b->recovery || b->on_recovery)\n        return OTA_OK;\n",
     "    if (b->recovery)\n        return OTA_OK;\n", ["--case", RECOVERY]),
    ("half_a_bootloader_is_backed_up", COPY,
     "    if (holds || !read_whole(a, primary, room, image))\n",
     "    if (!read_whole(a, primary, room, image) && holds)\n", ["--case", "bootloader/hole/esp32c61/plain", "--twice", "1"]),
    ("bootloader_without_its_signature_is_backed_up", COPY,
     "    if (lacks_signature(a, s, image) && read_whole(a, b->recovery_offset, room, image))\n",
     "    if (lacks_signature(a, s, image) && holds)\n", ["--case", "secure-boot/hole/esp32c61", "--seeds", "4", "--twice", "3"]),
    ("counter_is_kept_before_the_report", CONFIRM,
     "    OTA_TRY(ota_agent_note(a, OTA_RESULT_INSTALLED, \"confirm\", j->counter, &remark, err));\n"
     "    OTA_TRY(ota_agent_save_board(a, err));\n",
     "    OTA_TRY(ota_agent_save_board(a, err));\n"
     "    OTA_TRY(ota_agent_note(a, OTA_RESULT_INSTALLED, \"confirm\", j->counter, &remark, err));\n",
     ["--case", "unchanged/hole/esp32c3"]),
    ("journal_left_over_counts_as_withdrawn", PLAN,
     "j->phase == OTA_PHASE_STAGING && j->counter == a->board.counter) {", "false) {",
     ["--case", "table/hole/esp32c3/plain/install"]),
]


class Tree:
    """One copy of the sources with its build."""

    def __init__(self, folder):
        self.folder = folder

    def make(self, *targets):
        cc = "CC=ccache cc" if shutil.which("ccache") else "CC=cc"
        return subprocess.run([*MAKE, cc, *targets], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, arguments):
        """(exit code, output); None for the code when it does not end."""
        with subprocess.Popen([self.folder / POWER, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as child:
            try:
                out = child.communicate(timeout=RUN_SECONDS)[0].decode(errors="replace")
                return child.returncode, out
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                return None, ""

    def judge(self, fault):
        """(found, what to say)"""
        edits, arguments = [fault[i:i + 3] for i in range(1, len(fault) - 1, 3)], fault[-1]
        sources = {file: (self.folder / file).read_text() for file, _, _ in edits}
        for file, text, _ in edits:
            if sources[file].count(text) != 1:
                return False, f"its text occurs {sources[file].count(text)} times in {file}"
        try:
            for file, text, other in edits:
                (self.folder / file).write_text(sources[file].replace(text, other))
            return self.look(arguments)
        finally:
            for file, source in sources.items():
                (self.folder / file).write_text(source)

    def look(self, arguments):
        built = self.make(POWER)
        if built.returncode:
            return False, "does not build:\n" + built.stdout
        code, out = self.run(arguments)
        lines = [line for line in out.splitlines() if line.startswith("FAIL ")]
        if code is None:
            return False, "the proof does not end"
        if code == 0 or not lines:
            return False, f"power {' '.join(arguments)} ends with {code} and finds nothing"
        return True, f"{len(lines)} found, first: {lines[0][5:]}"


def prepare(folder):
    files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=TOP, check=True,
                           capture_output=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        if (TOP / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, folder / name)
    tree = Tree(folder)
    built = tree.make("-j2", POWER)
    if built.returncode:
        sys.exit("the tree does not build:\n" + built.stdout)
    return tree


def main():
    options = argparse.ArgumentParser(description="Plants faults in the agent; the power cuts must find them.")
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("names", nargs="*", metavar="NAME")
    args = options.parse_args()
    faults = [f for f in FAULTS if not args.names or f[0] in args.names]
    work = queue.Queue()
    for row in enumerate(faults, 1):
        work.put(row)
    missed, lock = [], threading.Lock()

    def labour(tree):
        while True:
            try:
                number, fault = work.get_nowait()
            except queue.Empty:
                return
            found, text = tree.judge(fault)
            with lock:
                first, *more = text.splitlines()
                print(f"{'ok' if found else 'not ok'} {number} - {fault[0]}: {first}", flush=True)
                for line in more[-20:]:
                    print("#   " + line)
                if not found:
                    missed.append(fault[0])

    with tempfile.TemporaryDirectory(prefix="ota-plant.") as name:
        first = pathlib.Path(name, "1")
        trees = [prepare(first)]
        for arguments in sorted({tuple(f[-1]) for f in faults}):
            code, out = trees[0].run(arguments)
            if code != 0:
                sys.exit(f"the tree without a fault is red: power {' '.join(arguments)}\n{out}")
        for number in range(2, args.jobs + 1):
            copy = first.with_name(str(number))
            shutil.copytree(first, copy, symlinks=True)
            trees.append(Tree(copy))
        workers = [threading.Thread(target=labour, args=(tree,)) for tree in trees]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    print(f"1..{len(faults)}")
    print(f"# {len(faults) - len(missed)} of {len(faults)} faults were found")
    return 1 if missed or not faults else 0


if __name__ == "__main__":
    sys.exit(main())
