#!/usr/bin/env python3
"""Writes the dashboards for Grafana: each board once, for InfluxDB 1 (InfluxQL), InfluxDB 2 (Flux) and Prometheus.

A panel is described once; the queries of InfluxQL and Flux are made of the same words, that of Prometheus stands
beside them. Needs nothing but Python 3:

    deploy/grafana/generate.py          # writes deploy/grafana/dashboards/{influxql,flux,prometheus}/*.json
    deploy/grafana/generate.py --check  # says what would change, and fails then
"""

import json
import sys
from pathlib import Path

PLACE = Path(__file__).resolve().parent / "dashboards"

SOURCES = {
    "influxql": {"type": "influxdb", "uid": "bursar-influxdb"},
    "flux": {"type": "influxdb", "uid": "bursar-influxdb2"},
    "prometheus": {"type": "prometheus", "uid": "bursar-prometheus"},
}
TITLES = {"influxql": "InfluxDB 1", "flux": "InfluxDB 2", "prometheus": "Prometheus"}


class Influx:
    """Fields of a measurement: `fields` with what people call them; `where` tags; `by` more tags to tell apart.
    `fn`: last, max, mean, sum, count, difference; `every`: a fixed step in place of that of the screen."""

    def __init__(self, measurement, fields, where=None, by=(), fn="last", every=None):
        self.measurement, self.fields, self.where = measurement, fields, where or {}
        self.by, self.fn, self.every = list(by), fn, every

    def influxql(self, kind):
        fields = ", ".join(f'{self._fn(name)} AS "{title}"' for name, title in self.fields.items())
        tags = "".join(f" AND \"{tag}\" = '{value}'" for tag, value in self.where.items())
        base = f'SELECT {fields} FROM "{self.measurement}" WHERE "site" =~ /^$site$/{tags} AND $timeFilter'
        by = ", ".join(f'"{tag}"' for tag in ["site", *self.by])
        if kind == "table":
            names = ", ".join(f'"{name}"' for name in [*self.by, *self.fields])
            return base.replace(f"SELECT {fields}", f"SELECT {names}") + " ORDER BY time DESC LIMIT 200"
        if kind == "timeseries":
            return f"{base} GROUP BY time({self.every or '$__interval'}), {by} fill(none)"
        return f"{base} GROUP BY {by}"

    def _fn(self, name):
        if self.fn == "difference":
            return f'difference(last("{name}"))'
        return f'{self.fn}("{name}")'

    def flux(self, kind):
        names = " or ".join(f'r._field == "{name}"' for name in self.fields)
        tags = "".join(f' and r.{tag} == "{value}"' for tag, value in self.where.items())
        lines = [
            'from(bucket: "bursar")',
            "  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)",
            f'  |> filter(fn: (r) => r._measurement == "{self.measurement}" and ({names}){tags})',
            "  |> filter(fn: (r) => not exists r.site or r.site =~ /^${site:regex}$/)",
        ]
        fn = "last" if self.fn == "difference" else self.fn
        columns = ", ".join(f'"{name}"' for name in ["_time", "_value", "_field", "site", *self.by])
        if kind == "table":
            groups = ", ".join(f'"{name}"' for name in ["site", *self.by])
            lines.append('  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")')
            shown = ", ".join(f'"{name}"' for name in ["_time", "site", *self.by, *self.fields])
            lines += [f"  |> keep(columns: [{shown}])", "  |> group()", '  |> sort(columns: ["_time"], desc: true)',
                      "  |> limit(n: 200)"]
        elif kind == "timeseries":
            lines.append(f"  |> aggregateWindow(every: {self.every or 'v.windowPeriod'}, fn: {fn}, createEmpty: false)")
            if self.fn == "difference":
                lines.append("  |> difference()")
            lines.append(f"  |> keep(columns: [{columns}])")
        else:
            lines += [f"  |> {fn}()"]
            if fn in ("last",):
                lines.append(f"  |> keep(columns: [{columns}])")
        return "\n".join(lines)


