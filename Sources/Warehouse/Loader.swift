import Events
import Foundation
import Postgres
import SQLFiles

/// Puts batches into the day leaves: rows, ledger row, rejects and counts in one transaction each. Each worker has
/// one, with a connection of its own.
///
/// The fast path is optimistic: the batch, sorted by key and free of duplicates of its own, is copied straight
/// into its leaves; only events whose keys came lately go through a staging table that drops what is there. Where
/// the server finds a row there all the same, the transaction is rolled back and the whole batch is staged. After
/// that batches are staged until one comes without duplicates: a file that was loaded before has nothing else.
/// Days that are filled without an index (`BuildingDays`) take everything, and tell when they are finished.
package struct Loader: ~Copyable {
    private let connection: Connection
    private let recentKeys: RecentKeys
    private var leaves: DayLeaves
    private var encoder = EventEncoder()
    private var isStaging = false
    private var serverSeconds = 0.0

    /// A deadlock or a serialization failure is tried again this often.
    private static let maxAttempts = 5
    /// A leaf that is gone is made anew this often.
    private static let maxMissing = 100
    /// Seconds for which a batch holds what it has written while those before it are not committed.
    private static let mostPatience = 3.0

    package init(_ connection: Connection, recentKeys: RecentKeys, buildsNewDays: Bool = false) {
        self.connection = connection
        self.recentKeys = recentKeys
        leaves = DayLeaves(connection, buildsNewDays: buildsNewDays)
    }

    /// Loads one batch and commits.
    ///
    /// Rows that the server refuses are taken out, one by one, and rejected with its words.
    ///
    /// - Parameters:
    ///   - turn: of a batch that is to be committed after others; the caller ends it.
    ///   - records: gives the bytes of refused rows.
    /// - Throws: `PostgresError`, or `CommitOrder.Broken`; nothing of the batch is then in the database.
    package mutating func load(
        _ batch: inout EventBatch, from origin: BatchOrigin, turn: CommitOrder.Turn? = nil,
        records: RecordLookup
    ) throws -> LoadCounts {
        do {
            return try loadSorted(batch, origin, turn)
        } catch let error as PostgresError where error.isRowRefusal {
            guard try reject(try refusals(batch, origin), of: &batch, records) else { throw error }
            return try loadSorted(batch, origin, turn, isSecond: true)
        }
    }

    /// Seconds that went into writing since this was last asked.
    package mutating func takeServerSeconds() -> Double {
        defer { serverSeconds = 0 }
        return serverSeconds
    }

    private mutating func loadSorted(
        _ batch: borrowing EventBatch, _ origin: BatchOrigin, _ turn: CommitOrder.Turn?,
        isSecond: Bool = false
    ) throws -> LoadCounts {
        let order = EventOrder(batch)
        try leaves.ensure(order.runs.days.map(\.day))
        func split() -> (fresh: DayRuns, seen: DayRuns, turn: Int) {
            recentKeys.split(order.runs, of: batch, scope: origin.scopeID)
        }
        let parts = try turn?.noteKeys(split) ?? split()
        defer { recentKeys.settle(parts.turn) }
        let doubtful = parts.seen.merged(with: order.repeats)
        var (attempt, missing) = (1, 0)
        while true {
            let ways = Ways(
                fresh: parts.fresh, doubtful: doubtful, isStaging: isStaging, leaves: leaves,
                // Its own keys are seen the second time; and those of whom it would wait for may wait for it.
                turn: parts.seen.isEmpty || isSecond && turn != nil ? nil : parts.turn)
            if !ways.canBeRefused { recentKeys.settle(parts.turn) }
            do {
                let counts = try commit(batch, ways, duplicate: order.duplicate, origin, turn)
                isStaging = isStaging && counts.duplicate - order.duplicate > doubtful.indices.count
                return counts
            } catch let error as PostgresError where error.isUniqueViolation && !ways.direct.isEmpty {
                try leaves.refresh(order.runs.days.map(\.day))
                // While staging, only a day that somebody has finished meanwhile can have met a duplicate.
                guard !isStaging || ways.building.contains(where: { !leaves.isBuilding($0) }) else {
                    throw error
                }
                isStaging = true
            } catch let error as PostgresError where error.isRetryable && attempt < Loader.maxAttempts {
                // Merging alone goes through each day once, in the order of its keys: two that merge do not deadlock.
                isStaging = true
                attempt += 1
            } catch is CommitOrder.TooEarly {
                recentKeys.settle(parts.turn)
                try turn?.awaitCommit()
            } catch is CompactedMeanwhile {
                try leaves.refresh(order.runs.days.map(\.day))
            } catch let error as PostgresError where error.isUndefinedTable && missing < Loader.maxMissing {
                // The leaf of a day that was compacted is dropped when it is empty; and days are that are past their
                // retention, each of which a batch may meet.
                try leaves.refresh(order.runs.days.map(\.day))
                missing += 1
            }
        }
    }

    /// A day into whose leaf rows were copied has segments, with which they were not compared.
    private struct CompactedMeanwhile: Error {}

    /// How the events of a batch go into the database.
    private struct Ways {
        /// Straight into their leaves.
        var direct: DayRuns
        /// Through the staging table into leaves with an index.
        var staged: DayRuns
        /// Put aside until their days are finished, for those have no index that could tell.
        var aside: DayRuns
        /// The days that are being filled without an index.
        var building: [Int32]
        /// What is staged came before, in a batch that had an earlier turn.
        var turn: Int?
        var days: [Int32] { direct.merged(with: staged).merged(with: aside).days.map(\.day) }
        /// Whether the server may find a row there that goes straight into its leaf.
        var canBeRefused: Bool { direct.days.contains { !building.contains($0.day) } }

        init(fresh: DayRuns, doubtful: DayRuns, isStaging: Bool, leaves: DayLeaves, turn: Int? = nil) {
            self.turn = turn
            let waiting = doubtful.split { _, day in leaves.isBuilding(day) }
            let sure = fresh.split { _, day in
                leaves.isBuilding(day) || !isStaging && !leaves.isCompacted(day)
            }
            direct = sure.first
            staged = waiting.second.merged(with: sure.second)
            aside = waiting.first
            building = direct.merged(with: aside).days.map(\.day).filter { leaves.isBuilding($0) }
        }
    }

    private mutating func commit(
        _ batch: borrowing EventBatch, _ ways: Ways, duplicate: Int, _ origin: BatchOrigin,
        _ turn: CommitOrder.Turn?
    ) throws -> LoadCounts {
        let stopwatch = Stopwatch()
        var waited = 0.0
        defer { serverSeconds += stopwatch.seconds - waited }
        let counts = try connection.transaction {
            var counts = try write(batch, ways, origin)
            counts.duplicate += duplicate + (origin.replay?.superseded.count ?? 0)
            // What is rejected again is counted by the load that it came with.
            counts.rejected = origin.replay == nil ? batch.rejects.count : 0
            counts.filtered = batch.filtered
            FailPoint.pass("write-ledger")
            let hasSegments = try Ledger.record(
                batch, counts, days: ways.days, direct: ways.direct.days.map(\.day), origin, connection)
            if hasSegments { throw CompactedMeanwhile() }
            if !batch.originals.isEmpty || origin.replay != nil {
                try Loader.settle(batch, counts, days: ways.days, origin, connection)
            }
            let written = stopwatch.seconds
            try turn?.awaitCommit(until: Date(timeIntervalSinceNow: Loader.mostPatience))
            waited = stopwatch.seconds - written
            FailPoint.pass("commit")
            return counts
        }
        FailPoint.pass("committed")
        return counts
    }

    /// Writes what goes with the rows: the records as they came, and what became of rejects that were read again.
    private static func settle(
        _ batch: borrowing EventBatch, _ counts: LoadCounts, days: [Int32], _ origin: BatchOrigin,
        _ connection: Connection
    ) throws {
        // Those of the batch's positions that brought rows; nil: all of its events did.
        var loaded: Set<Int64>?
        if origin.replay != nil || counts.loaded < batch.events.count
            || batch.rejects.contains(where: { $0.code == .refusedByServer })
        {
            loaded = Set(
                try connection.query(
                    SQLFiles.builtin.text("rejects/loaded_positions.sql"),
                    [origin.loadID, days.map { CalendarDay(daysSinceEpoch: $0).description }],
                    action: "look what is new"
                ).rows.map { try $0.get(0) })
        }
        try Originals.write(batch, loaded: loaded, loadID: origin.loadID, connection)
        try origin.replay?.settle(batch, loaded: loaded, loadID: origin.loadID, connection)
        FailPoint.pass("settle")
    }

    /// Writes the rows; inside a transaction.
    private mutating func write(
        _ batch: borrowing EventBatch, _ ways: Ways, _ origin: BatchOrigin
    ) throws -> LoadCounts {
        var counts = LoadCounts()
        FailPoint.pass("copy-rows")
        for (day, range) in ways.direct.days {
            counts.loaded += try copy(batch, ways.direct.indices[range], into: DayLeaves.name(day), origin)
        }
        if !ways.staged.isEmpty {
            try connection.query("SELECT daybook.open_staging()")
            _ = try copy(batch, ways.staged.indices[...], into: "pg_temp.staging", origin)
            try connection.query(
                "SELECT daybook.count_staging($1::date[])",
                [ways.staged.days.map { CalendarDay(daysSinceEpoch: $0.day).description }])
            if let turn = ways.turn { recentKeys.waitForTurns(before: turn) }
        }
        for (day, _) in ways.staged.days {
            let merged = try connection.query(
                "SELECT loaded, duplicate, conflicting FROM daybook.merge_staging($1::date, $2)",
                [CalendarDay(daysSinceEpoch: day).description, origin.onChange.rawValue],
                action: "merge into \(DayLeaves.name(day))"
            ).first()
            counts.loaded += try merged.get("loaded", as: Int.self)
            counts.duplicate += try merged.get("duplicate", as: Int.self)
            counts.conflicting += try merged.get("conflicting", as: Int.self)
        }
        if !ways.aside.isEmpty {
            counts.loaded += try copy(batch, ways.aside.indices[...], into: "raw.building", origin)
        }
        if !ways.building.isEmpty {
            try connection.query(
                "INSERT INTO daybook.building (event_day, load_id) SELECT unnest($1::date[]), $2::bigint",
                [ways.building.map { CalendarDay(daysSinceEpoch: $0).description }, origin.loadID])
        }
        return counts
    }

    private mutating func copy(
        _ batch: borrowing EventBatch, _ indices: ArraySlice<Int32>, into table: String, _ origin: BatchOrigin
    ) throws -> Int {
        try encoder.copy(
            batch, indices, loadID: origin.loadID, sourceID: origin.scopeID, into: table, connection)
    }

    // MARK: - Rows that the server refuses

    /// Finds the rows that the server refuses, by halving what it refuses until a row stands alone, and its words.
    private mutating func refusals(
        _ batch: borrowing EventBatch, _ origin: BatchOrigin
    ) throws -> [(index: Int32, reason: String)] {
        let order = EventOrder(batch)
        var refused: [(index: Int32, reason: String)] = []
        var parts = [order.runs.merged(with: order.repeats)]
        while let part = parts.popLast() {
            let ways = Ways(fresh: part, doubtful: DayRuns(), isStaging: true, leaves: leaves)
            do {
                _ = try connection.rehearsal { try write(batch, ways, origin) }
            } catch let error as PostgresError where error.isRowRefusal {
                if part.indices.count == 1 {
                    let detail = error.detail.isEmpty ? "" : ": \(error.detail)"
                    refused.append((part.indices[0], "\(error.message)\(detail) [\(error.sqlState)]"))
                } else {
                    let halves = part.halves()
                    parts += [halves.second, halves.first]
                }
            }
        }
        return refused
    }

    /// Makes rejects of refused events; false where there is none.
    private func reject(
        _ refused: [(index: Int32, reason: String)], of batch: inout EventBatch, _ records: RecordLookup
    ) throws -> Bool {
        guard !refused.isEmpty else { return false }
        let found = try records(Set(refused.map { batch.events[Int($0.index)].position }))
        for (index, reason) in refused.sorted(by: { $0.index > $1.index }) {
            let event = batch.events.remove(at: Int(index))
            let record = found[event.position] ?? SourceRecord(line: 0, bytes: [])
            record.bytes.withUnsafeBufferPointer { bytes in
                batch.reject(
                    bytes, line: record.line, position: event.position, code: .refusedByServer, reason: reason
                )
            }
        }
        return true
    }
}
