import Events
import Foundation
import Postgres
import Warehouse

/// Compacts the days that are old enough, one after another.
package struct CompactDays {
    private let compaction: Compaction
    private let form: StorageForm
    private let interruption: Interruption
    private let note: (String) -> Void

    /// - Parameter wanted: the form of compacted days; nil: the best that the server has.
    /// - Throws: `WarehouseError.noColumnar`.
    package init(
        _ warehouse: Warehouse, into wanted: StorageForm?, interruption: Interruption,
        note: @escaping (String) -> Void
    ) throws {
        form = try StorageForm.resolve(wanted, warehouse.connection)
        compaction = Compaction(warehouse.connection, into: form)
        interruption.watch(warehouse.connection)
        self.interruption = interruption
        self.note = note
    }

    /// The first day (UTC) that is too young, so many microseconds before a time.
    package static func cutoff(ageMicroseconds: Int64, now: Date = Date()) -> CalendarDay {
        let (now, day) = (Int64(now.timeIntervalSince1970 * 1e6), Int64(86_400_000_000))
        let (time, isTooEarly) = now.subtractingReportingOverflow(ageMicroseconds)
        // Older than any calendar: nothing is.
        guard !isTooEarly, time > -62_135_596_800_000_000 else {
            return CalendarDay(daysSinceEpoch: -719_162)
        }
        return CalendarDay(daysSinceEpoch: Int32((time / day) - (time % day < 0 ? 1 : 0)))
    }

    package func due(before day: CalendarDay) throws -> [Compaction.Due] {
        if form == .heap {
            note("days stay as they are, for \"storage\" is heap in \(Project.definitionFile)")
            return []
        }
        return try compaction.due(before: day)
    }

    /// Compacts every day before one; a day that is written to for longer than `waitSeconds` is left for later, and told.
    ///
    /// - Parameter tell: gets each day as it is done, and how many there are.
    /// - Throws: what concerns all days; what is compacted stays so.
    package func run(
        before day: CalendarDay, waitSeconds: Double,
        tell: (_ outcome: Compaction.Outcome, _ number: Int, _ all: Int) -> Void = { _, _, _ in }
    ) throws -> [Compaction.Outcome] {
        let due = try due(before: day)
        guard !due.isEmpty else { return [] }
        try compaction.prepare(waitSeconds: waitSeconds)
        var outcomes: [Compaction.Outcome] = []
        for (index, day) in due.enumerated() {
            do {
                try interruption.check()
                let outcome = try compaction.compact(day, waitSeconds: waitSeconds)
                outcomes.append(outcome)
                tell(outcome, index + 1, due.count)
            } catch let error as PostgresError where error.isLockTimeout {
                note("\(day.day) is being written to; it is compacted another time")
            } catch let error as PostgresError where error.isCancelled {
                throw Interrupted()
            }
        }
        try compaction.finish()
        return outcomes
    }
}
