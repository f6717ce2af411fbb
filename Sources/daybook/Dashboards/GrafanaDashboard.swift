import Warehouse

/// What Grafana is provisioned with: a datasource, a provider of dashboards, and a dashboard with a row for each SLA.
struct GrafanaDashboard {
    let project: DashboardProject

    /// Of Grafana 12 and 13; older ones read it, too.
    private static let schemaVersion = 42
    private static let source: DocumentValue = ["type": "grafana-postgresql-datasource", "uid": "daybook"]

    var files: GeneratedFiles {
        var files = GeneratedFiles()
        let header = "# \(GeneratedFiles.mark).\n"
        files.add("provisioning/datasources/daybook.yaml", header + datasource.yaml)
        files.add("provisioning/dashboards/daybook.yaml", header + provider.yaml)
        files.add("dashboards/daybook.json", dashboard.json + "\n")
        files.add(
            "README.md",
            """
            <!-- \(GeneratedFiles.mark). -->
            # \(DashboardProject.oneLine(project.title)) in Grafana

            `provisioning/` goes to Grafana's provisioning folder, and `dashboards/` where you like. Grafana takes from its
            environment:

            - `DAYBOOK_PASSWORD`: the password of `\(project.connection.user)`
            - `DAYBOOK_DASHBOARDS`: the path of `dashboards/`

            """)
        return files
    }

    private var datasource: DocumentValue {
        let connection = project.connection
        var settings: [(name: String, value: DocumentValue)] = [
            ("database", .text(connection.database.replacing("$", with: "$$"))),
            ("sslmode", .text(connection.sslMode ?? "prefer")),
        ]
        if let file = connection.sslRootCertificate {
            settings += [
                ("tlsConfigurationMethod", "file-path"),
                ("sslRootCertFile", .text(file.replacing("$", with: "$$"))),
            ]
        }
        settings += [("postgresVersion", 1_500), ("timescaledb", false)]
        return [
            "apiVersion": 1,
            "datasources": [
                [
                    "name": "Daybook", "uid": "daybook", "type": "grafana-postgresql-datasource",
                    "access": "proxy", "url": .text("\(connection.host):\(connection.port)"),
                    // A dollar sign would begin a variable.
                    "user": .text(connection.user.replacing("$", with: "$$")),
                    "jsonData": .members(settings),
                    "secureJsonData": ["password": "${DAYBOOK_PASSWORD}"], "editable": false,
                ]
            ],
        ]
    }

    private var provider: DocumentValue {
        [
            "apiVersion": 1,
            "providers": [
                [
                    "name": "Daybook", "type": "file", "folder": "Daybook", "disableDeletion": false,
                    "allowUiUpdates": false, "updateIntervalSeconds": 60,
                    "options": ["path": "${DAYBOOK_DASHBOARDS}"],
                ]
            ],
        ]
    }

    private var dashboard: DocumentValue {
        [
            "uid": .text(String(project.uuid("grafana dashboard").prefix(36))),
            "title": .text(inert(project.title)),
            "description": .text("\(GeneratedFiles.mark), from the tables of its schema report."),
            "tags": ["daybook", "sla"], "timezone": "utc", "editable": true, "graphTooltip": 1,
            "schemaVersion": .integer(GrafanaDashboard.schemaVersion), "version": 1, "refresh": "5m",
            "time": ["from": project.followsData ? "now-1y" : "now-14d", "to": "now"],
            "templating": ["list": []], "annotations": ["list": []], "links": [], "panels": .list(panels),
        ]
    }

    // MARK: - Panels

    private var panels: [DocumentValue] {
        var panels: [DocumentValue] = []
        var y = 0
        func add(_ panel: DocumentValue, x: Int, width: Int, height: Int) {
            panels.append(
                (["id": .integer(panels.count + 1)] as DocumentValue).adding(panel).adding([
                    "gridPos": [
                        "x": .integer(x), "y": .integer(y), "w": .integer(width), "h": .integer(height),
                    ]
                ]))
        }
        func row(_ title: String) {
            add(
                ["type": "row", "title": .text(inert(title)), "collapsed": false, "panels": []], x: 0,
                width: 24, height: 1)
            y += 1
        }
        for sla in project.slas {
            row(sla.name)
            for (index, stat) in stats(sla).enumerated() { add(stat, x: index * 4, width: 4, height: 4) }
            y += 4
            add(attainment(sla), x: 0, width: 24, height: 8)
            y += 8
            add(durations(sla), x: 0, width: 12, height: 9)
            add(cases(sla), x: 12, width: 12, height: 9)
            y += 9
            add(openCases(sla), x: 0, width: 24, height: 8)
            y += 8
        }
        row("Events and steps")
        add(events, x: 0, width: 12, height: 9)
        add(errors, x: 12, width: 12, height: 9)
        y += 9
        add(steps, x: 0, width: 24, height: 10)
        return panels
    }

