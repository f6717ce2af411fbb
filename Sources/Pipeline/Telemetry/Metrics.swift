import Foundation
import Postgres
import SQLFiles
import Warehouse

/// What a monitoring system wants to know of a warehouse, as text for it to read.
package enum Metrics {
    /// Asks the database; reads no events.
    ///
    /// - Returns: OpenMetrics 1.0 text, which is Prometheus' text format, too.
    package static func text(_ connection: Connection) throws -> String {
        try connection.transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY") {
            var text = MetricsText()
            try addRuns(&text, connection)
            try addSources(&text, connection)
            try addSLAs(&text, connection)
            try addAlerts(&text, connection)
            let bytes = try rows("database", connection)
            text.add(
                "daybook_database_bytes", .gauge, unit: "bytes", help: "What the database takes on the disk.",
                try bytes.map { .init([], try $0.get("bytes")) })
            text.add(
                "daybook_build_info", .gauge, help: "The version of Daybook that wrote this; always 1.",
                [.init([("version", daybookVersion)], 1)])
            return text.text
        }
    }

    private static func rows(_ file: String, _ connection: Connection) throws -> [Result.Row] {
        try connection.query(SQLFiles.builtin.text("metrics/\(file).sql"), action: "count \(file)").rows
    }

    private typealias Sample = MetricsText.Sample

    /// One sample for each row that has a value in a column.
    private static func samples(
        _ rows: [Result.Row], _ column: String, labels: String...
    ) throws -> [Sample] {
        try rows.compactMap { row in
            guard let value = try row.getIfPresent(column, as: Double.self) else { return nil }
            return Sample(try labels.map { (name: $0, value: try row.get($0)) }, value)
        }
    }

    private static func addRuns(_ text: inout MetricsText, _ connection: Connection) throws {
        let last = try rows("last_runs", connection)
        text.add(
            "daybook_run_seconds", .gauge, unit: "seconds",
            help: "How long the last run of the pipeline took that has ended.",
            try samples(last, "seconds", labels: "pipeline"))
        let runs = try rows("runs", connection)
        text.add(
            "daybook_run_timestamp_seconds", .gauge, unit: "seconds",
            help: "When the last run of the pipeline ended that ended so, since 1970.",
            try samples(runs, "last_seconds", labels: "pipeline", "status"))
        text.add(
            "daybook_runs", .counter,
            help: "Runs of the pipeline by how they ended, as far as they are kept.",
            try samples(runs, "runs", labels: "pipeline", "status"))
    }

    private static func addSources(_ text: inout MetricsText, _ connection: Connection) throws {
        let sources = try rows("sources", connection)
        for (column, help) in [
            ("read", "Events that were read: loaded, duplicate, rejected or filtered."),
            ("loaded", "Events that are new in raw.events."),
            ("duplicate", "Events that were there already."),
            ("rejected", "Records that could not become events."),
            ("filtered", "Records that yielded no event."),
        ] {
            text.add(
                "daybook_events_\(column)", .counter, help: help,
                try samples(sources, column, labels: "pipeline", "source"))
        }
        text.add(
            "daybook_source_freshness_seconds", .gauge, unit: "seconds",
            help: "Age of the latest event of the source; where there is none, since the source is known.",
            try samples(sources, "age_seconds", labels: "pipeline", "source"))
        text.add(
            "daybook_source_stale", .gauge,
            help: "1 where the source is older than its definition allows; none where that does not say.",
            try sources.compactMap { row in
                try row.getIfPresent("freshness", as: String.self).map { freshness in
                    Sample(
                        [("pipeline", try row.get("pipeline")), ("source", try row.get("source"))],
                        freshness == "stale" ? 1 : 0)
                }
            })
    }

    private static func addSLAs(_ text: inout MetricsText, _ connection: Connection) throws {
        let slas = try rows("slas", connection)
        text.add(
            "daybook_sla_open", .gauge, help: "Cases that are open.", try samples(slas, "open", labels: "sla")
        )
        text.add(
            "daybook_sla_overdue", .gauge, help: "Cases that are open past their deadline.",
            try samples(slas, "overdue", labels: "sla"))
        text.add(
            "daybook_sla_attainment_ratio", .gauge, unit: "ratio",
            help: "Share of cases that were met, of those whose deadline was in the 24 hours before as_of.",
            try samples(slas, "attainment", labels: "sla"))
        text.add(
            "daybook_sla_target_ratio", .gauge, unit: "ratio", help: "Share of cases that are to be met.",
            try samples(slas, "target", labels: "sla"))
        text.add(
            "daybook_sla_watermark_timestamp_seconds", .gauge, unit: "seconds",
            help: "Up to when all sources of the SLA have told, since 1970.",
            try samples(slas, "watermark_seconds", labels: "sla"))
    }

    private static func addAlerts(_ text: inout MetricsText, _ connection: Connection) throws {
        text.add(
            "daybook_alerts_firing", .gauge, help: "Alerts of the rule that fire.",
            try samples(rows("alerts", connection), "firing", labels: "rule", "severity"))
        text.add(
            "daybook_outbox_waiting", .gauge, help: "Messages that the channel has not taken yet.",
            try samples(rows("outbox", connection), "waiting", labels: "channel"))
    }
}

extension Project {
    /// Writes the metrics of the project's database to its file, where it has one. That it cannot is no failure of a
    /// run.
    ///
    /// - Parameter note: gets what went wrong.
    package func writeMetrics(_ conninfo: String?, note: (String) -> Void) {
        guard let file = definition.metrics else { return }
        do {
            // The connection of a run may be what made it fail.
            let text = try Metrics.text(try Warehouse.open(conninfo, creating: false).connection)
            try WholeFile.write(
                text, to: file.hasPrefix("/") ? file : "\(directory)/\(file)", for: .everybody)
        } catch {
            note("metrics: \(error)")
        }
    }
}
