import Events
import Foundation
import Postgres
import SQLFiles

/// Turns the leaves of old days into columns; what does it is `sql/schema/019_segments.sql`, and `022_columnar.sql` where
/// the server has columnar tables.
///
/// Readers see every event once, before, meanwhile and after. What comes late for a compacted day lies in a leaf beside
/// its segments, and is folded in when the day is compacted again.
package struct Compaction {
    private let connection: Connection
    private let isColumnar: Bool

    /// - Parameters:
    ///   - connection: not in a transaction.
    ///   - form: the form of compacted days, one that the server has.
    package init(_ connection: Connection, into form: StorageForm = .segments) {
        self.connection = connection
        isColumnar = form == .columnar
    }

    /// A day that is to be compacted.
    package struct Due: Sendable {
        /// As the server writes it: `2026-11-21`.
        package let day: String
        /// What its leaf takes, with its indexes.
        package let bytes: Int64
    }

    /// What became of a day.
    package struct Outcome: Sendable, Encodable {
        package let day: String
        /// Events that were moved into columns.
        package let events: Int
        package let bytesBefore: Int64
        package let bytesAfter: Int64
        package let seconds: Double
        /// Whether the emptied leaf is gone; while somebody still reads what was in it, it stays, and goes with a later
        /// compaction.
        package let isLeafDropped: Bool

        private enum CodingKeys: String, CodingKey {
            case day, events, seconds
            case bytesBefore = "bytes_before"
            case bytesAfter = "bytes_after"
            case isLeafDropped = "leaf_dropped"
        }
    }

    /// The days before `day` that hold what is not compacted.
    package func due(before day: CalendarDay) throws -> [Due] {
        try connection.query(SQLFiles.builtin.text("storage/days_to_compact.sql"), [day.description])
            .rows.map { Due(day: try $0.get("day"), bytes: try $0.get("bytes")) }
    }

    /// Lets `raw.events` show compacted days. Waits for readers of that view, a moment at a time, so that others need not wait
    /// for us.
    ///
    /// - Throws: `WarehouseError.viewInUse` where they do not let go of it.
    package func prepare(waitSeconds: Double) throws {
        for shown in isColumnar ? ["segments", "columnar"] : ["segments"] {
            let isReady: Bool = try connection.query("SELECT daybook.shows_\(shown)()").first().get(0)
            guard !isReady else { continue }
            let isDone = try patiently(attempts: max(1, Int(waitSeconds * 5))) {
                try connection.query("SELECT daybook.show_\(shown)()")
            }
            guard isDone != nil else { throw WarehouseError.viewInUse }
        }
    }

    /// Compacts a day.
    ///
    /// - Parameter waitSeconds: how long to wait for a load that writes to the day.
    /// - Throws: `PostgresError` with `isLockTimeout` where that takes longer.
    package func compact(_ due: Due, waitSeconds: Double) throws -> Outcome {
        let stopwatch = Stopwatch()
        let events = try connection.retrying {
            try connection.transaction {
                try connection.execute("SET LOCAL lock_timeout = \(max(1, Int(waitSeconds * 1_000)))")
                let events: Int = try connection.query(
                    "SELECT daybook.\(isColumnar ? "compact_day_columnar" : "compact_day")($1::date)",
                    [due.day], action: "compact \(due.day)"
                ).first().get(0)
                FailPoint.pass("compact-day")
                return events
            }
        }
        FailPoint.pass("compacted-day")
        let isDropped = try dropLeaf(due.day)
        let bytes: Int64 = try connection.query(
            SQLFiles.builtin.text("storage/compacted_bytes.sql"), [due.day]
        )
        .first().get(0)
        return Outcome(
            day: due.day, events: events, bytesBefore: due.bytes, bytesAfter: bytes,
            seconds: stopwatch.seconds, isLeafDropped: isDropped)
    }

    /// Tells the planner how many segments there are.
    package func finish() throws {
        try connection.execute("ANALYZE raw.event_segments")
    }

    /// VACUUM gives the pages of rows back that nobody sees any more, not even in a transaction that began before; a leaf
    /// without pages can go.
    private func dropLeaf(_ day: String) throws -> Bool {
        let leaf = try connection.query("SELECT daybook.leaf($1::date), daybook.is_leaf($1::date)", [day])
            .first()
        guard try leaf.get(1) else { return true }
        let name: String = try leaf.get(0)
        guard try vacuum(name) else { return true }
        FailPoint.pass("drop-leaf")
        do {
            return try connection.transaction {
                try connection.execute("SET LOCAL lock_timeout = '5s'")
                return try connection.query("SELECT daybook.drop_empty_leaf($1::date)", [day]).first().get(0)
            }
        } catch let error as PostgresError where error.isLockTimeout {
            return false
        }
    }

    /// - Returns: false where another compaction has dropped the leaf.
    private func vacuum(_ leaf: String) throws -> Bool {
        do {
            try connection.execute("VACUUM \(leaf)")
            return true
        } catch {
            guard error.isUndefinedTable else { throw error }
            return false
        }
    }

    /// Tries to change what readers hold. A wait for them holds up those who come after, so that it is short, and the
    /// pauses are longer.
    ///
    /// - Returns: nil where they have not let go of it in so many attempts.
    private func patiently<Value>(attempts: Int, _ body: () throws -> Value) throws -> Value? {
        for attempt in 1...attempts {
            do {
                return try connection.transaction {
                    try connection.execute("SET LOCAL lock_timeout = 50")
                    return try body()
                }
            } catch let error as PostgresError where error.isLockTimeout {
                if attempt < attempts { Thread.sleep(forTimeInterval: Double.random(in: 0.1...0.3)) }
            }
        }
        return nil
    }
}

extension FailPoint {
    /// The points of a compaction, in the order in which a day passes them.
    package static let ofCompaction = ["compact-day", "compacted-day", "drop-leaf"]
}
