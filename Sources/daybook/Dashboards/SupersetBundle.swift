import Foundation
import Warehouse

/// What Apache Superset imports: a database, its datasets, charts, and a dashboard with a tab for each SLA. Shares and
/// percentiles are metrics over counts and facts, so that they are right at any grain of time.
struct SupersetBundle {
    let project: DashboardProject

    private static let root = "daybook_superset"

    var files: GeneratedFiles {
        let header = "# \(GeneratedFiles.mark).\n"
        var (files, zip) = (GeneratedFiles(), StoredZip())
        for (path, document) in documents {
            let text = header + document.yaml
            files.add("\(SupersetBundle.root)/\(path)", text)
            zip.add("\(SupersetBundle.root)/\(path)", text)
        }
        files.add("\(SupersetBundle.root).zip", bytes: zip.bytes(comment: GeneratedFiles.mark))
        return files
    }

    private var documents: [(String, DocumentValue)] {
        [
            ("metadata.yaml", ["version": "1.0.0", "type": "Dashboard"]),
            ("databases/daybook.yaml", database),
        ] + Dataset.all.map { ("datasets/daybook/\($0.table).yaml", dataset($0)) }
            + charts.map { ("charts/\($0.file).yaml", chart($0)) } + [("dashboards/daybook.yaml", dashboard)]
    }

    // MARK: - Database and datasets

    private var database: DocumentValue {
        [
            "database_name": .text(project.title), "sqlalchemy_uri": .text(project.connection.sqlAlchemy),
            "cache_timeout": nil, "expose_in_sqllab": true, "allow_run_async": false, "allow_ctas": false,
            "allow_cvas": false, "allow_dml": false, "allow_file_upload": false, "extra": [:],
            "uuid": .text(project.uuid("database")), "version": "1.0.0",
        ]
    }

    /// A table of the schema report.
    private struct Dataset {
        let table: String
        let time: String
        let columns: [(name: String, type: String)]
        var metrics: [(name: String, label: String, sql: String, format: String)] = []

        static let slaHourly = Dataset(
            table: "sla_hourly", time: "hour_start",
            columns: [("sla", "TEXT"), ("hour_start", "TIMESTAMP WITH TIME ZONE")]
                + [
                    "started", "completed", "met", "late", "open", "overdue", "cancelled", "anomalous",
                    "breached",
                ].map { ($0, "BIGINT") }
                + [
                    "attainment", "avg_seconds", "p50_seconds", "p90_seconds", "p95_seconds", "p99_seconds",
                    "max_seconds",
                ].map { ($0, "DOUBLE PRECISION") }
                + [
                    ("oldest_open_started_at", "TIMESTAMP WITH TIME ZONE"), ("is_final", "BOOLEAN"),
                    ("restated_at", "TIMESTAMP WITH TIME ZONE"),
                ],
            metrics: [
                (
                    "attainment_share", "met of due",
                    "sum(met)::double precision / nullif(sum(met) + sum(breached), 0)", ".1%"
                ),
                ("cases_started", "started", "sum(started)", ",d"), ("cases_met", "met", "sum(met)", ",d"),
                ("cases_late", "late", "sum(late)", ",d"), ("cases_overdue", "overdue", "sum(overdue)", ",d"),
                ("cases_in_time", "open in time", "sum(open) - sum(overdue)", ",d"),
                ("cases_cancelled", "cancelled", "sum(cancelled)", ",d"),
            ])

        static let factSLA = Dataset(
            table: "fact_sla", time: "started_at",
            columns: [("sla", "TEXT"), ("case_id", "TEXT"), ("cycle", "INTEGER")]
                + ["started_at", "completed_at", "cancelled_at", "breach_at"].map {
                    ($0, "TIMESTAMP WITH TIME ZONE")
                } + [
                    ("elapsed_seconds", "DOUBLE PRECISION"), ("within_seconds", "DOUBLE PRECISION"),
                    ("status", "TEXT"), ("breached", "BOOLEAN"), ("anomaly", "TEXT"),
                ],
            metrics: [50, 95, 99].map { percent in
                (
                    // Superset's durations are of milliseconds.
                    "p\(percent)_milliseconds", "p\(percent)",
                    "1000 * percentile_cont(0.\(percent)) WITHIN GROUP (ORDER BY elapsed_seconds)", "DURATION"
                )
            })

