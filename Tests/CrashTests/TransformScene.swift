import Foundation
import Postgres
import SQLFiles
import TestSupport
import Testing
import Transform
import Warehouse

/// A project with logs that are loaded and of which a transform is due, and what an undisturbed one makes of that. Each
/// round of a test has a copy of the database.
///
/// Confined to one thread.
final class TransformScene {
    /// What the transform has to do.
    enum Cause: String, CaseIterable {
        /// New events, events again with another content, and cases that lost theirs.
        case load
        /// Besides, SLAs that are new, changed and gone.
        case definition
        /// Besides, deadlines that have passed.
        case clock
        /// All of it anew.
        case fullRefresh = "full refresh"
        /// All of it for the first time.
        case first = "first transform"

        fileprivate var arguments: [String] {
            switch self {
            case .load, .definition, .first: ["transform"]
            case .clock: ["transform", "--as-of", "2026-02-01T00:00:00Z"]
            case .fullRefresh: ["transform", "--full-refresh"]
            }
        }
    }

    /// The report tables before and after an undisturbed transform.
    struct Undisturbed {
        let before: ReportState
        let after: ReportState
        let seconds: Double
    }

    let models: [Model]
    private let project: TemporaryProject
    /// Any database of the server.
    private let server: String
    private var undisturbed: [Cause: Undisturbed] = [:]
    private var copies = 0
    private let name = "scene_\(UUID().uuidString.prefix(8).lowercased())"

    /// - Parameter server: the URL of any database of the server that the copies are to be on.
    init(on server: String) throws {
        self.server = server
        models = try Model.ordered(SQLFiles.builtin.folder("transforms"))
        project = try TemporaryProject()
        try define(.load)
        // Less is new than makes the transform compute everything.
        let size = CrashScale.chosen.isTorture ? 4_000 : 1_200
        var logs = CrashLogs(project, seed: CrashScale.chosen.seed &+ 2)
        for number in 1...3 {
            try logs.write("logs/\(number).ndjson", new: size, pad: 0, olds: number * 50, badEvery: 500)
        }
        try logs.writeTable("orders.csv", rows: size / 2)
        try create("\(name)_due", from: nil)
        try run(["run"], "\(name)_due")
        try logs.write("logs/4.ndjson", new: size / 10, pad: 0, olds: size / 20)
        try run(["load"], "\(name)_due")
        try lose()
        // Loaded by the run at the end of each round.
        try logs.write("logs/5.ndjson", new: size / 20, pad: 0, olds: size / 20)
    }

    /// The events of a few cases, told as whoever deletes from raw must.
    private func lose() throws {
        let connection = try Connection(url("\(name)_due"), applicationName: "tests")
        try connection.execute(
            """
            WITH lost AS (DELETE FROM raw.events_by_day WHERE case_id LIKE 'o%7' RETURNING case_id)
            INSERT INTO daybook.touched_cases SELECT DISTINCT case_id FROM lost
            """)
    }

    /// Writes the pipeline as the transform of this cause is to see it.
    private func define(_ cause: Cause) throws {
        let slas =
            cause == .definition
            ? """
            { "name": "stepped", "start": "order.step0", "end": "order.step3", "within": "4d" },
            { "name": "purchased", "start": "order.purchased", "end": "order.delivered", "within": "12h" }
            """
            : """
            { "name": "stepped", "start": "order.step0", "end": "order.step3", "cancel": "order.step5",
              "within": "2d" },
            { "name": "cycled", "start": ["order.step1", "order.step4"], "end": "order.step2",
              "within": "30m", "occurrence": "each" }
            """
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "data",
              "sources": [ \(CrashScene.sources(.keepLast)) ],
              "slas": [ \(slas) ] }
            """)
    }

    // MARK: - Databases

    private func url(_ database: String) -> String {
        // What comes last wins over the database that the URL names.
        "\(server)\(server.contains("?") ? "&" : "?")dbname=\(database)"
    }

    private func create(_ database: String, from template: String?) throws {
        try Connection(server, applicationName: "tests").execute(
            "CREATE DATABASE \(database)\(template.map { " TEMPLATE \($0)" } ?? "")")
    }

    /// A database in which the transform of this cause is due; gone when `body` is.
    func withCopy<Value>(_ cause: Cause, _ body: (String) throws -> Value) throws -> Value {
        copies += 1
        let copy = "\(name)_\(copies)"
        try define(cause)
        try create(copy, from: "\(name)_due")
        defer {
            _ = try? Connection(server, applicationName: "tests")
                .execute("DROP DATABASE \(copy) WITH (FORCE)")
        }
        if cause == .first {
            try Connection(url(copy), applicationName: "tests").execute(
                """
                TRUNCATE report.cases, report.fact_sla, report.sla_hourly, report.sla_hourly_history,
                    report.sla_hourly_by_end, report.sla_hourly_by_breach, daybook.sla_types, daybook.slas,
                    daybook.judged_slas, daybook.models, daybook.touched_cases, daybook.wide_cases,
                    daybook.entities, daybook.case_paths, daybook.user_days, report.event_hourly,
                    report.step_hourly, report.step_durations, report.active_users_daily, report.dim_sla,
                    report.dim_service, report.dim_hour, report.dim_day, report.usual_steps;
                UPDATE daybook.transforms SET seen = '{}'
                """)
        }
        return try body(url(copy))
    }

    // MARK: - Transforms

    /// What an undisturbed transform of this cause does.
    func undisturbed(_ cause: Cause) throws -> Undisturbed {
        if let known = undisturbed[cause] { return known }
        let result = try withCopy(cause) { url in
            let connection = try Connection(url, applicationName: "tests")
            let before = try ReportState(connection)
            let outcome = try transform(cause, url).outcome()
            try #require(outcome.status == 0, "\(outcome.error)")
            #expect(try Rebuild.differences(models, connection) == [], "\(cause.rawValue), undisturbed")
            return Undisturbed(
                before: before, after: try ReportState(connection), seconds: outcome.seconds)
        }
        #expect(result.before != result.after, "\(cause.rawValue)")
        undisturbed[cause] = result
        return result
    }

    func transform(_ cause: Cause, _ url: String, failPoint: String? = nil) throws -> RunningCommand {
        try start(cause.arguments, url, failPoint: failPoint)
    }

    /// What comes after: loads more, and transforms.
    func run(_ url: String) throws -> DaybookCommand.Outcome { try start(["run"], url).outcome() }

    private func run(_ arguments: [String], _ database: String) throws {
        let outcome = try start(arguments, url(database)).outcome()
        try #require(outcome.status == 0, "\(outcome.error)")
    }

    private func start(
        _ arguments: [String], _ url: String, failPoint: String? = nil
    ) throws -> RunningCommand {
        var command = DaybookCommand(in: project.directory, database: url)
        command.environment["DAYBOOK_FAIL_POINT"] = failPoint
        // Sessions of a killed run may take a moment to notice it.
        return try command.start(arguments + ["--lock-wait", "60"])
    }
}
