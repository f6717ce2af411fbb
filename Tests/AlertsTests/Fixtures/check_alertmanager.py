"""Tells what a receiver of Alertmanager's webhooks, version 4, would not understand of a body: a mistake a line.

usage: check_alertmanager.py BODY.json

The fields and their types are those of Alertmanager's notify/webhook.Message and template.Data.
"""
import datetime
import json
import re
import sys

MESSAGE = {"version": str, "groupKey": str, "truncatedAlerts": int, "status": str, "receiver": str, "groupLabels": dict,
           "commonLabels": dict, "commonAnnotations": dict, "externalURL": str, "alerts": list}
ALERT = {"status": str, "labels": dict, "annotations": dict, "startsAt": str, "endsAt": str, "generatorURL": str,
         "fingerprint": str}
mistakes = []


def fields(value, expected, name):
    for key, kind in expected.items():
        if type(value.get(key)) is not kind:
            mistakes.append(f"{key} of {name} is {value.get(key)!r}")
        elif kind is dict:
            texts(value[key], f"{key} of {name}")
    mistakes.extend(f"{name} has {key}" for key in value if key not in expected)


def texts(value, name):
    for key, text in value.items():
        if not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", key) or type(text) is not str:
            mistakes.append(f"{key} in {name} is {text!r}")


def time(text, name):
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        mistakes.append(f"{name} is {text!r}")


with open(sys.argv[1], encoding="utf-8") as file:
    message = json.load(file)
fields(message, MESSAGE, "the message")
alerts = message["alerts"]
for index, alert in enumerate(alerts):
    name = f"alerts[{index}]"
    fields(alert, ALERT, name)
    starts, ends = time(alert["startsAt"], f"startsAt of {name}"), time(alert["endsAt"], f"endsAt of {name}")
    if alert["status"] == "firing":
        if alert["endsAt"] != "0001-01-01T00:00:00Z":
            mistakes.append(f"{name} fires and has an end")
    elif alert["status"] != "resolved" or starts and ends and ends < starts:
        mistakes.append(f"status of {name} is {alert['status']}, from {starts} to {ends}")
    if not alert["labels"].get("alertname"):
        mistakes.append(f"{name} has no alertname")
    if not re.fullmatch("[0-9a-f]{16}", alert["fingerprint"]):
        mistakes.append(f"fingerprint of {name} is {alert['fingerprint']}")
if len({alert["fingerprint"] for alert in alerts}) != len(alerts):
    mistakes.append("two alerts have one fingerprint")
if message["version"] != "4":
    mistakes.append(f"version {message['version']}")
if message["status"] != ("firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved"):
    mistakes.append(f"status of the message is {message['status']}")
for common, own in [("groupLabels", "labels"), ("commonLabels", "labels"), ("commonAnnotations", "annotations")]:
    mistakes += [f"{key} of {common} is not of {alert['fingerprint']}" for alert in alerts
                 for key, text in message[common].items() if alert[own].get(key) != text]
for own, common in [("labels", "commonLabels"), ("annotations", "commonAnnotations")]:
    shared = set.intersection(*(set(alert[own].items()) for alert in alerts)) if alerts else set()
    if set(message[common].items()) != shared:
        mistakes.append(f"{common} are not what all {own} share")
print("\n".join(mistakes), end="")
sys.exit(1 if mistakes else 0)