        static let eventHourly = Dataset(
            table: "event_hourly", time: "hour_start",
            columns: [
                ("hour_start", "TIMESTAMP WITH TIME ZONE"), ("entity", "TEXT"), ("service", "TEXT"),
                ("type", "TEXT"), ("events", "BIGINT"), ("errors", "BIGINT"),
            ],
            metrics: [
                ("events_told", "events", "sum(events)", ",d"),
                ("errors_told", "errors", "sum(errors)", ",d"),
                (
                    "error_share", "share of errors",
                    "sum(errors)::double precision / nullif(sum(events), 0)", ".2%"
                ),
            ])

        static let stepHourly = Dataset(
            table: "step_hourly", time: "hour_start",
            columns: [
                ("hour_start", "TIMESTAMP WITH TIME ZONE"), ("entity", "TEXT"), ("from_type", "TEXT"),
                ("to_type", "TEXT"), ("steps", "BIGINT"), ("total_seconds", "NUMERIC"),
                ("avg_seconds", "DOUBLE PRECISION"),
            ],
            metrics: [
                ("steps_taken", "steps", "sum(steps)", ",d"),
                (
                    "mean_milliseconds", "mean time",
                    "(1000 * sum(total_seconds) / nullif(sum(steps), 0))::double precision", "DURATION"
                ),
            ])

        static let all = [slaHourly, factSLA, eventHourly, stepHourly]
    }

    private func dataset(_ dataset: Dataset) -> DocumentValue {
        let comments = SchemaComments.builtin
        func comment(_ column: String? = nil) -> DocumentValue {
            comments.text(of: "report.\(dataset.table)", column: column).map { .text($0) } ?? .null
        }
        return [
            "table_name": .text(dataset.table), "main_dttm_col": .text(dataset.time),
            "description": comment(),
            "default_endpoint": nil, "offset": 0, "cache_timeout": nil, "catalog": nil, "schema": "report",
            "sql": nil, "params": nil, "template_params": nil, "filter_select_enabled": true,
            "fetch_values_predicate": nil, "extra": nil, "normalize_columns": false,
            "always_filter_main_dttm": false, "uuid": .text(project.uuid("dataset \(dataset.table)")),
            "metrics": .list(
                dataset.metrics.map { metric in
                    [
                        "metric_name": .text(metric.name), "verbose_name": .text(metric.label),
                        "metric_type": nil, "expression": .text(metric.sql), "description": nil,
                        "d3format": .text(metric.format), "currency": nil, "extra": [:], "warning_text": nil,
                    ]
                }),
            "columns": .list(
                dataset.columns.map { column in
                    [
                        "column_name": .text(column.name), "verbose_name": nil,
                        "is_dttm": .boolean(column.type.hasPrefix("TIMESTAMP")), "is_active": true,
                        "type": .text(column.type), "advanced_data_type": nil, "groupby": true,
                        "filterable": true, "expression": nil, "description": comment(column.name),
                        "python_date_format": nil,
                        "extra": [:],
                    ]
                }),
            "version": "1.0.0", "database_uuid": .text(project.uuid("database")),
        ]
    }

    // MARK: - Charts

    private struct Chart {
        let file: String
        let title: String
        let type: String
        let dataset: Dataset
        let params: DocumentValue
        /// Of twelve, and in units of 8 pixels.
        let width: Int
        let height: Int
    }

    private var charts: [Chart] { project.slas.flatMap { tiles($0) + graphs($0) } + shared }

    /// What is shown where the dashboard's filter says nothing else.
    private var timeRange: DocumentValue { project.followsData ? "No filter" : "Last month" }

    private func only(_ column: String, _ value: String) -> DocumentValue {
        [
            "expressionType": "SIMPLE", "clause": "WHERE", "subject": .text(column), "operator": "==",
            "comparator": .text(value), "operatorId": "EQUALS",
        ]
    }

    private func known(_ column: String) -> DocumentValue {
        [
            "expressionType": "SIMPLE", "clause": "WHERE", "subject": .text(column),
            "operator": "IS NOT NULL",
            "comparator": nil, "operatorId": "IS_NOT_NULL",
        ]
    }

    private func tiles(_ sla: SLADefinition) -> [Chart] {
        let slug = project.slug(sla)
        let tiles: [(Dataset, String, String, String)] = [
            (.slaHourly, "attainment_share", "Attainment", ".1%"),
            (.slaHourly, "cases_started", "Started", ",d"), (.slaHourly, "cases_late", "Late", ",d"),
            (.slaHourly, "cases_overdue", "Overdue", ",d"), (.factSLA, "p50_milliseconds", "p50", "DURATION"),
            (.factSLA, "p95_milliseconds", "p95", "DURATION"),
        ]
        return tiles.map { dataset, metric, title, format in
            Chart(
                file: "\(slug)_\(metric)", title: title, type: "big_number_total", dataset: dataset,
                params: [
                    "metric": .text(metric), "adhoc_filters": [only("sla", sla.name)],
                    "granularity_sqla": .text(dataset.time), "time_range": timeRange,
                    "header_font_size": 0.5, "subheader_font_size": 0.15, "y_axis_format": .text(format),
                    "force_timestamp_formatting": false,
                ], width: 2, height: 18)
        }
    }

