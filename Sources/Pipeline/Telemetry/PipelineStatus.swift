import Events
import Foundation
import Postgres
import SQLFiles
import Warehouse

/// How a pipeline stands: what ran last, what runs now, and what should have run.
package struct PipelineStatus: Sendable, Encodable {
    package struct Run: Sendable, Encodable {
        package let runID: Int64
        /// `running`, `succeeded` or `failed`; one that was killed has failed.
        package let status: String
        package let startedBy: String
        package let startedAt: Timestamp
        package let endedAt: Timestamp?
        package let error: String?

        private enum CodingKeys: String, CodingKey {
            case status, error
            case runID = "run_id"
            case startedBy = "started_by"
            case startedAt = "started_at"
            case endedAt = "ended_at"
        }

        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(runID, forKey: .runID)
            try values.encode(status, forKey: .status)
            try values.encode(startedBy, forKey: .startedBy)
            try values.encode(startedAt.description, forKey: .startedAt)
            try values.encode(endedAt?.description, forKey: .endedAt)
            try values.encode(error, forKey: .error)
        }
    }

    /// Who holds the lock of the pipeline.
    package struct Holder: Sendable, Encodable {
        package let runID: Int64
        package let host: String
        package let processID: Int32
        package let since: Timestamp

        private enum CodingKeys: String, CodingKey {
            case host, since
            case runID = "run_id"
            case processID = "process_id"
        }

        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(runID, forKey: .runID)
            try values.encode(host, forKey: .host)
            try values.encode(processID, forKey: .processID)
            try values.encode(since.description, forKey: .since)
        }
    }

    package let pipeline: String
    /// Nil where it never ran. What a schedule skipped is no run.
    package let lastRun: Run?
    package let lastSuccessAt: Timestamp?
    /// Nil where no run goes on.
    package let holder: Holder?
    /// The next time of its schedule, without jitter; nil where it has none, or where no definition is at hand.
    package let nextRunAt: Timestamp?
    /// The first time of its schedule for which no run stands, and which is over for longer than a run takes to begin;
    /// nil where it is not behind.
    package let behindSince: Timestamp?

    /// So much later than its time, and its jitter, a run may begin.
    package static let patienceSeconds = 300.0

    private enum CodingKeys: String, CodingKey {
        case pipeline
        case lastRun = "last_run"
        case lastSuccessAt = "last_success_at"
        case holder = "locked_by"
        case nextRunAt = "next_run_at"
        case isBehind = "is_behind"
        case behindSince = "behind_since"
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(pipeline, forKey: .pipeline)
        try values.encode(lastRun, forKey: .lastRun)
        try values.encode(lastSuccessAt?.description, forKey: .lastSuccessAt)
        try values.encode(holder, forKey: .holder)
        try values.encode(nextRunAt?.description, forKey: .nextRunAt)
        try values.encode(behindSince != nil, forKey: .isBehind)
        try values.encode(behindSince?.description, forKey: .behindSince)
    }

    // MARK: - Asking

    /// - Parameters:
    ///   - definitions: the pipelines, as far as they could be read; nil: all that the database knows.
    ///   - now: the time by which schedules are judged.
    package static func all(
        _ definitions: [ReadDefinition]?, now: Date = Date(), _ connection: Connection
    ) throws -> [PipelineStatus] {
        let sql = SQLFiles.builtin.text("report/status_pipelines.sql")
        func ask() throws -> [Result.Row] {
            Array(try connection.query(sql, [definitions?.map(\.name), PipelineLock.lockClass]).rows)
        }
        var rows = try ask()
        // A run that ends between the look at it and the look at its lock seems to be killed. It will not end twice.
        if try rows.contains(where: isKilled) { rows = try ask() }
        let schedules = Dictionary(
            (definitions ?? []).map { ($0.name, $0.pipeline?.schedule) },
            uniquingKeysWith: { first, _ in first })
        return try rows.map { row in
            try PipelineStatus(row, schedules[row.get("pipeline")] ?? nil, now)
        }
    }

    private static func isKilled(_ row: Result.Row) throws -> Bool {
        try row.getIfPresent("status", as: String.self) == "running" && !row.get("is_locked")
    }

    private init(_ row: Result.Row, _ schedule: Schedule?, _ now: Date) throws {
        pipeline = try row.get("pipeline")
        let isKilled = try PipelineStatus.isKilled(row)
        if let runID = try row.getIfPresent("run_id", as: Int64.self),
            let startedAt = try row.timestamp("started_at")
        {
            let status: String = try row.get("status")
            lastRun = Run(
                runID: runID, status: isKilled ? "failed" : status, startedBy: try row.get("started_by"),
                startedAt: startedAt, endedAt: try row.timestamp("ended_at"),
                error: isKilled ? "it was killed" : try row.getIfPresent("error"))
            holder =
                status == "running" && !isKilled
                ? Holder(
                    runID: runID, host: try row.get("host"), processID: try row.get("process_id"),
                    since: startedAt) : nil
        } else {
            (lastRun, holder) = (nil, nil)
        }
        lastSuccessAt = try row.timestamp("last_success_at")
        nextRunAt = schedule?.next(after: now).map(Timestamp.init)
        let accountedUntil = try row.timestamp("accounted_until")
        let due = accountedUntil.flatMap { schedule?.next(after: $0.date) }
        let patience = PipelineStatus.patienceSeconds + (schedule?.jitterSeconds ?? 0)
        let isBehind = due.map { now.timeIntervalSince($0) > patience } ?? false
        behindSince = try isBehind && !row.get("is_locked") ? due.map(Timestamp.init) : nil
    }
}

/// Something that is not as it should be, for whoever watches over it.
package struct Staleness: Sendable, Encodable {
    /// `source`, `run` or `schedule`.
    package let kind: String
    /// The source, or the pipeline.
    package let name: String
    package let message: String

    package init(kind: String, name: String, message: String) {
        (self.kind, self.name, self.message) = (kind, name, message)
    }
}

extension Timestamp {
    fileprivate init(_ date: Date) {
        self.init(microseconds: Int64((date.timeIntervalSince1970 * 1e6).rounded()))
    }

    fileprivate var date: Date { Date(timeIntervalSince1970: Double(microseconds) / 1e6) }
}

extension Result.Row {
    /// A column of type timestamptz.
    fileprivate func timestamp(_ column: String) throws -> Timestamp? {
        try getIfPresent(column, as: String.self).flatMap { Timestamp($0) }
    }
}
