#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breaks the verifier on purpose, one condition at a time (list.txt), and expects a unit test to turn red.

    tests/mutation/run.py [--jobs N] [NAME...]

Works on copies of the tree in a temporary folder: built once, without sanitizers, then one file recompiled for each
breakage. Prints one TAP line each. A text that does not occur exactly once in its file is a failure, too: the
list must follow the code.
"""
import argparse
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

TOP = pathlib.Path(__file__).resolve().parents[2]
LIST = pathlib.Path(__file__).with_name("list.txt")
# What exercises the core: every breakage that its own tests miss meets all of these.
CORE_TESTS = ("scan", "bytes", "metadata*", "trust*", "attack*", "release", "channel", "table", "image", "journal", "agent*", "bundle")
TEST_SECONDS = 60
MAKE = ("make", "--no-print-directory", "CFLAGS_release=-O0 -w", "LDFLAGS_release=", "BUILD=build")


class Mutation:
    def __init__(self, file, tests, name, text, other):
        self.file, self.tests, self.name, self.text, self.other = file, tests, name, text, other


def read_list():
    mutations, file, tests = [], None, []
    for line in LIST.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        head, rest = line.split(":", 1)
        if not line.startswith(" "):
            file, tests = head, rest.split()
            continue
        text, other = re.fullmatch(r" (.+?) ==>(?: (.*))?", rest).groups()
        mutations.append(Mutation(file, tests, head.strip(), text, other or ""))
    return mutations


def core_tests():
    found = [p.stem for pattern in CORE_TESTS for p in TOP.glob(f"tests/unit/test_{pattern}.c")]
    return sorted(found, key=lambda name: (name.startswith("test_agent"), name))


class Tree:
    """One copy of the sources with its build."""

    def __init__(self, folder):
        self.folder = folder

    def make(self, *targets):
        cc = "CC=ccache cc" if shutil.which("ccache") else "CC=cc"
        return subprocess.run([*MAKE, cc, *targets], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, test):
        """The first test case that is red, or None."""
        env = {**os.environ, "OTA_TOP": str(self.folder), "OTA_BIN": f"{self.folder}/build", "CMOCKA_MESSAGE_OUTPUT": "TAP"}
        with subprocess.Popen([f"{self.folder}/build/tests/{test}"], cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as child:
            try:
                out = child.communicate(timeout=TEST_SECONDS)[0].decode(errors="replace")
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                return f"{test} (no end)"
        red = re.search(r"^not ok \d+ - (?!# SKIP)(\S+)", out, re.M)
        if red:
            return red.group(1)
        return f"{test} (ended with {child.returncode})" if child.returncode else None

    def judge(self, mutation, tests):
        """(killed, what to say)"""
        path = self.folder / mutation.file
        source = path.read_text()
        if source.count(mutation.text) != 1:
            return False, f"its text occurs {source.count(mutation.text)} times in {mutation.file}"
        try:
            path.write_text(source.replace(mutation.text, mutation.other))
            for test in dict.fromkeys([*mutation.tests, *tests]):
                built = self.make(f"build/tests/{test}")
                if built.returncode:
                    return False, "does not build:\n" + built.stdout
                red = self.run(test)
                if red:
                    return True, f"killed by {red}"
            return False, f"survived in {mutation.file}: no test notices"
        finally:
            path.write_text(source)


def prepare(folder, tests):
    files = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, check=True, capture_output=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        if (TOP / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, folder / name)
    tree = Tree(folder)
    built = tree.make("-j2", *(f"build/tests/{test}" for test in tests))
    if built.returncode:
        sys.exit("the tree does not build:\n" + built.stdout)
    return tree


def main():
    options = argparse.ArgumentParser(description="Breaks the verifier on purpose; a unit test must notice.")
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("names", nargs="*", metavar="NAME")
    args = options.parse_args()
    mutations = [m for m in read_list() if not args.names or m.name in args.names]
    tests = core_tests()
    work = queue.Queue()
    for row in enumerate(mutations, 1):
        work.put(row)
    survived, lock = [], threading.Lock()

    def labour(tree):
        while True:
            try:
                number, mutation = work.get_nowait()
            except queue.Empty:
                return
            killed, text = tree.judge(mutation, tests)
            with lock:
                first, *more = text.splitlines()
                print(f"{'ok' if killed else 'not ok'} {number} - {mutation.name}: {first}", flush=True)
                for line in more[-20:]:
                    print("#   " + line)
                if not killed:
                    survived.append(mutation.name)

    with tempfile.TemporaryDirectory(prefix="ota-mutation.") as name:
        first = pathlib.Path(name, "1")
        trees = [prepare(first, tests)]
        for test in tests:
            red = trees[0].run(test)
            if red:
                sys.exit(f"the unbroken tree is red: {red}")
        for number in range(2, args.jobs + 1):
            copy = first.with_name(str(number))
            shutil.copytree(first, copy, symlinks=True)
            trees.append(Tree(copy))
        workers = [threading.Thread(target=labour, args=(tree,)) for tree in trees]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    print(f"1..{len(mutations)}")
    print(f"# {len(mutations) - len(survived)} of {len(mutations)} breakages were noticed")
    return 1 if survived or not mutations else 0


if __name__ == "__main__":
    sys.exit(main())