    private func graphs(_ sla: SLADefinition) -> [Chart] {
        let slug = project.slug(sla)
        let within = Double(sla.withinMicroseconds) / 1e6
        let unit = Unit(for: within)
        let target = sla.target.map { [line("target \(Human.share($0))", at: $0)] } ?? []
        return [
            Chart(
                file: "\(slug)_attainment_by_hour", title: "Attainment by hour",
                type: "echarts_timeseries_line",
                dataset: .slaHourly,
                params: overTime(
                    .slaHourly,
                    [attainment("met of due", "is_final"), attainment("provisional", "NOT is_final")],
                    format: ".1~%",
                    [only("sla", sla.name)]
                ).adding([
                    "annotation_layers": .list(target), "show_legend": true,
                    "truncateYAxis": true, "y_axis_bounds": [nil, 1], "markerEnabled": true, "markerSize": 3,
                ]), width: 12, height: 44),
            Chart(
                file: "\(slug)_durations", title: "Time from start to end, in \(unit.name)",
                type: "echarts_timeseries_line",
                dataset: .factSLA,
                params: overTime(
                    .factSLA, [50, 95, 99].map { unit.percentile($0) }, format: "~g",
                    // An end without a start is of no hour; Superset takes no condition on the time itself.
                    [only("sla", sla.name), only("status", "completed"), known("elapsed_seconds")]
                ).adding([
                    "annotation_layers": [
                        line("within \(Human.duration(within))", at: within / unit.seconds)
                    ],
                    "show_legend": true,
                ]), width: 6, height: 48),
            Chart(
                file: "\(slug)_cases", title: "What became of the cases", type: "echarts_timeseries_bar",
                dataset: .slaHourly,
                params: overTime(
                    .slaHourly,
                    names(["cases_met", "cases_late", "cases_overdue", "cases_in_time", "cases_cancelled"]),
                    format: ",d", [only("sla", sla.name)]
                ).adding(["stack": "Stack", "show_legend": true]), width: 6, height: 48),
            Chart(
                file: "\(slug)_open", title: "The oldest open cases", type: "table", dataset: .factSLA,
                params: [
                    "query_mode": "raw",
                    "all_columns": ["case_id", "started_at", "breach_at", "breached"],
                    "adhoc_filters": [only("sla", sla.name), only("status", "in_progress")],
                    // A list of pairs, each as JSON in a text: column, and whether it ascends.
                    "order_by_cols": [.text(DocumentValue.list(["started_at", true]).compactJSON)],
                    "row_limit": 1_000, "table_timestamp_format": "%Y-%m-%d %H:%M", "page_length": 25,
                    "granularity_sqla": "started_at", "time_range": "No filter",
                    "column_config": [
                        "case_id": ["customColumnName": "Case"],
                        "started_at": ["customColumnName": "Started"],
                        "breach_at": ["customColumnName": "Due"], "breached": ["customColumnName": "Overdue"],
                    ],
                ], width: 12, height: 46),
        ]
    }

    private var shared: [Chart] {
        [
            Chart(
                file: "events_by_service", title: "Events by hour and service", type: "echarts_area",
                dataset: .eventHourly,
                params: overTime(.eventHourly, names(["events_told"]), format: ",d", [], by: ["service"])
                    .adding([
                        "stack": "Stack", "show_legend": true, "opacity": 0.6,
                    ]), width: 6, height: 48),
            Chart(
                file: "errors_by_service", title: "Share of errors by service",
                type: "echarts_timeseries_line",
                dataset: .eventHourly,
                params: overTime(.eventHourly, names(["error_share"]), format: ".1%", [], by: ["service"])
                    .adding([
                        "show_legend": true
                    ]), width: 6, height: 48),
            Chart(
                file: "steps", title: "How long steps take", type: "table", dataset: .stepHourly,
                params: [
                    "query_mode": "aggregate", "groupby": ["entity", "from_type", "to_type"],
                    "metrics": ["steps_taken", "mean_milliseconds"], "timeseries_limit_metric": "steps_taken",
                    "order_desc": true, "row_limit": 100, "page_length": 0, "adhoc_filters": [],
                    "granularity_sqla": "hour_start", "time_range": timeRange, "show_cell_bars": true,
                    "column_config": [
                        "entity": ["customColumnName": "Kind"], "from_type": ["customColumnName": "From"],
                        "to_type": ["customColumnName": "To"],
                    ],
                ], width: 12, height: 62),
        ]
    }