    private func stats(_ sla: SLADefinition) -> [DocumentValue] {
        let name = DashboardProject.literal(sla.name)
        func hourly(_ sql: String) -> String {
            "SELECT \(sql) AS value FROM report.sla_hourly WHERE sla = \(name) AND $__timeFilter(hour_start)"
        }
        func fact(_ share: String) -> String {
            "SELECT percentile_cont(\(share)) WITHIN GROUP (ORDER BY elapsed_seconds) AS value FROM report.fact_sla WHERE sla = \(name) AND $__timeFilter(started_at)"
        }
        let stats: [(String, String, String)] = [
            (
                "Met of due", hourly("sum(met)::double precision / nullif(sum(met) + sum(breached), 0)"),
                "percentunit"
            ),
            ("Started", hourly("sum(started)"), "short"), ("Late", hourly("sum(late)"), "short"),
            ("Overdue", hourly("sum(overdue)"), "short"), ("p50", fact("0.5"), "s"),
            ("p95", fact("0.95"), "s"),
        ]
        return stats.map { title, sql, unit in
            let isShare = unit == "percentunit"
            return panel(
                "stat", title, [query(sql, "table")],
                defaults: [
                    "unit": .text(unit),
                    "thresholds": isShare ? thresholds(sla.target) : GrafanaDashboard.plain,
                ],
                options: [
                    "reduceOptions": ["calcs": ["lastNotNull"], "fields": "", "values": false],
                    "colorMode": isShare && sla.target != nil ? "background" : "none", "graphMode": "none",
                    "textMode": "value",
                ])
        }
    }

    private func attainment(_ sla: SLADefinition) -> DocumentValue {
        let name = DashboardProject.literal(sla.name)
        return panel(
            "timeseries", "Attainment by hour",
            [
                query(
                    """
                    SELECT hour_start AS time, CASE WHEN is_final THEN attainment END AS "met of due",
                        CASE WHEN NOT is_final THEN attainment END AS provisional
                    FROM report.sla_hourly
                    WHERE sla = \(name) AND $__timeFilter(hour_start)
                    ORDER BY hour_start
                    """, "time_series")
            ],
            defaults: [
                "unit": "percentunit", "max": 1, "thresholds": thresholds(sla.target),
                "custom": GrafanaDashboard.lines.adding([
                    "thresholdsStyle": ["mode": sla.target == nil ? "off" : "dashed"]
                ]),
            ], options: GrafanaDashboard.graphOptions)
    }

    private func durations(_ sla: SLADefinition) -> DocumentValue {
        let seconds = Double(sla.withinMicroseconds) / 1e6
        return panel(
            "timeseries", "Time from start to end by hour",
            [
                query(
                    """
                    SELECT hour_start AS time, p50_seconds AS p50, p95_seconds AS p95, p99_seconds AS p99
                    FROM report.sla_hourly
                    WHERE sla = \(DashboardProject.literal(sla.name)) AND $__timeFilter(hour_start)
                    ORDER BY hour_start
                    """, "time_series")
            ],
            defaults: [
                "unit": "s",
                "thresholds": [
                    "mode": "absolute",
                    "steps": [
                        ["color": "green", "value": nil], ["color": "red", "value": .number(seconds)],
                    ],
                ],
                "custom": GrafanaDashboard.lines.adding(["thresholdsStyle": ["mode": "dashed"]]),
            ], options: GrafanaDashboard.graphOptions)
    }

    private func cases(_ sla: SLADefinition) -> DocumentValue {
        panel(
            "timeseries", "What became of the cases",
            [
                query(
                    """
                    SELECT hour_start AS time, met, late, overdue, open - overdue AS "open in time", cancelled
                    FROM report.sla_hourly
                    WHERE sla = \(DashboardProject.literal(sla.name)) AND $__timeFilter(hour_start)
                    ORDER BY hour_start
                    """, "time_series")
            ],
            defaults: [
                "unit": "short", "thresholds": GrafanaDashboard.plain,
                "custom": [
                    "drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0,
                    "stacking": ["mode": "normal", "group": "A"],
                ],
            ], options: GrafanaDashboard.graphOptions,
            overrides: [
                ("met", "#2a9463"), ("late", "#c46f12"), ("overdue", "#c8352b"), ("open in time", "#5b8fd9"),
                ("cancelled", "#858f9c"),
            ])
    }

