#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for ESP-IDF's kconfgen (a package of PyPI) with Debian's kconfiglib, for check.sh.

Called by ESP-IDF's CMake like the real one, or, with OTA_CHECK_VALUES="name=file;file|name=...", to judge several lists of
files and go no further. What a sdkconfig file of the project sets and the configuration does not
take goes into the file $OTA_CHECK_REPORT, a
line each: names that no Kconfig of this version has (sdkconfig.versions lists those that are meant for another one),
and values that did not hold, because a dependency is not met.
"""
import argparse
import json
import os
import pathlib
import re
import sys

import kconfiglib

HERE = pathlib.Path(__file__).resolve().parent


class Kconfig(kconfiglib.Kconfig):
    """Menus may have help in ESP-IDF's dialect."""

    def _parse_help(self, node):
        if not hasattr(node, "help"):
            node.help = None
        super()._parse_help(node)


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_cmake(config, path):
    lines, names = [], []
    for symbol in config.unique_defined_syms:
        if symbol.config_string:
            value = "" if symbol.orig_type == kconfiglib.BOOL and symbol.str_value == "n" else symbol.str_value
            lines.append(f"set(CONFIG_{symbol.name} {quoted(value)})")
            names.append(f"CONFIG_{symbol.name}")
    pathlib.Path(path).write_text("\n".join([*lines, f"set(CONFIGS_LIST {';'.join(names)})", ""]))


def renames(files):
    """{old name: new name}; a "!" before the new one inverts."""
    found = {}
    for file in files:
        for line in pathlib.Path(file).read_text().splitlines():
            words = line.split()
            if len(words) == 2 and words[0].startswith("CONFIG_"):
                found[words[0]] = words[1].lstrip("!")
    return found


def assignments(files):
    """{name: (file, value)}: the last one holds."""
    found = {}
    for file in files:
        for line in pathlib.Path(file).read_text().splitlines():
            row = re.match(r"(?:CONFIG_(\w+)=(.*)|# CONFIG_(\w+) is not set)$", line.strip())
            if row:
                value = row.group(2) if row.group(1) else "n"
                found[row.group(1) or row.group(3)] = (pathlib.Path(file).name, value.strip().strip('"'))
    return found


def version(idf):
    text = (idf / "tools/cmake/version.cmake").read_text()
    return tuple(int(re.search(rf"IDF_VERSION_{part} (\d+)", text).group(1)) for part in ("MAJOR", "MINOR", "PATCH"))


def known(config, name):
    return name in config.syms and bool(config.syms[name].nodes)


def replaced(symbol, files):
    """A member of a choice that a later file gave to another member."""
    return symbol.choice is not None and any(
        other is not symbol and other.str_value == "y" and files.get(other.name, ("", ""))[1] == "y" for other in symbol.choice.syms)


def elsewhere(config, idf, chip):
    """Names that sdkconfig.versions says this version or chip does not have."""
    now, found = version(idf), set()
    for line in (HERE / "sdkconfig.versions").read_text().splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        name, *conditions = words
        for condition in conditions:
            row = re.match(r"(>=|<)(\d+)\.(\d+)(?:\.(\d+))?$", condition)
            if row:
                bound = tuple(int(part or 0) for part in row.groups()[1:])
                has = now >= bound if row.group(1) == ">=" else now < bound
            elif condition == "announced":
                has = known(config, name.removeprefix("CONFIG_"))
            else:
                has = chip in condition.split(",")
            if not has:
                found.add(name.removeprefix("CONFIG_"))
    return found


def same(symbol, value):
    if symbol.orig_type in (kconfiglib.INT, kconfiglib.HEX) and value and symbol.str_value:
        base = 16 if symbol.orig_type == kconfiglib.HEX else 10
        return int(value, base) == int(symbol.str_value, base)
    return symbol.str_value == value.replace('\\"', '"')


def with_chip(files, chip):
    """As ESP-IDF's CMake does: after each file its variant for the chip."""
    return [name for file in files for name in (file, f"{file}.{chip}") if name and os.path.exists(name)]


def judge(config, files, idf, chip, renamed):
    absent, values = elsewhere(config, idf, chip), assignments(files)
    for name, (file, value) in values.items():
        there = known(config, name)
        if name in absent:
            if there:
                yield f"{file}: CONFIG_{name} is there; sdkconfig.versions says that it is not"
        elif not there:
            new = renamed.get(f"CONFIG_{name}")
            yield f"{file}: CONFIG_{name} " + (f"is called {new} now" if new else "is in no Kconfig of this version and chip")
        elif not same(config.syms[name], value) and not replaced(config.syms[name], values):
            symbol = config.syms[name]
            needs = kconfiglib.expr_str(symbol.direct_dep)
            yield f"{file}: CONFIG_{name}={value} does not hold, it is {symbol.str_value or 'unset'} (needs {needs})"


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("list-separator", "kconfig", "sdkconfig-rename", "config"):
        parser.add_argument(f"--{name}")
    for name in ("defaults", "env", "env-file"):
        parser.add_argument(f"--{name}", action="append", default=[])
    parser.add_argument("--output", nargs=2, action="append", default=[])
    parser.add_argument("--dont-write-deprecated", action="store_true")
    args = parser.parse_args()
    for file in args.env_file:
        os.environ.update(json.loads(pathlib.Path(file).read_text()))
    os.environ.update(pair.split("=", 1) for pair in args.env)
    rename_files = [args.sdkconfig_rename, *filter(None, os.environ.get("COMPONENT_SDKCONFIG_RENAMES", "").split(";"))]

    config = Kconfig(args.kconfig, warn_to_stderr=False)
    project, idf, chip = os.environ.get("OTA_CHECK_PROJECT", "/"), pathlib.Path(os.environ["IDF_PATH"]), os.environ["IDF_TARGET"]

    def configured(files):
        """What of the project's own files does not hold."""
        for number, file in enumerate(files):
            config.load_config(file, replace=number == 0)
        ours = [file for file in files if file.startswith(project)]
        return judge(config, ours, idf, chip, renames(rename_files))

    sets = [pair.split("=", 1) for pair in os.environ.get("OTA_CHECK_VALUES", "").split("|") if pair]
    report = [f"{name}: {line}" for name, files in sets for line in configured(with_chip(files.split(";"), chip))]
    if not sets:
        report = list(configured(args.defaults))
    if "OTA_CHECK_REPORT" in os.environ:
        pathlib.Path(os.environ["OTA_CHECK_REPORT"]).write_text("".join(line + "\n" for line in report))
    if sets:
        return "the values are all that was asked for"

    for kind, path in args.output:
        if kind == "header":
            config.write_autoconf(path)
        elif kind == "cmake":
            write_cmake(config, path)
        elif kind == "config":
            config.write_config(path)
        elif kind == "json":
            values = {s.name: s.str_value == "y" if s.orig_type == kconfiglib.BOOL else s.str_value
                      for s in config.unique_defined_syms if s.config_string}
            pathlib.Path(path).write_text(json.dumps(values, indent=4, sort_keys=True))
        else:
            pathlib.Path(path).write_text("{}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