    private func names(_ metrics: [String]) -> [DocumentValue] { metrics.map { .text($0) } }

    /// Of an axis, so that its labels are round.
    private struct Unit {
        let name: String
        let seconds: Double

        init(for within: Double) {
            (name, seconds) =
                switch within {
                case ..<120: ("seconds", 1)
                case ..<7_200: ("minutes", 60)
                case ..<172_800: ("hours", 3_600)
                default: ("days", 86_400)
                }
        }

        func percentile(_ percent: Int) -> DocumentValue {
            SupersetBundle.metric(
                "p\(percent)",
                "percentile_cont(0.\(percent)) WITHIN GROUP (ORDER BY elapsed_seconds) / \(Int(seconds))")
        }
    }

    /// Of some hours; null where none of them is among those of a point.
    private func attainment(_ label: String, _ hours: String) -> DocumentValue {
        SupersetBundle.metric(
            label,
            "sum(met) FILTER (WHERE \(hours))::double precision / nullif(sum(met + breached) FILTER (WHERE \(hours)), 0)"
        )
    }

    /// A metric that the chart brings along.
    private static func metric(_ label: String, _ sql: String) -> DocumentValue {
        [
            "expressionType": "SQL", "label": .text(label), "hasCustomLabel": true,
            "optionName": .text("metric_\(DashboardProject.slug(label))"), "sqlExpression": .text(sql),
        ]
    }

    private func overTime(
        _ dataset: Dataset, _ metrics: [DocumentValue], format: String, _ filters: [DocumentValue],
        by dimensions: [String] = []
    ) -> DocumentValue {
        [
            "color_scheme": "supersetColors", "x_axis": .text(dataset.time),
            "granularity_sqla": .text(dataset.time), "time_grain_sqla": "PT1H",
            "time_range": timeRange, "metrics": .list(metrics),
            "groupby": .list(dimensions.map { .text($0) }), "adhoc_filters": .list(filters),
            "row_limit": 50_000,
            "order_desc": true, "rich_tooltip": true, "tooltipTimeFormat": "%a %d %b %Y, %H:%M",
            "x_axis_time_format": "smart_date", "y_axis_format": .text(format), "legendOrientation": "top",
            "legendType": "scroll", "zoomable": false, "connectNulls": false,
        ]
    }

    private func line(_ name: String, at value: Double) -> DocumentValue {
        [
            "annotationType": "FORMULA", "name": .text(name), "value": .text(String(value)), "show": true,
            "showLabel": true, "style": "dashed", "color": "#7d8794", "opacity": "", "width": 2,
            "hideLine": false,
            "overrides": ["time_range": nil], "descriptionColumns": [], "showMarkers": false,
            "sourceType": "",
            "timeColumn": "", "titleColumn": "", "intervalEndColumn": "",
        ]
    }

    /// Superset's import of a dashboard leaves charts as they are that it has: one that has changed is another one.
    private func uuid(_ chart: Chart) -> String {
        project.uuid("chart \(chart.file) \(chart.type) \(chart.title) \(chart.params.compactJSON)")
    }

    private func chart(_ chart: Chart) -> DocumentValue {
        [
            "slice_name": .text(chart.title), "description": nil, "certified_by": nil,
            "certification_details": nil, "viz_type": .text(chart.type),
            "params": (["viz_type": .text(chart.type)] as DocumentValue).adding(chart.params),
            "query_context": nil, "cache_timeout": nil, "uuid": .text(uuid(chart)),
            "version": "1.0.0", "dataset_uuid": .text(project.uuid("dataset \(chart.dataset.table)")),
        ]
    }

    // MARK: - Dashboard

    /// By the label of a metric and by its name: versions of Superset ask for the one or the other.
    private static let colours: DocumentValue = .members(
        [
            ("cases_met", "met", "#2a9463"), ("cases_late", "late", "#c46f12"),
            ("cases_overdue", "overdue", "#c8352b"), ("cases_in_time", "open in time", "#5b8fd9"),
            ("cases_cancelled", "cancelled", "#858f9c"), ("p50_milliseconds", "p50", "#0f7c8a"),
            ("p95_milliseconds", "p95", "#1f5fbf"), ("p99_milliseconds", "p99", "#7b3fb5"),
            ("attainment_share", "met of due", "#1f5fbf"), ("provisional", "provisional", "#8fa9cf"),
        ].flatMap { name, label, colour in [(name, .text(colour)), (label, .text(colour))] })