    private func openCases(_ sla: SLADefinition) -> DocumentValue {
        panel(
            "table", "The oldest open cases",
            [
                query(
                    """
                    SELECT f.case_id AS "case", f.started_at AS started, f.breach_at AS due,
                        coalesce(f.breached, false) AS overdue, c.last_type AS "last event", c.last_service AS service,
                        c.last_at AS heard
                    FROM report.fact_sla AS f
                    LEFT JOIN report.cases AS c
                        ON c.case_id = f.case_id AND c.entity = \(DashboardProject.literal(sla.entity))
                    WHERE f.sla = \(DashboardProject.literal(sla.name)) AND f.status = 'in_progress'
                    ORDER BY f.started_at, f.case_id
                    LIMIT 50
                    """, "table")
            ],
            defaults: ["thresholds": GrafanaDashboard.plain],
            options: ["showHeader": true, "cellHeight": "sm"])
    }

    private var events: DocumentValue {
        panel(
            "timeseries", "Events by hour and service",
            [
                query(
                    """
                    SELECT hour_start AS time, service AS metric, sum(events) AS events
                    FROM report.event_hourly
                    WHERE $__timeFilter(hour_start)
                    GROUP BY hour_start, service
                    ORDER BY hour_start
                    """, "time_series")
            ],
            defaults: [
                "unit": "short", "thresholds": GrafanaDashboard.plain,
                "custom": [
                    "drawStyle": "line", "fillOpacity": 30, "lineWidth": 1,
                    "stacking": ["mode": "normal", "group": "A"],
                ],
            ], options: GrafanaDashboard.graphOptions)
    }

    private var errors: DocumentValue {
        panel(
            "timeseries", "Share of errors by service",
            [
                query(
                    """
                    SELECT hour_start AS time, service AS metric,
                        sum(errors)::double precision / nullif(sum(events), 0) AS errors
                    FROM report.event_hourly
                    WHERE $__timeFilter(hour_start)
                    GROUP BY hour_start, service
                    ORDER BY hour_start
                    """, "time_series")
            ],
            defaults: [
                "unit": "percentunit", "min": 0, "thresholds": GrafanaDashboard.plain,
                "custom": GrafanaDashboard.lines,
            ], options: GrafanaDashboard.graphOptions)
    }

    private var steps: DocumentValue {
        panel(
            "table", "How long steps take",
            [
                query(
                    """
                    SELECT entity, from_type, to_type, sum(steps) AS steps,
                        (sum(total_seconds) / nullif(sum(steps), 0))::double precision AS "mean time"
                    FROM report.step_hourly
                    WHERE $__timeFilter(hour_start)
                    GROUP BY entity, from_type, to_type
                    ORDER BY steps DESC
                    LIMIT 100
                    """, "table")
            ],
            defaults: ["thresholds": GrafanaDashboard.plain],
            options: ["showHeader": true, "cellHeight": "sm"],
            units: [("mean time", "s")])
    }

    // MARK: - Parts

    private static let plain: DocumentValue = [
        "mode": "absolute", "steps": [["color": "text", "value": nil]],
    ]
    private static let lines: DocumentValue = [
        "drawStyle": "line", "lineWidth": 2, "fillOpacity": 0, "pointSize": 4, "showPoints": "auto",
        "spanNulls": false,
    ]
    private static let graphOptions: DocumentValue = [
        "legend": ["displayMode": "list", "placement": "bottom", "showLegend": true],
        "tooltip": ["mode": "multi", "sort": "none"],
    ]

    private func thresholds(_ target: Double?) -> DocumentValue {
        guard let target else { return GrafanaDashboard.plain }
        return [
            "mode": "absolute",
            "steps": [["color": "red", "value": nil], ["color": "green", "value": .number(target)]],
        ]
    }

    private func query(_ sql: String, _ format: String) -> DocumentValue {
        [
            "refId": "A", "datasource": GrafanaDashboard.source, "rawQuery": true, "editorMode": "code",
            "format": .text(format), "rawSql": .text(sql),
        ]
    }

    private func panel(
        _ type: String, _ title: String, _ targets: [DocumentValue], defaults: DocumentValue,
        options: DocumentValue, overrides: [(name: String, colour: String)] = [],
        units: [(name: String, unit: String)] = []
    ) -> DocumentValue {
        func override(_ name: String, _ property: DocumentValue) -> DocumentValue {
            ["matcher": ["id": "byName", "options": .text(name)], "properties": [property]]
        }
        let colours = overrides.map {
            override($0.name, ["id": "color", "value": ["mode": "fixed", "fixedColor": .text($0.colour)]])
        }
        let units = units.map { override($0.name, ["id": "unit", "value": .text($0.unit)]) }
        return [
            "type": .text(type), "title": .text(inert(title)), "datasource": GrafanaDashboard.source,
            "targets": .list(targets),
            "fieldConfig": ["defaults": defaults, "overrides": .list(colours + units)], "options": options,
        ]
    }

    /// A title in which Grafana finds no variable.
    private func inert(_ text: String) -> String {
        text.replacing("$", with: "$\u{2060}").replacing("[[", with: "[\u{2060}[")
    }
}
