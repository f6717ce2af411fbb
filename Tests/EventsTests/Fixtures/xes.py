"""Writes a random process log twice: as XES by ElementTree, and its events as the JSON objects that are expected.

usage: xes.py SEED LOG.xes EVENTS.ndjson
"""
import json
import random
import sys
import xml.etree.ElementTree as ET

seed, log_path, events_path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
dice = random.Random(seed)
PIECES = ["a", "order", " ", "é", "😀", "&", "<", ">", '"', "'", "\\", "\n", "\t", "</trace>", "<!--", "]]>", "/", "=",
          "\u0085", "\u2028", "&amp;", ""]


def text():
    return "".join(dice.choice(PIECES) for _ in range(dice.randrange(6)))


def scalar(element):
    """Gives the element a random value, and tells it as JSON has it."""
    kind = dice.choice(["string", "string", "date", "id", "int", "float", "boolean", "odd"])
    element.tag = kind if kind != "odd" else "float"
    if kind == "int":
        value = dice.randrange(-2**62, 2**62)
        written = str(value)
    elif kind == "float":
        value = dice.choice([0.5, -1.25, 1e300, 2.5e-7, 12345.0])
        written = repr(value).replace("e+", "e")
    elif kind == "boolean":
        value = dice.random() < 0.5
        written = dice.choice([str(value).lower(), str(int(value))])
    elif kind == "odd":
        value = written = dice.choice(["INF", "NaN", "+1", "007", ".5", "1.", ""])
    else:
        value = written = text()
    element.set("value", written)
    return value


def attribute(parent, key, depth=0):
    """Adds a random attribute, and gives the members that it becomes."""
    element = ET.SubElement(parent, "string")
    if dice.random() < 0.5:
        element.set("key", key)
    kind = dice.choice(["scalar"] * 8 + ["list", "container", "meta"]) if depth < 4 else "scalar"
    members = {}
    if kind in ("list", "container"):
        element.tag = kind
        inner = element
        if dice.random() < 0.7:
            inner = ET.SubElement(element, "values")
        contents = [attribute(inner, k, depth + 1) for k in keys(dice.randrange(3))]
        members[key] = contents if kind == "list" else {k: v for part in contents for k, v in part.items()}
        if inner is not element and dice.random() < 0.3:
            members[key + ".meta"] = attribute(element, "m", depth + 1)
    else:
        members[key] = scalar(element)
        if kind == "meta":
            children = [attribute(element, k, depth + 1) for k in keys(1 + dice.randrange(2))]
            members[key + ".meta"] = {k: v for part in children for k, v in part.items()}
    element.set("key", key)
    return members


def keys(count):
    known = ["concept:name", "time:timestamp", "lifecycle:transition", "org:resource", 'k"<&é', "cost:total", "x"]
    return dice.sample(known, count)


log = ET.Element("log", {"xes.version": "1.0", "xmlns": "http://www.xes-standard.org/"})
ET.SubElement(log, "extension", {"name": "Concept", "prefix": "concept"})
scope = ET.SubElement(log, "global", {"scope": "event"})
ET.SubElement(scope, "string", {"key": "concept:name", "value": "<trace>"})
ET.SubElement(log, "classifier", {"name": "Activity", "keys": "concept:name"})
attribute(log, "of the log")
rows = []
for _ in range(60):
    case = {}
    if dice.random() < 0.1:
        trace = log
    else:
        trace = ET.SubElement(log, "trace")
        for key in keys(dice.randrange(4)):
            case.update({"case:" + k: v for k, v in attribute(trace, key).items()})
    for _ in range(dice.randrange(6) if trace is not log else 1):
        event = ET.SubElement(trace, "event")
        row = dict(case)
        for key in keys(dice.randrange(6)):
            row.update(attribute(event, key))
        rows.append(row)
        if dice.random() < 0.1:
            trace.append(ET.Comment(" </trace> </event> <event> "))
        if dice.random() < 0.1:
            event.append(ET.ProcessingInstruction("x", "</event>"))
if seed % 2:
    ET.indent(log)
ET.ElementTree(log).write(log_path, encoding="utf-8", xml_declaration=True, short_empty_elements=seed % 3 > 0)
with open(events_path, "w") as out:
    for row in rows:
        out.write(json.dumps(row) + "\n")