    private var dashboard: DocumentValue {
        [
            "dashboard_title": .text(project.title),
            "description": .text("Service levels, from the tables of Daybook's schema report"), "css": "",
            "slug": .text(DashboardProject.slug(project.title)), "certified_by": "",
            "certification_details": "",
            "published": true, "uuid": .text(project.uuid("dashboard")), "position": position,
            "metadata": [
                "color_scheme": "supersetColors", "cross_filters_enabled": false, "refresh_frequency": 0,
                "label_colors": SupersetBundle.colours, "map_label_colors": SupersetBundle.colours,
                "native_filter_configuration": [
                    [
                        "id": "NATIVE_FILTER-daybook-time", "name": "Time", "type": "NATIVE_FILTER",
                        "filterType": "filter_time", "targets": [[:]], "cascadeParentIds": [],
                        "scope": ["rootPath": ["ROOT_ID"], "excluded": []], "controlValues": [:],
                        "description": "The hours in which cases started",
                        // What filters nothing would be counted as a filter of each chart.
                        "defaultDataMask": project.followsData
                            ? ["extraFormData": [:], "filterState": [:]]
                            : [
                                "extraFormData": ["time_range": timeRange],
                                "filterState": ["value": timeRange],
                            ],
                    ]
                ],
            ],
            "version": "1.0.0",
        ]
    }

    /// A tab for each SLA, and one for events and steps; charts in rows of twelve columns.
    private var position: DocumentValue {
        let tabs: [(id: String, title: String, charts: [Chart])] =
            project.slas.map { ("TAB-\(project.slug($0))", $0.name, tiles($0) + graphs($0)) }
            + [("TAB-events-and-steps", "Events and steps", shared)]
        var members: [(name: String, value: DocumentValue)] = [
            ("DASHBOARD_VERSION_KEY", "v2"),
            ("ROOT_ID", ["type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]]),
            (
                "GRID_ID",
                ["type": "GRID", "id": "GRID_ID", "children": ["TABS-daybook"], "parents": ["ROOT_ID"]]
            ),
            ("HEADER_ID", ["type": "HEADER", "id": "HEADER_ID", "meta": ["text": .text(project.title)]]),
            (
                "TABS-daybook",
                [
                    "type": "TABS", "id": "TABS-daybook", "children": .list(tabs.map { .text($0.id) }),
                    "parents": ["ROOT_ID", "GRID_ID"], "meta": [:],
                ]
            ),
        ]
        for tab in tabs {
            let rows = SupersetBundle.rows(tab.charts)
            let above: [DocumentValue] = ["ROOT_ID", "GRID_ID", "TABS-daybook"]
            func rowID(_ index: Int) -> String { "ROW-\(tab.id.dropFirst(4))-\(index + 1)" }
            members.append(
                (
                    tab.id,
                    [
                        "type": "TAB", "id": .text(tab.id),
                        "children": .list(rows.indices.map { .text(rowID($0)) }),
                        "parents": .list(above),
                        "meta": [
                            "text": .text(tab.title), "defaultText": "Tab title", "placeholder": "Tab title",
                        ],
                    ]
                ))
            for (index, charts) in rows.enumerated() {
                let parents = above + [.text(tab.id)]
                members.append(
                    (
                        rowID(index),
                        [
                            "type": "ROW", "id": .text(rowID(index)),
                            "children": .list(charts.map { .text("CHART-\($0.file)") }),
                            "parents": .list(parents),
                            "meta": ["background": "BACKGROUND_TRANSPARENT"],
                        ]
                    ))
                for chart in charts {
                    members.append(
                        (
                            "CHART-\(chart.file)",
                            [
                                "type": "CHART", "id": .text("CHART-\(chart.file)"), "children": [],
                                "parents": .list(parents + [.text(rowID(index))]),
                                "meta": [
                                    // Superset gives the chart a number of its own; the id says which is meant.
                                    "chartId": .integer(members.count), "height": .integer(chart.height),
                                    "width": .integer(chart.width), "sliceName": .text(chart.title),
                                    "uuid": .text(uuid(chart)),
                                ],
                            ]
                        ))
                }
            }
        }
        return .members(members)
    }

    private static func rows(_ charts: [Chart]) -> [[Chart]] {
        var rows: [[Chart]] = []
        for chart in charts {
            let used = rows.last?.map(\.width).reduce(0, +) ?? 12
            if used + chart.width > 12 { rows.append([]) }
            rows[rows.count - 1].append(chart)
        }
        return rows
    }
}