class Panel:
    """`influx`: one or several; `prom`: pairs of expression and legend. What a source has nothing of is left out."""

    def __init__(self, title, kind, influx=(), prom=(), unit="none", w=12, h=8, text="", steps=None, stacked=False,
                 words=None):
        self.title, self.kind, self.unit, self.w, self.h, self.text = title, kind, unit, w, h, text
        self.influx = [influx] if isinstance(influx, Influx) else list(influx)
        self.prom, self.steps, self.stacked, self.words = list(prom), steps, stacked, words

    def has(self, source):
        return bool(self.prom if source == "prometheus" else self.influx)

    def targets(self, source):
        at = SOURCES[source]
        for number, query in enumerate(self.prom if source == "prometheus" else self.influx):
            target = {"datasource": at, "refId": chr(ord("A") + number)}
            if source == "prometheus":
                expr, legend = query
                target |= {"expr": expr, "legendFormat": legend, "instant": self.kind != "timeseries",
                           "range": self.kind == "timeseries"}
                if self.kind == "table":
                    target["format"] = "table"
            elif source == "influxql":
                form = "table" if self.kind == "table" else "time_series"
                target |= {"rawQuery": True, "resultFormat": form, "query": query.influxql(self.kind)}
                if form == "time_series":
                    tags = " ".join(f"$tag_{tag}" for tag in ["site", *query.by])
                    target["alias"] = f"$col {tags}"
            else:
                target["query"] = query.flux(self.kind)
            yield target

    def json(self, source, number, at):
        defaults = {"unit": self.unit}
        if source == "flux" and self.kind != "table":
            by = {tag for query in self.influx for tag in query.by}
            labels = ["_field", "site", *sorted(by)]
            defaults["displayName"] = " ".join(f"${{__field.labels.{label}}}" for label in labels)
        if self.steps:
            colors = [{"color": color, "value": value} for color, value in self.steps]
            defaults["thresholds"] = {"mode": "absolute", "steps": colors}
        if self.words:
            options = {value: {"text": text, "color": color} for value, (text, color) in self.words.items()}
            defaults["mappings"] = [{"type": "value", "options": options}]
        if self.stacked:
            defaults["custom"] = {"stacking": {"mode": "normal"}, "fillOpacity": 30}
        elif self.kind == "timeseries":
            defaults["custom"] = {"fillOpacity": 5, "spanNulls": False}
        options = {}
        if self.kind in ("stat", "bargauge"):
            fields = "/.*/" if self.unit == "string" else ""
            options["reduceOptions"] = {"calcs": ["lastNotNull"], "fields": fields, "values": False}
            if self.kind == "stat":
                mode = "name" if self.unit == "string" and source == "prometheus" else "auto"
                options |= {"colorMode": "value", "graphMode": "none", "textMode": mode}
        elif self.kind == "timeseries":
            options = {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
                       "tooltip": {"mode": "multi"}}
        if self.unit == "string":
            del defaults["unit"]
        return {"id": number, "type": self.kind, "title": self.title, "description": self.text,
                "datasource": SOURCES[source], "gridPos": at, "targets": list(self.targets(source)),
                "fieldConfig": {"defaults": defaults, "overrides": []}, "options": options}


SITE = 'site=~"$site"'
FEW = [("red", None), ("orange", 1), ("green", 10)]
DAYS = [("red", None), ("orange", 14), ("yellow", 60), ("green", 90)]
SHARE = [("green", None), ("orange", 0.9), ("red", 0.97)]
YES_IS_BAD = {"true": ("yes", "red"), "false": ("no", "green"), "1": ("yes", "red"), "0": ("no", "green")}
YES_IS_GOOD = {"true": ("yes", "green"), "false": ("no", "red"), "1": ("yes", "green"), "0": ("no", "red")}
LICENSE, SERVER, ACTIVITY = "qlik_sense_license", "qlik_sense_server_license", "bursar_seat_activity"
LEFT = f"floor((bursar_server_license_end_timestamp_seconds{{{SITE}}} - time()) / 86400)"
TYPES = [("professional", "Professional"), ("analyzer", "Analyzer")]


def license_panels(w):
    return [
        Panel("Days until the server license expires", "stat", Influx(SERVER, {"days_until_expiry": "days"}),
              [(LEFT, "{{site}}")], w=w, h=5, steps=DAYS,
              text="0 on the last valid day, negative after it. Empty for a license without end."),
        Panel("Server license", "stat", Influx(SERVER, {"state": "state"}),
              [(f"bursar_server_license_state{{{SITE}}} == 1", "{{site}} {{state}}")], unit="string", w=w, h=5,
              text="One word for the state: valid, expiring, expired, perpetual, ..."),
        Panel("Expired?", "stat", Influx(SERVER, {"license_expired": "expired"}),
              [(f"bursar_server_license_expired{{{SITE}}}", "{{site}}")], w=w, h=5, words=YES_IS_BAD),
    ]


