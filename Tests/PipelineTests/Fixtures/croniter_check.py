"""Compares times of cron expressions with those of croniter. Lines of stdin: expression, zone, start, and the times that
follow it, with tabs between; times are seconds since 1970. Writes the lines that differ."""
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from croniter import croniter

for line in sys.stdin:
    expression, zone, start, *times = line.rstrip("\n").split("\t")
    begin = datetime.fromtimestamp(int(start), timezone.utc).astimezone(ZoneInfo(zone))
    # Vixie's cron: of a day that begins with a star both days must hold.
    other = croniter(expression, begin, implement_cron_bug=True)
    expected = [int(other.get_next(datetime).timestamp()) for _ in times]
    if expected != [int(time) for time in times]:
        print(f"{expression} ({zone}) after {start}: {times}, and croniter says {expected}")
