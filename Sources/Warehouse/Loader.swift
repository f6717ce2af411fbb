import Events
import Postgres

/// Where a batch comes from, as its ledger row says.
package struct BatchOrigin: Sendable {
    package var loadID: Int64
    package var runID: Int64
    package var pipeline: String
    package var sourceID: Int32
    package var object: String
    package var objectIdentity: String
    /// Hash of the last KiB before the batch's end.
    package var tailHash: String

    package init(
        loadID: Int64, runID: Int64, pipeline: String, sourceID: Int32, object: String,
        objectIdentity: String,
        tailHash: String
    ) {
        self.loadID = loadID
        self.runID = runID
        self.pipeline = pipeline
        self.sourceID = sourceID
        self.object = object
        self.objectIdentity = objectIdentity
        self.tailHash = tailHash
    }
}

/// Puts batches into the day leaves: rows, ledger row, rejects and counts in one transaction each. Each worker has
/// one, with a connection of its own.
///
/// The fast path is optimistic: the batch, sorted by key and free of duplicates of its own, is copied straight
/// into its leaves; only events whose keys came lately go through a staging table that drops what is there. Where
/// the server finds a row there all the same, the transaction is rolled back and the whole batch is staged. After
/// that batches are staged until one comes without duplicates: a file that was loaded before has nothing else.
package struct Loader: ~Copyable {
    private let connection: Connection
    private let recentKeys: RecentKeys
    private var leaves: DayLeaves
    private var encoder = EventEncoder()
    private var isStaging = false

    /// A deadlock or a serialization failure is tried again this often.
    private static let maxAttempts = 5

    package init(_ connection: Connection, recentKeys: RecentKeys) {
        self.connection = connection
        self.recentKeys = recentKeys
        leaves = DayLeaves(connection)
    }

    /// Loads one batch and commits.
    ///
    /// - Throws: `PostgresError`; nothing of the batch is then in the database.
    package mutating func load(
        _ batch: borrowing EventBatch, from origin: BatchOrigin
    ) throws -> LoadCounts {
        let order = EventOrder(batch)
        try leaves.ensure(order.runs.days.map(\.day))
        let parts = recentKeys.split(order.runs, of: batch)
        var attempt = 1
        while true {
            do {
                if !isStaging {
                    return try write(batch, order, direct: parts.fresh, staged: parts.seen, origin)
                }
                let counts = try write(batch, order, direct: DayRuns(), staged: order.runs, origin)
                isStaging = counts.duplicate - order.duplicate > parts.seen.indices.count
                return counts
            } catch let error as PostgresError where error.isUniqueViolation && !isStaging {
                isStaging = true
            } catch let error as PostgresError where error.isRetryable && attempt < Loader.maxAttempts {
                attempt += 1
            }
        }
    }

    private mutating func write(
        _ batch: borrowing EventBatch, _ order: borrowing EventOrder, direct: DayRuns, staged: DayRuns,
        _ origin: BatchOrigin
    ) throws -> LoadCounts {
        var counts = LoadCounts()
        counts.duplicate = order.duplicate
        counts.conflicting = order.conflicting
        counts.rejected = batch.rejects.count
        counts.filtered = batch.filtered

        try connection.execute("BEGIN")
        do {
            for (day, range) in direct.days {
                counts.loaded += try copy(batch, direct.indices[range], into: DayLeaves.name(day), origin)
            }
            if !staged.isEmpty {
                try stage(batch, staged, origin)
                for (day, range) in staged.days {
                    let inserted = try insertStaged(day, origin.loadID)
                    counts.loaded += inserted.loaded
                    counts.duplicate += range.count - inserted.loaded
                    counts.conflicting += inserted.conflicting
                }
            }
            try Ledger.record(batch, counts, origin, connection)
            try connection.execute("COMMIT")
        } catch {
            try? connection.execute("ROLLBACK")
            throw error
        }
        return counts
    }

    private mutating func copy(
        _ batch: borrowing EventBatch, _ indices: ArraySlice<Int32>, into table: String, _ origin: BatchOrigin
    ) throws -> Int {
        let statement = "COPY \(table) (\(EventEncoder.columns)) FROM STDIN (FORMAT binary)"
        return try connection.copy(statement) { copy in
            try encoder.write(
                batch, indices, loadID: origin.loadID, sourceID: origin.sourceID, to: &copy)
        }.rows
    }

    // MARK: - Staging

    private mutating func stage(
        _ batch: borrowing EventBatch, _ runs: DayRuns, _ origin: BatchOrigin
    ) throws {
        try connection.execute(
            """
            CREATE TEMPORARY TABLE IF NOT EXISTS staging (LIKE raw.events_by_day) ON COMMIT DELETE ROWS;
            CREATE INDEX IF NOT EXISTS staging_day ON staging (event_day)
            """, action: "create the staging table")
        _ = try copy(batch, runs.indices[...], into: "pg_temp.staging", origin)
    }

    /// Moves one day from staging into its leaf, dropping the rows that are there.
    private func insertStaged(_ day: Int32, _ loadID: Int64) throws -> (loaded: Int, conflicting: Int) {
        let leaf = DayLeaves.name(day)
        let date = CalendarDay(daysSinceEpoch: day).description
        let loaded = try connection.query(
            """
            INSERT INTO \(leaf) (\(EventEncoder.columns))
            SELECT \(EventEncoder.columns) FROM pg_temp.staging WHERE event_day = $1::date
            ORDER BY case_id, event_id, source_id, occurred_at
            ON CONFLICT DO NOTHING
            """, [date]
        ).affectedRows
        let conflicting: Int = try connection.query(
            """
            SELECT count(*)
            FROM pg_temp.staging AS new
            JOIN \(leaf) AS old USING (case_id, event_id, source_id, occurred_at)
            WHERE new.event_day = $1::date AND old.load_id <> $2::bigint
                AND (new.sequence, new.entity, new.type, new.service, new.user_id, new.correlation_id, new.details)
                IS DISTINCT FROM
                (old.sequence, old.entity, old.type, old.service, old.user_id, old.correlation_id, old.details)
            """, [date, loadID]
        ).first().get(0)
        return (loaded, conflicting)
    }
}