def seats_over_time(tag, title):
    figures = ["total", "allocated", "available", "used", "quarantined", "excess"]
    names = ["entitled", "allocated", "free", "in_use", "quarantined", "excess"]
    return Panel(f"{title} seats", "timeseries",
                 Influx(LICENSE, {name: name for name in figures}, {"license_type": tag}),
                 [(f'bursar_seats_{name}{{{SITE},type="{tag}"}}', f"{name} {{{{site}}}}") for name in names])


def free(tag, title, w):
    return Panel(f"Free {title} seats", "stat", Influx(LICENSE, {"available": "free"}, {"license_type": tag}),
                 [(f'bursar_seats_free{{{SITE},type="{tag}"}}', "{{site}}")], w=w, h=5, steps=FEW)


BOARDS = {
    "overview": ("Qlik Sense licenses: overview", license_panels(4) + [
        free("professional", "Professional", 4), free("analyzer", "Analyzer", 4),
        Panel("Qlik Sense", "stat", Influx("qlik_sense_version", {"version": "version"}),
              [(f"bursar_qlik_sense_info{{{SITE}}}", "{{site}} {{release}} {{version}}")], unit="string", w=4, h=5),
        Panel("Share of the seats that is allocated", "bargauge", (),
              [(f"bursar_seats_allocated{{{SITE}}} / (bursar_seats_entitled{{{SITE}}} > 0)", "{{site}} {{type}}")],
              unit="percentunit", w=8, steps=SHARE),
        Panel("Idle, and what the release rules would take", "bargauge",
              Influx(ACTIVITY, {"reclaimable_rules": "by the rules", "never_used": "never used",
                                "idle_over_90d": "idle over 90 days"}, by=["license_type"]),
              [(f"bursar_seats_reclaimable{{{SITE}}}", "by the rules {{site}} {{type}}"),
               (f"bursar_seats_never_used{{{SITE}}}", "never used {{site}} {{type}}"),
               (f"bursar_seats_idle{{{SITE}}}", "idle {{site}} {{type}}")], w=8),
        Panel("License Monitor app", "stat", Influx("bursar_monitor_app", {"health": "health"}),
              [(f"bursar_monitor_app_state{{{SITE}}} == 1", "{{site}} {{state}}")], unit="string", w=4),
        Panel("Analyzer Capacity used", "stat", (),
              [(f"bursar_capacity_used_seconds{{{SITE}}} / (bursar_capacity_usable_seconds{{{SITE}}} > 0)",
                "{{site}}")], unit="percentunit", w=4, steps=SHARE),
        Panel("Alerts", "table", Influx("bursar_alert", {"firing": "firing", "text": "text"},
                                        by=["rule", "severity", "status"]),
              [('bursar_alerts{state="firing"}', "{{site}}")],
              text="As they were told. Of Prometheus: how many fire by site."),
        Panel("Cost of a year", "stat", (),
              [(f"bursar_cost_entitled{{{SITE}}}", "entitled {{site}} {{currency}}"),
               (f"bursar_cost_reclaimable{{{SITE}}}", "idle {{site}} {{currency}}"),
               (f"bursar_cost_saved{{{SITE}}}", "saved {{site}} {{currency}}")]),
        *[seats_over_time(tag, title) for tag, title in TYPES],
    ]),
    "server-license": ("Qlik Sense server license", license_panels(6) + [
        Panel("Last valid day", "stat", Influx(SERVER, {"expiry_date": "last day"}),
              [(f"bursar_server_license_end_timestamp_seconds{{{SITE}}} * 1000 - 1", "{{site}}")],
              unit="string", w=6, h=5),
        Panel("Version of Qlik Sense", "table",
              Influx("qlik_sense_version", {"version": "version", "release_label": "release",
                                            "product_name": "product"}),
              [(f"bursar_qlik_sense_info{{{SITE}}}", "{{site}} {{version}}")]),
        Panel("Days until expiry", "timeseries", Influx(SERVER, {"days_until_expiry": "days"}), [(LEFT, "{{site}}")]),
    ]),
    "trends": ("Qlik Sense licenses: trends", [
        *[seats_over_time(tag, title) for tag, title in TYPES],
        Panel("Share of the seats that is allocated", "timeseries", (),
              [(f"bursar_seats_allocated{{{SITE}}} / (bursar_seats_entitled{{{SITE}}} > 0)", "{{site}} {{type}}")],
              unit="percentunit"),
        Panel("Daily peaks", "timeseries", Influx(LICENSE, {"allocated": "peak"}, by=["license_type"], fn="max",
                                                  every="1d"),
              [(f"max_over_time(bursar_seats_allocated{{{SITE}}}[1d])", "{{site}} {{type}}")]),
        Panel("Daily means", "timeseries", Influx(LICENSE, {"allocated": "mean"}, by=["license_type"], fn="mean",
                                                  every="1d"),
              [(f"avg_over_time(bursar_seats_allocated{{{SITE}}}[1d])", "{{site}} {{type}}")]),
        Panel("Change by day", "timeseries",
              Influx(LICENSE, {"allocated": "change"}, by=["license_type"], fn="difference", every="1d"),
              [(f"delta(bursar_seats_allocated{{{SITE}}}[1d])", "{{site}} {{type}}")],
              text="Growth: seats more or fewer than the day before."),
        Panel("Days until the free seats may run out", "stat", (),
              [(f"(bursar_seats_run_out_earliest_timestamp_seconds{{{SITE}}} - time()) / 86400",
                "at the earliest {{site}} {{type}}"),
               (f"(bursar_seats_run_out_latest_timestamp_seconds{{{SITE}}} - time()) / 86400",
                "in 80 of 100 cases {{site}} {{type}}")], unit="d"),
        Panel("Analyzer Capacity of the month", "timeseries",
              Influx(LICENSE, {"allocated_minutes": "allocated", "used_minutes": "used",
                               "unavailable_minutes": "unavailable"}, {"license_type": "analyzer_capacity"}),
              [(f"bursar_capacity_usable_seconds{{{SITE}}} / 60", "usable {{site}}"),
               (f"bursar_capacity_used_seconds{{{SITE}}} / 60", "used {{site}}"),
               (f"bursar_capacity_projected_seconds{{{SITE}}} / 60", "at the end of the month {{site}}")], unit="m"),
        Panel("Tokens", "timeseries",
              [Influx(LICENSE, {"total_tokens": "total", "available_tokens": "available"},
                      {"license_type": "tokens_available"}),
               Influx(LICENSE, {"allocated_tokens": "allocated", "used_tokens": "used"}, {"license_type": "token_user"}),
               Influx(LICENSE, {"allocated_tokens": "for logins", "used_tokens": "used by logins"},
                      {"license_type": "token_login"})],
              [(f"bursar_tokens_entitled{{{SITE}}}", "total {{site}}"),
               (f"bursar_tokens_available{{{SITE}}}", "available {{site}}"),
               (f"bursar_tokens_allocated{{{SITE}}}", "allocated {{site}} {{access}}")]),
    ]),
    "releases": ("Qlik Sense licenses: releases", [
        Panel("Paused?", "stat", (), [(f"bursar_release_paused{{{SITE}}}", "{{site}}")], w=6, h=5, words=YES_IS_BAD),
        Panel("Frozen?", "stat", (), [(f"bursar_release_frozen{{{SITE}}}", "{{site}}")], w=6, h=5, words=YES_IS_BAD),
        Panel("Next run", "stat", (), [(f"bursar_release_next_run_timestamp_seconds{{{SITE}}} * 1000", "{{site}}")],
              unit="dateTimeAsIso", w=6, h=5),
        Panel("Seats of which it is not known what became of them", "stat", (),
              [(f"bursar_release_unsettled_seats{{{SITE}}}", "{{site}}")], w=6, h=5, steps=[("green", None), ("red", 1)]),
        Panel("Seats in the last runs", "timeseries",
              Influx("bursar_release_run", {"planned": "planned", "released": "released", "announced": "announced",
                                            "refused": "refused", "unclear": "unclear"}, by=["license_type", "mode"]),
              [(f'bursar_release_last_run_seats{{{SITE},outcome=~"planned|released|announced|refused|unclear"}}',
                "{{outcome}} {{site}} {{type}} {{mode}}")]),
        Panel("Kept seats in the last runs", "timeseries",
              Influx("bursar_release_run", {"kept": "kept", "seats": "seats"}, by=["license_type", "mode"]),
              [(f'bursar_release_last_run_seats{{{SITE},outcome="kept"}}', "kept {{site}} {{type}} {{mode}}")]),
        Panel("Released by day", "timeseries",
              Influx("qlik_sense_license_release", {"days_since_last_use": "seats"}, by=["license_type"], fn="count",
                     every="1d"), (), text="Seats that were really taken."),
        Panel("Released seats", "table",
              Influx("qlik_sense_license_release", {"days_since_last_use": "days"}, by=["license_type", "user"])),
        Panel("Seats that rehearsals would have released", "table",
              Influx("bursar_release_planned", {"days_since_last_use": "days"}, by=["license_type", "user"])),
        Panel("Last run", "table", (), [(f"bursar_release_last_run_info{{{SITE}}}", "{{site}} {{mode}} {{state}}")]),
    ]),
    "seats": ("Qlik Sense licenses: seats by activity", [
        *[Panel(f"{title} seats by days since their last use", "timeseries",
                Influx(ACTIVITY, {"idle_0_7d": "0-7", "idle_8_30d": "8-30", "idle_31_60d": "31-60",
                                  "idle_61_90d": "61-90", "idle_over_90d": "over 90", "never_used": "never"},
                       {"license_type": tag}),
                [(f'bursar_seats_by_idle_time{{{SITE},type="{tag}"}}', "{{idle}} {{site}}")], stacked=True)
          for tag, title in TYPES],
        Panel("People who used a seat", "timeseries",
              Influx(ACTIVITY, {"active_1d": "1 day", "active_7d": "7 days", "active_28d": "28 days",
                                "active_90d": "90 days"}, by=["license_type"]),
              [(f"bursar_seats_active{{{SITE}}}", "28 days {{site}} {{type}}"),
               (f"bursar_active_people{{{SITE}}}", "28 days {{site}} any")]),
        Panel("What the release rules would take", "timeseries",
              Influx(ACTIVITY, {"reclaimable_rules": "by the rules", "undecided_rules": "undecided"},
                     by=["license_type"]),
              [(f"bursar_seats_reclaimable{{{SITE}}}", "by the rules {{site}} {{type}}"),
               (f"bursar_seats_undecided{{{SITE}}}", "undecided {{site}} {{type}}")]),
        Panel("Never used", "timeseries", Influx(ACTIVITY, {"never_used": "never used"}, by=["license_type"]),
              [(f"bursar_seats_never_used{{{SITE}}}", "{{site}} {{type}}")]),
        Panel("Changes by day", "timeseries",
              Influx("bursar_seat_change", {"count": "seats"}, by=["license_type", "change"], fn="sum", every="1d")),
    ]),
    "bursar": ("Bursar itself", [
        Panel("Well?", "stat", (), [("bursar_healthy", "{{instance}}")], w=4, h=5, words=YES_IS_GOOD),
        Panel("Version", "stat", (), [("bursar_build_info", "{{version}}")], unit="string", w=4, h=5),
        Panel("Late or learning nothing", "stat", (), [("bursar_monitors_late", "late"),
                                                       ("bursar_monitors_unread", "learn nothing")],
              w=4, h=5, steps=[("green", None), ("red", 1)]),
        Panel("Refused events", "stat", (), [("sum(bursar_queue_dead_letters)", "")], w=4, h=5,
              steps=[("green", None), ("red", 1)]),
        Panel("Alerts that reach nobody", "stat", (), [("bursar_alerts_unheard", "")], w=4, h=5,
              steps=[("green", None), ("red", 1)]),
        Panel("Running since", "stat", (), [('process_start_time_seconds{job="bursar"} * 1000', "")],
              unit="dateTimeAsIso", w=4, h=5),
        Panel("Time since each monitor read its site", "timeseries", (),
              [(f"time() - bursar_monitor_last_success_timestamp_seconds{{{SITE}}}", "{{site}} {{monitor}}")], unit="s"),
        Panel("Polls", "timeseries", Influx(LICENSE, {"total": "access licenses"}, {"license_type": "analyzer"},
                                            fn="count", every="1h"),
              [(f"increase(bursar_monitor_polls_total{{{SITE}}}[1h])", "{{site}} {{monitor}} {{result}}")],
              text="In an hour. Of InfluxDB: polls of access licenses that arrived there."),
        Panel("Readings of the server license that arrived", "timeseries",
              Influx(SERVER, {"license_expired": "server license"}, fn="count", every="1h")),
        Panel("How late polls begin, times of the schedule that went by", "timeseries", (),
              [(f"bursar_monitor_schedule_lag_seconds{{{SITE}}}", "late {{site}} {{monitor}}"),
               (f"bursar_monitor_missed_ticks_total{{{SITE}}}", "went by {{site}} {{monitor}}")]),
        Panel("Events that wait", "timeseries", (), [("bursar_queue_events", "{{destination}}")]),
        Panel("Age of the oldest event that waits", "timeseries", (),
              [("time() - bursar_queue_oldest_event_timestamp_seconds", "{{destination}}")], unit="s"),
        Panel("Deliveries in an hour", "timeseries", (),
              [("increase(bursar_queue_sent_events_total[1h])", "sent {{destination}}"),
               ("increase(bursar_queue_retries_total[1h])", "tried again {{destination}}"),
               ("increase(bursar_queue_refused_events_total[1h])", "refused {{destination}}"),
               ("increase(bursar_queue_dropped_events_total[1h])", "dropped {{destination}} {{reason}}")]),
        Panel("Store", "timeseries", (), [("bursar_store_size_bytes", "store"),
                                          ("bursar_store_wal_size_bytes", "write-ahead log")], unit="bytes"),
        Panel("Memory", "timeseries", (), [('process_resident_memory_bytes{job="bursar"}', "memory")], unit="bytes"),
        Panel("Open files", "timeseries", (), [('process_open_fds{job="bursar"}', "open"),
                                               ('process_max_fds{job="bursar"}', "at most")]),
        Panel("Alerts of Bursar", "table", Influx("bursar_alert", {"firing": "firing", "text": "text"},
                                                  by=["rule", "severity"])),
    ]),
}


