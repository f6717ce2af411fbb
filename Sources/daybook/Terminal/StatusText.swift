import Events
import Pipeline
import Postgres

/// How everything stands, for people.
enum StatusText {
    /// What is stale, sources first.
    static func stale(_ pipelines: [PipelineStatus], _ sources: Result) throws -> [Staleness] {
        let silent = try sources.rows.compactMap { row -> Staleness? in
            guard try row.getIfPresent("freshness", as: String.self) == "stale" else { return nil }
            let name: String = try row.get("source")
            let age = Human.duration(try row.get("age_seconds", as: Double.self).rounded())
            let limit = Human.duration(try row.get("error_seconds"))
            let hasTold = try row.getIfPresent("latest_event", as: String.self) != nil
            return Staleness(
                kind: "source", name: name,
                message: hasTold
                    ? "the latest event of \(name) is \(age) old (more than \(limit))"
                    : "\(name) has told nothing since it is known, \(age) (more than \(limit))")
        }
        let failed = pipelines.compactMap { pipeline -> Staleness? in
            guard let run = pipeline.lastRun, run.status == "failed" else { return nil }
            let reason = run.error.map { ": " + firstLine($0) } ?? ""
            return Staleness(
                kind: "run", name: pipeline.pipeline,
                message: "the last run of \(pipeline.pipeline) failed\(reason)")
        }
        let behind = pipelines.compactMap { pipeline in
            pipeline.behindSince.map {
                Staleness(
                    kind: "schedule", name: pipeline.pipeline,
                    message: "\(pipeline.pipeline) is behind its schedule: nothing ran for \(text($0)) UTC")
            }
        }
        return silent + failed + behind
    }

    static func tell(
        _ pipelines: [PipelineStatus], _ sources: Result, slas: Result, disk: Result.Row, isCompacting: Bool,
        alerts: Result.Row, outbox: Result
    ) throws {
        if !pipelines.isEmpty { Terminal.out(text(of: pipelines) + "\n") }
        guard sources.count > 0 else {
            Terminal.out("no source has run yet; see: daybook run")
            return
        }
        try Terminal.out(text(ofSources: sources))
        if slas.count > 0 { try Terminal.out("\n" + text(ofSLAs: slas)) }
        try tell(disk: disk, isCompacting: isCompacting)
        try tell(alerts: alerts, outbox)
    }

    private static func text(of pipelines: [PipelineStatus]) -> String {
        var table = TextTable(
            ["pipeline", "last run (UTC)", "", "last success (UTC)", "next run (UTC)", ""].map {
                TextTable.Column(title: $0, isNumber: false)
            })
        for pipeline in pipelines {
            table.add([
                pipeline.pipeline, pipeline.lastRun.map { text($0.startedAt) } ?? "·",
                pipeline.lastRun?.status ?? "·", pipeline.lastSuccessAt.map(text) ?? "·",
                pipeline.nextRunAt.map(text) ?? "·", note(pipeline),
            ])
        }
        return table.text
    }

    private static func note(_ pipeline: PipelineStatus) -> String {
        if let holder = pipeline.holder {
            return
                "run \(holder.runID), process \(holder.processID) on \(holder.host), since \(text(holder.since))"
        }
        return pipeline.behindSince.map { "behind since \(text($0))" } ?? ""
    }

    private static func text(ofSources sources: Result) throws -> String {
        var table = TextTable([
            TextTable.Column(title: "source", isNumber: false),
            TextTable.Column(title: "latest event (UTC)", isNumber: false),
            TextTable.Column(title: "last load (UTC)", isNumber: false), TextTable.Column(title: "loaded"),
            TextTable.Column(title: "rejected"), TextTable.Column(title: "age"),
            TextTable.Column(title: "", isNumber: false),
        ])
        for row in sources.rows {
            table.add([
                try row.get("source"), try time(row, "latest_event"), try time(row, "last_load"),
                Human.count(try row.get("loaded")), Human.count(try row.get("rejected")),
                Human.duration(try row.get("age_seconds", as: Double.self).rounded()),
                try freshness(row),
            ])
        }
        return table.text
    }

