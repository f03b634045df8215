"""What the stack of infra/template.yaml costs in a month, for some numbers of clients.

docs/cost.md explains the counts and shows the tables that this prints. Change an assumption
and run it again:

    python3 infra/cost.py
"""

from math import ceil

DAYS = 30
MINUTES = DAYS * 24 * 60

# List prices of us-east-1 in US dollars, as read in November 2026; free tiers are left out, but for the transfer.
PUT_OR_LIST = 0.005 / 1000
GET = 0.0004 / 1000
STORED_GB = 0.023
OUT_GB, OUT_GB_FREE = 0.09, 100
LAMBDA_GB_SECOND, LAMBDA_CALL = 0.0000133334, 0.20 / 1e6
SQS_CALL = 0.40 / 1e6
LOG_GB = 0.50
ALARM, METRIC = 0.10, 0.30

# Assumptions. Per client and day, unless they say something else.
MEMBERS = 2  # clients of a space
HOURS_OPEN = 2
OPENED = 4  # times
FLUSHES = 10  # with two updates each, in one object
GATEWAY_SECONDS, ROLLUP_SECONDS, PAGE_SECONDS = 0.05, 0.45, 0.1  # assumed, not measured on AWS
SPACES_AT_ONCE = 8
MEMORY_GB = 0.25
SPACE_GB_AFTER_A_YEAR = 3.5e-3
KB = 1e-6  # in GB


def month(clients, poll_seconds, list_seconds, round_minutes, rollups):
    """Dollars by what they are for; of a day's rounds, `rollups` find something new in a space."""
    spaces = ceil(clients / MEMBERS)
    written = FLUSHES * MEMBERS
    polls = HOURS_OPEN * 3600 / poll_seconds
    listings = HOURS_OPEN * 3600 / list_seconds
    looks = HOURS_OPEN * 6
    rounds = MINUTES / round_minutes
    w, r = PUT_OR_LIST, GET
    per_client = {
        "idle polls": polls * r,
        "listings, looks, opening": listings * (w + r) + looks * 2 * w + OPENED * (3 * w + 2 * r),
        "writing": FLUSHES * 2 * w,
        "seeing the others' updates": (written - FLUSHES) * (w + 2 * r),
        "seeing roll-ups and pruning": rollups * (3 * w + 2 * r) + w + r,
    }
    rolling = rollups * (6 * w + 3 * r) + written * r + rollups * (3 * w + r)
    upkeep = (2 * w + r) + (3 * w + 3 * r) + (6 * w + 5 * r) + written * r
    cost = {name: DAYS * clients * each for name, each in per_client.items()}
    pages = ceil(spaces / 1000)
    cost["rolling up and pruning"] = DAYS * spaces * (rolling + upkeep) + (rounds + DAYS * 24) * pages * w

    calls = OPENED + HOURS_OPEN + FLUSHES + (written - FLUSHES) + rollups
    gateway = DAYS * clients * calls
    rolling_seconds = rounds * (0.1 + pages * PAGE_SECONDS)
    rolling_seconds += DAYS * spaces * rollups * ROLLUP_SECONDS / SPACES_AT_ONCE
    cost["Lambda"] = (gateway + rounds) * LAMBDA_CALL
    cost["Lambda"] += (gateway * GATEWAY_SECONDS + rolling_seconds) * MEMORY_GB * LAMBDA_GB_SECOND
    # Five pollers ask the queue three times a minute; a message of 25 spaces is sent, received and deleted.
    handed_over = DAYS * spaces * rollups / 25 if pages > 10 else 0
    cost["SQS, logs, alarms"] = (15 * MINUTES + 3 * handed_over) * SQS_CALL + 9 * ALARM + 10 * METRIC
    cost["SQS, logs, alarms"] += (gateway * 1.5 + rounds * 1.2) * KB * LOG_GB
    cost["storage after a year"] = spaces * SPACE_GB_AFTER_A_YEAR * STORED_GB
    out = polls * 0.5 + listings * 2 + OPENED * 10 + calls * 10 + (written + rollups) * 2
    cost["transfer out"] = max(0, DAYS * clients * out * KB - OUT_GB_FREE) * OUT_GB
    return cost


def table(title, **how):
    columns = [month(clients, **how) for clients in (100, 10_000, 1_000_000)]
    print(f"| {title} | 100 clients | 10,000 | 1,000,000 |\n| --- | --- | --- | --- |")
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(f"{column[name]:,.2f}" for column in columns) + " |")
    totals = [sum(column.values()) for column in columns]
    print("| **together** | " + " | ".join(f"**{total:,.2f}**" for total in totals) + " |")
    each = [total / clients for total, clients in zip(totals, (100, 10_000, 1_000_000))]
    print("| per client | " + " | ".join(f"{one:.3f}" for one in each) + " |\n")


if __name__ == "__main__":
    table("defaults", poll_seconds=5, list_seconds=60, round_minutes=1, rollups=20)
    table("thrifty", poll_seconds=30, list_seconds=300, round_minutes=15, rollups=8)
