#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles the project's sources with -fsyntax-only, as compile_commands.json of a configured build has them.

    compile.py --idf DIR --name TEXT BUILD

Headers of ESP-IDF count as the system's; ours get -Wall -Wextra -Werror. A header that comes from a component which the
source's own component does not name in REQUIRES or PRIV_REQUIRES is an error, too: it is found only because some other
component happens to pass it on.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

WARN = ["-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wstrict-prototypes"]
# What ESP-IDF gives to every component (__COMPONENT_REQUIRES_COMMON of tools/cmake/build.cmake). main gets no more.
COMMON = {"cxx", "newlib", "esp_libc", "freertos", "esp_hw_support", "heap", "log", "soc", "hal", "esp_rom", "esp_common",
          "esp_system", "esp_stdio", "xtensa", "riscv"}


def command(entry, idf, build):
    """The build's command, for types only."""
    words, skip = [], False
    for word in shlex.split(entry["command"]):
        if skip or word in ("-c", "-o"):
            skip = word == "-o"
            continue
        if word.startswith("-I") and word[2:].startswith((str(idf), str(build))):
            words += ["-isystem", word[2:]]
        elif not word.startswith(("-W", "-g", "-fmacro-prefix-map", "-fdiagnostics")):
            words.append(word)
    return [*words, "-fsyntax-only", *WARN]


def folders(entry):
    return [pathlib.Path(word[2:]) for word in shlex.split(entry["command"]) if word.startswith("-I")]


def foreign(entry, component, idf, build):
    """(file, line, header, component) of headers whose component is not named."""
    named = {*component["reqs"], *component["priv_reqs"], *COMMON}
    waiting, seen = [pathlib.Path(entry["file"])], set()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for number, line in enumerate(file.read_text().splitlines(), 1):
            row = re.match(r'\s*#\s*include\s*["<]([^">]+)', line)
            if not row:
                continue
            found = next((f / row.group(1) for f in [file.parent, *folders(entry)] if (f / row.group(1)).is_file()), None)
            if found is None:
                continue
            if found.is_relative_to(idf / "components"):
                owner = found.relative_to(idf / "components").parts[0]
                if owner not in named:
                    yield file, number, row.group(1), owner
            elif not found.is_relative_to(build):
                waiting.append(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--idf", type=pathlib.Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("build", type=pathlib.Path)
    args = parser.parse_args()
    description = json.loads((args.build / "project_description.json").read_text())
    components = description["build_component_info"]
    entries = json.loads((args.build / "compile_commands.json").read_text())
    others = (args.idf, args.build)
    entries = [e for e in entries if not any(pathlib.Path(e["file"]).is_relative_to(folder) for folder in others)]
    if not entries:
        sys.exit(f"check: {args.name}: no source of the project in compile_commands.json")

    def compiled(entry):
        return subprocess.run(command(entry, args.idf, args.build), cwd=entry["directory"], capture_output=True, text=True)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("OTA_TEST_JOBS", "2"))) as pool:
        for entry, result in zip(entries, pool.map(compiled, entries)):
            if result.returncode != 0:
                failed += 1
                sys.stdout.write(result.stderr)
    told = set()
    for entry in entries:
        owner = re.search(r"esp-idf/([^/]+)/CMakeFiles/", entry["command"]).group(1)
        for file, number, header, component in foreign(entry, components[owner], args.idf, args.build):
            text = f"{file}:{number}: {header} is of component {component}, which {owner} does not name in REQUIRES or PRIV_REQUIRES"
            if text not in told:
                told.add(text)
                print(text)
    print(f"check: {args.name}, ESP-IDF {description.get('git_revision') or description.get('version')}: {len(entries)} sources, "
          f"{failed} that do not compile, {len(told)} headers of components that are not named")
    return 1 if failed or told else 0


if __name__ == "__main__":
    sys.exit(main())