def variable(source):
    queries = {
        "influxql": f'SHOW TAG VALUES FROM "{SERVER}" WITH KEY = "site"',
        "flux": 'import "influxdata/influxdb/schema"\nschema.tagValues(bucket: "bursar", tag: "site")',
        "prometheus": "label_values(bursar_release_enabled, site)",
    }
    query = queries[source]
    asked = {"query": query, "refId": "site"} if source == "prometheus" else query
    return {"name": "site", "label": "Site", "type": "query", "datasource": SOURCES[source], "query": asked,
            "definition": query, "refresh": 2, "includeAll": True, "allValue": ".*", "multi": True, "sort": 1,
            "hide": 0, "current": {"text": "All", "value": "$__all"}}


def board(source, name):
    title, panels = BOARDS[name]
    placed, x, y, row = [], 0, 0, 0
    for panel in (panel for panel in panels if panel.has(source)):
        if x + panel.w > 24:
            x, y, row = 0, y + row, 0
        at = {"x": x, "y": y, "w": panel.w, "h": panel.h}
        placed.append(panel.json(source, len(placed) + 1, at))
        x, row = x + panel.w, max(row, panel.h)
    return {"uid": f"bursar-{source}-{name}", "title": f"{title} ({TITLES[source]})", "tags": ["bursar", "qlik", source],
            "schemaVersion": 39, "version": 1, "editable": True, "timezone": "", "refresh": "5m",
            "time": {"from": "now-30d", "to": "now"}, "graphTooltip": 1, "annotations": {"list": []},
            "links": [{"type": "dashboards", "title": "Bursar", "tags": ["bursar", source], "asDropdown": True}],
            "templating": {"list": [variable(source)]}, "panels": placed}


def main():
    check, different = "--check" in sys.argv[1:], []
    expected = {PLACE / source / f"{name}.json" for source in SOURCES for name in BOARDS}
    for source in SOURCES:
        for name in BOARDS:
            file = PLACE / source / f"{name}.json"
            text = json.dumps(board(source, name), indent=2, ensure_ascii=False) + "\n"
            if check:
                if not file.is_file() or file.read_text(encoding="utf-8") != text:
                    different.append(file)
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    different += [file for file in PLACE.glob("*/*.json") if file not in expected]
    for file in different:
        print(f"{file}: not what deploy/grafana/generate.py writes", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