    /// `late, over 1h 00m`.
    private static func freshness(_ row: Result.Row) throws -> String {
        guard let freshness = try row.getIfPresent("freshness", as: String.self) else { return "" }
        let warn = try row.getIfPresent("warn_seconds", as: Double.self)
        let error = try row.getIfPresent("error_seconds", as: Double.self)
        let limit = freshness == "stale" ? error : warn ?? error
        return limit.map {
            "\(freshness), \(freshness == "fresh" ? "up to" : "over") \(Human.duration($0))"
        } ?? freshness
    }

    private static func text(ofSLAs slas: Result) throws -> String {
        var table = TextTable([
            TextTable.Column(title: "SLA", isNumber: false), TextTable.Column(title: "open"),
            TextTable.Column(title: "overdue"), TextTable.Column(title: "as of (UTC)", isNumber: false),
            TextTable.Column(title: "final up to (UTC)", isNumber: false),
            TextTable.Column(title: "", isNumber: false),
        ])
        for row in slas.rows {
            table.add([
                try row.get("sla"), Human.count(try row.get("open")), Human.count(try row.get("overdue")),
                try time(row, "as_of"), try time(row, "watermark"), try heldBack(row),
            ])
        }
        return table.text
    }

    private static func tell(disk: Result.Row, isCompacting: Bool) throws {
        let (leaves, compacted): (Int, Int) = (try disk.get("heap_days"), try disk.get("segment_days"))
        guard leaves + compacted > 0 else { return }
        let next: Int64 = try disk.get("next_30_days_bytes")
        Terminal.out(
            "\nraw.events: \(Human.plural(leaves, "leaf", "leaves")) of \(Human.bytes(try disk.get("heap_bytes"))), "
                + "\(Human.plural(compacted, "compacted day")) of \(Human.bytes(try disk.get("segment_bytes")))"
        )
        let originals: Int64 = try disk.get("original_bytes")
        if originals > 0 { Terminal.out("raw.originals: \(Human.bytes(originals)) (keep_original)") }
        Terminal.out(
            (next < 0 ? "the next 30 days give back about " : "the next 30 days will take about ")
                + Human.bytes(abs(next)) + (isCompacting ? "" : "; compact_after is not set"))
    }

    private static func tell(alerts: Result.Row, _ outbox: Result) throws {
        let (firing, acknowledged): (Int, Int) = (try alerts.get("firing"), try alerts.get("acknowledged"))
        guard firing > 0 || outbox.count > 0 else { return }
        Terminal.out(
            "\n\(firing == 1 ? "1 alert is" : "\(Human.count(firing)) alerts are") firing"
                + (acknowledged > 0 ? ", \(Human.count(acknowledged)) of them acknowledged" : ""))
        for row in outbox.rows {
            let waiting: Int = try row.get("waiting")
            Terminal.out(
                "\(try row.get("channel", as: String.self)): \(Human.plural(waiting, "message")) "
                    + "\(waiting == 1 ? "waits" : "wait") since \(try time(row, "since")): "
                    + firstLine(try row.get("error")))
        }
    }

    /// Which source holds the SLA's hours back.
    private static func heldBack(_ row: Result.Row) throws -> String {
        guard let source = try row.getIfPresent("held_by", as: String.self) else {
            return "no source has run"
        }
        guard let behind = try row.getIfPresent("behind_seconds", as: Double.self) else {
            return "held back by \(source), which has told nothing yet"
        }
        return behind > 0 ? "held back by \(source), \(Human.duration(behind)) behind" : ""
    }

    private static func time(_ row: Result.Row, _ column: String) throws -> String {
        try row.getIfPresent(column, as: String.self).map { String($0.prefix(16)) } ?? "·"
    }

    /// To the minute.
    private static func text(_ time: Timestamp) -> String {
        String(time.description.prefix(16)).replacing("T", with: " ")
    }

    private static func firstLine(_ text: String) -> String {
        String(text.split(whereSeparator: \.isNewline).first ?? "")
    }
}
