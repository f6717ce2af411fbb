import Events
import Foundation
import Postgres
import Transform
import Warehouse

/// How long what is kept, each in microseconds; nil: for ever.
package struct RetentionTimes: Sendable, Equatable {
    /// Events.
    package var raw: Int64?
    /// Records that could not become events.
    package var rejects: Int64?
    package var runs: Int64?
    /// Hours and cases.
    package var report: Int64?

    package init(raw: Int64? = nil, rejects: Int64? = nil, runs: Int64? = nil, report: Int64? = nil) {
        (self.raw, self.rejects, self.runs, self.report) = (raw, rejects, runs, report)
    }

    package var isEmpty: Bool { self == RetentionTimes() }

    /// Less would drop what has hardly come.
    package static let least: Int64 = 86_400_000_000

    /// Why these cannot be; nil where they can.
    package var mistake: String? {
        let all = [("raw", raw), ("rejects", rejects), ("runs", runs), ("report", report)]
        if let short = all.first(where: { ($0.1 ?? .max) < RetentionTimes.least }) {
            return "\(short.0) is less than a day, the least that can be kept"
        }
        guard let report else { return nil }
        guard let raw else {
            return "report needs raw: reports of events that are kept for ever would only be computed again"
        }
        return report < raw
            ? "report is less than raw: reports of events that are there would only be computed again" : nil
    }
}

/// Drops what is past its retention: days of events, rejects, runs, and what the reports tell.
package struct RetainData {
    private let connection: Connection
    private let times: RetentionTimes
    private let models: [Model]
    private let interruption: Interruption

    /// - Parameter models: those of the project's files; none: report tables are left as they are.
    package init(
        _ warehouse: Warehouse, _ times: RetentionTimes, models: [Model], interruption: Interruption
    ) {
        connection = warehouse.connection
        interruption.watch(connection)
        (self.times, self.models, self.interruption) = (times, models, interruption)
    }

    /// What is dropped, or would be.
    package struct Outcome: Encodable {
        /// The first day that is not past its retention; nil where events are kept for ever.
        @OrNull package var rawBefore: String? = nil
        package var days: [Retention.Outcome] = []
        /// Why days stay that are past it.
        @OrNull package var need: Retention.Need? = nil
        /// The first day that could not be dropped now, and why.
        @OrNull package var stopped: Retention.Need? = nil
        /// Of the cases that are frozen, those that went on on days that are kept.
        package var frozenActive = 0
        package var rejects = 0
        package var runs = 0
        package var reports: [ReportRetention.Outcome] = []

        private enum CodingKeys: String, CodingKey {
            case days, need, stopped, rejects, runs, reports
            case rawBefore = "raw_before"
            case frozenActive = "frozen_active_cases"
        }
    }

    /// Drops everything that is past its retention; a day that is written to, or read, for longer than `waitSeconds` is
    /// left for later with those behind it, and told.
    ///
    /// - Parameter tell: gets each day as it is gone, and how many there are.
    /// - Throws: `WarehouseError.transforming` where a transform takes longer.
    package func run(
        waitSeconds: Double, tell: (_ outcome: Retention.Outcome, _ number: Int, _ all: Int) -> Void
    ) throws -> Outcome {
        let retention = Retention(connection)
        var outcome = Outcome()
        do {
            try TransformRunner.alone(connection, waitSeconds: waitSeconds) {
                let due = try due(&outcome)
                for (index, day) in due.enumerated() {
                    try interruption.check()
                    switch try drop(day, retention, waitSeconds) {
                    case .success(let gone):
                        outcome.days.append(gone)
                        tell(gone, index + 1, due.count)
                    case .failure(let reason):
                        // Its cases may need later days.
                        outcome.stopped = Retention.Need(day: day.day, reason: reason.text)
                    }
                    if outcome.stopped != nil { break }
                }
                if times.raw != nil { try retention.dropEventFields() }
                try interruption.check()
                try connection.transaction { try dropTheRest(&outcome) }
            }
        } catch let error as PostgresError where error.isLockTimeout {
            throw WarehouseError.transforming
        } catch let error as PostgresError where error.isCancelled {
            throw Interrupted()
        }
        return outcome
    }

    /// What would be dropped; of days how many events is not known before.
    package func rehearse() throws -> (outcome: Outcome, due: [Retention.Due]) {
        var outcome = Outcome()
        let due = try due(&outcome)
        try connection.rehearsal {
            if let last = due.last {
                try connection.query(
                    "UPDATE daybook.retention SET raw_from = greatest(raw_from, $1::date + 1)", [last.day])
            }
            try dropTheRest(&outcome)
        }
        return (outcome, due)
    }

    private func due(_ outcome: inout Outcome) throws -> [Retention.Due] {
        guard let raw = times.raw else { return [] }
        let retention = Retention(connection)
        let cutoff = CompactDays.cutoff(ageMicroseconds: raw).description
        outcome.rawBefore = cutoff
        let due = try retention.due(before: cutoff)
        guard !due.isEmpty, let need = try retention.need(), need.day < cutoff else { return due }
        outcome.need = need
        return due.filter { $0.day < need.day }
    }

    /// Why a day could not be dropped.
    private struct Reason: Error {
        let text: String
    }

    private func drop(_ day: Retention.Due, _ retention: Retention, _ waitSeconds: Double) throws
        -> Swift.Result<Retention.Outcome, Reason>
    {
        do {
            if let gone = try retention.drop(day, waitSeconds: waitSeconds) { return .success(gone) }
            return .failure(
                Reason(text: "events have come for it that are not transformed yet: daybook transform"))
        } catch let error as PostgresError where error.isLockTimeout {
            return .failure(Reason(text: "it is in use; try again later, or give --lock-wait more seconds"))
        }
    }

    private func dropTheRest(_ outcome: inout Outcome) throws {
        let retention = Retention(connection)
        outcome.frozenActive = try retention.frozenActiveCases()
        // Older than any calendar: nothing is.
        let first = Date(timeIntervalSince1970: -62_135_596_800)
        func time(_ age: Int64) -> Date { max(first, Date(timeIntervalSinceNow: -Double(age) / 1e6)) }
        if let age = times.rejects { outcome.rejects = try retention.dropRejects(before: time(age)) }
        if let age = times.runs { outcome.runs = try retention.dropRuns(before: time(age)) }
        if let age = times.report {
            outcome.reports = try ReportRetention(
                models.isEmpty ? [] : models + CaseKeys.models(connection), connection
            ).drop(
                before: CompactDays.cutoff(ageMicroseconds: age).description)
        }
    }
}
