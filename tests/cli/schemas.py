# SPDX-License-Identifier: Apache-2.0
"""Holds JSON files against manifests/. Called by manifests.sh; says nothing and ends with 0 when all is well.

schemas.py check                 every schema is valid draft 2020-12, and every $ref in it and in openapi.json leads somewhere
schemas.py valid SCHEMA FILE...  each file is what the schema says
schemas.py tight SCHEMA FILE...  and the schema notices when any member of it is missing or of another type

SCHEMA is a file of manifests/, or FILE#/json/pointer. OTA_TOP names the repository.
"""
import copy
import json
import os
import sys
import warnings

warnings.simplefilter("ignore")
from jsonschema import Draft202012Validator  # noqa: E402

MANIFESTS = os.path.join(os.environ["OTA_TOP"], "manifests")
# Members that may be absent.
OPTIONAL = {"boot", "risk", "z", "issued"}
# A server takes reports of agents that tell less.
REPORT_REQUIRED = {"product", "stream", "number"}


def load(name):
    with open(name, encoding="utf-8") as f:
        return json.load(f)


DOCUMENTS = {n: load(os.path.join(MANIFESTS, n)) for n in sorted(os.listdir(MANIFESTS)) if n.endswith(".json")}


def validator(schema):
    try:  # jsonschema 4.18 and newer
        from referencing import Registry, Resource
        from referencing.jsonschema import DRAFT202012

        made = [(n, Resource.from_contents(d, default_specification=DRAFT202012)) for n, d in DOCUMENTS.items()]
        return Draft202012Validator(schema, registry=Registry().with_resources(made))
    except ImportError:
        from jsonschema import RefResolver

        return Draft202012Validator(schema, resolver=RefResolver(schema.get("$id", ""), schema, store=DOCUMENTS))


def at(document, pointer):
    for part in pointer.split("/")[1:]:
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def members(value, path=()):
    """(path, key) of every object member, depth first."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield path, key
            yield from members(inner, path + (key,))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from members(inner, path + (i,))


def place(value, path):
    for step in path:
        value = value[step]
    return value


def references(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def check():
    problems = []
    for name, document in DOCUMENTS.items():
        if name.endswith(".schema.json"):
            Draft202012Validator.check_schema(document)
        for ref in references(document):
            file, _, pointer = ref.partition("#")
            try:
                at(DOCUMENTS[file or name], pointer)
            except KeyError:
                problems.append(f"{name}: {ref} leads nowhere")
    return problems


def valid(rule, file):
    return [f"{file}: {'/'.join(map(str, e.path))}: {e.message}" for e in rule.iter_errors(load(file))]


def may_be_absent(path, key, is_report):
    return key in OPTIONAL or (is_report and not path and key not in REPORT_REQUIRED)


def named_by_data(path):
    """Keys and files are named by what they are: none of them is required."""
    return path and path[-1] in ("keys", "targets", "meta") and "roles" not in path


def tight(rule, file, is_report):
    problems = valid(rule, file)
    whole = load(file)
    for path, key in members(whole):
        if not may_be_absent(path, key, is_report) and not named_by_data(path):
            less = copy.deepcopy(whole)
            del place(less, path)[key]
            if rule.is_valid(less):
                problems.append(f"{file}: {'/'.join(map(str, path + (key,)))} may be absent unnoticed")
        other = copy.deepcopy(whole)
        place(other, path)[key] = [1.5]
        if rule.is_valid(other):
            problems.append(f"{file}: {'/'.join(map(str, path + (key,)))} may be anything")
    return problems


def main(verb, *arguments):
    if verb == "check":
        return check()
    name, _, pointer = arguments[0].partition("#")
    schema = at(DOCUMENTS[name], pointer)
    rule = validator({"$id": "wanted", "$ref": arguments[0]} if pointer else schema)
    problems = []
    for file in arguments[1:]:
        problems += valid(rule, file) if verb == "valid" else tight(rule, file, name.startswith("report"))
    return problems


found = main(*sys.argv[1:])
for line in found[:20]:
    print(line, file=sys.stderr)
sys.exit(1 if found else 0)
