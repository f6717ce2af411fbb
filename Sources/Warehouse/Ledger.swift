import Events
import Postgres

/// `daybook.loads` and `daybook.rejects`.
package enum Ledger {
    /// Every object that the source has read, each as its last load left it.
    package static func objects(ofSource sourceID: Int32, _ connection: Connection) throws -> [KnownObject] {
        // The last load of each object, and every load that does not begin where the one before ended.
        let rows = try connection.query(
            """
            SELECT object, object_identity, start_position, end_position, end_line, tail_hash, previous_end,
                previous_line, is_last
            FROM (
                SELECT object, object_identity, start_position, end_position, end_line, tail_hash,
                    coalesce(lag(end_position) OVER ranges, 0) AS previous_end,
                    coalesce(lag(end_line) OVER ranges, 1) AS previous_line,
                    lead(end_position) OVER ranges IS NULL AS is_last
                FROM daybook.loads
                WHERE source_id = $1::int AND NOT is_replay
                WINDOW ranges AS (PARTITION BY object_identity ORDER BY start_position)
            ) AS loads
            WHERE is_last OR start_position > previous_end
            ORDER BY object_identity, start_position
            """, [sourceID]
        ).rows
        var objects: [KnownObject] = []
        var holes: [KnownObject.Hole] = []
        for row in rows {
            let (start, previousEnd): (Int64, Int64) = (
                try row.get("start_position"), try row.get("previous_end")
            )
            if start > previousEnd {
                holes.append(
                    KnownObject.Hole(start: previousEnd, end: start, line: try row.get("previous_line")))
            }
            guard try row.get("is_last") else { continue }
            objects.append(
                KnownObject(
                    object: try row.get("object"), identity: try row.get("object_identity"),
                    endPosition: try row.get("end_position"), endLine: try row.get("end_line"),
                    tailHash: try row.get("tail_hash"), holes: holes))
            holes = []
        }
        return objects
    }

    /// Whether a run has met nothing but rejects, in sources of which nothing was ever good.
    package static func isHopeless(_ runID: Int64, _ connection: Connection) throws -> Bool {
        try connection.query(
            """
            SELECT coalesce(sum(rejected), 0) > 0 AND coalesce(sum(loaded + duplicate), 0) = 0
                AND NOT EXISTS (
                    SELECT FROM daybook.loads
                    WHERE loaded + duplicate > 0
                        AND source_id IN (SELECT source_id FROM daybook.loads WHERE run_id = $1::bigint AND rejected > 0)
                )
            FROM daybook.loads
            WHERE run_id = $1::bigint
            """, [runID]
        ).first().get(0)
    }

    /// Forgets a source of which nothing was ever good, so that it is read again: its mapping was wrong.
    ///
    /// - Returns: whether there was such a thing to forget.
    package static func forgetHopeless(_ sourceID: Int32, _ connection: Connection) throws -> Bool {
        try connection.transaction {
            let isHopeless: Bool = try connection.query(
                """
                SELECT coalesce(sum(rejected), 0) > 0 AND coalesce(sum(loaded + duplicate), 0) = 0
                FROM daybook.loads WHERE source_id = $1::int
                """, [sourceID]
            ).first().get(0)
            guard isHopeless else { return false }
            try connection.query("DELETE FROM daybook.rejects WHERE source_id = $1::int", [sourceID])
            try connection.query("DELETE FROM daybook.loads WHERE source_id = $1::int", [sourceID])
            try connection.query("DELETE FROM daybook.pulls WHERE source_id = $1::int", [sourceID])
            try connection.query("DELETE FROM daybook.files WHERE source_id = $1::int", [sourceID])
            return true
        }
    }

    /// The loads of a source, in the order of its objects.
    package static func loads(ofSource sourceID: Int32, _ connection: Connection) throws -> [RecordedLoad] {
        try connection.query(
            """
            SELECT load_id, object, object_identity, start_position, end_position, first_line, end_line, read,
                filtered, rejected, rejects_dropped > 0 AS has_dropped_rejects, (
                    SELECT count(*) FROM daybook.rejects AS r
                    WHERE r.load_id = l.load_id AND r.reason_code = 'refused_by_server' AND r.replayed_at IS NULL
                ) AS refused, (
                    SELECT count(*) FROM daybook.rejects AS r
                    WHERE r.load_id = l.load_id AND r.replayed_at IS NOT NULL
                ) AS replayed
            FROM daybook.loads AS l
            WHERE source_id = $1::int AND NOT is_replay
            ORDER BY object_identity, start_position
            """, [sourceID]
        ).rows.map { row in
            RecordedLoad(
                loadID: try row.get("load_id"), object: try row.get("object"),
                objectIdentity: try row.get("object_identity"),
                range: ReadRange(
                    start: try row.get("start_position"), end: try row.get("end_position"),
                    firstLine: try row.get("first_line"), endLine: try row.get("end_line")),
                read: try row.get("read"), filtered: try row.get("filtered"),
                rejected: try row.get("rejected", as: Int.self) - row.get("refused", as: Int.self)
                    - row.get("replayed", as: Int.self),
                hasReplays: try row.get("replayed", as: Int.self) > 0,
                hasDroppedRejects: try row.get("has_dropped_rejects"))
        }
    }

    /// What became of the events that a run read, of one source or of all: what is committed, and nothing else.
    package static func counts(
        ofRun runID: Int64, source sourceID: Int32? = nil, _ connection: Connection
    ) throws -> LoadCounts {
        let sums = try connection.query(
            """
            SELECT coalesce(sum(loaded), 0) AS loaded, coalesce(sum(duplicate), 0) AS duplicate,
                coalesce(sum(conflicting), 0) AS conflicting, coalesce(sum(rejected), 0) AS rejected,
                coalesce(sum(filtered), 0) AS filtered
            FROM daybook.loads
            WHERE run_id = $1::bigint AND ($2::int IS NULL OR source_id = $2::int)
            """, [runID, sourceID]
        ).first()
        var counts = LoadCounts()
        counts.loaded = try sums.get("loaded")
        counts.duplicate = try sums.get("duplicate")
        counts.conflicting = try sums.get("conflicting")
        counts.rejected = try sums.get("rejected")
        counts.filtered = try sums.get("filtered")
        return counts
    }

    /// The batches of a source that were begun and never committed.
    package static func claims(ofSource sourceID: Int32, _ connection: Connection) throws -> ClaimedBatches {
        let rows = try connection.query(
            """
            SELECT object_identity, start_position, end_position FROM daybook.claims
            WHERE source_id = $1::int AND end_position IS NOT NULL
            """, [sourceID], action: "read the claims"
        ).rows
        var claims = ClaimedBatches()
        for row in rows {
            claims.add(
                objectIdentity: try row.get("object_identity"), start: try row.get("start_position"),
                end: try row.get("end_position"))
        }
        return claims
    }

    /// The id of the load of this range. New ids follow the order in which they are asked for; a batch that was
    /// begun before and never committed keeps its own, and with it its place among the loads.
    ///
    /// Call outside of the batch's transaction: the claim is to outlive it.
    package static func claimLoadID(
        source sourceID: Int32, objectIdentity: String, range: ReadRange, _ connection: Connection
    ) throws -> Int64 {
        try connection.query(
            """
            INSERT INTO daybook.claims (source_id, object_identity, start_position, end_position, load_id)
            VALUES ($1::int, $2, $3::bigint, $4::bigint,
                nextval(pg_get_serial_sequence('daybook.loads', 'load_id')))
            ON CONFLICT (source_id, object_identity, start_position)
                DO UPDATE SET end_position = excluded.end_position
            RETURNING load_id
            """, [sourceID, objectIdentity, range.start, range.end], action: "claim a batch"
        ).first().get(0)
    }

    /// Writes a batch's ledger row and its rejects; inside the transaction that copies its rows.
    ///
    /// - Parameters:
    ///   - days: those of its events, since 1970-01-01.
    ///   - direct: those of them into whose leaves rows were copied without a look at segments.
    /// - Returns: whether one of these has segments. Whoever writes to a day holds off its compaction, so that it stays
    ///   so until the end of the transaction.
    static func record(
        _ batch: borrowing EventBatch, _ counts: LoadCounts, days: [Int32], direct: [Int32],
        _ origin: BatchOrigin, _ connection: Connection
    ) throws -> Bool {
        // Of the events in the batch: a duplicate's time is in raw too.
        let times = batch.events.lazy.map(\.occurredAt)
        let hasSegments: Bool = try connection.query(
            """
            INSERT INTO daybook.loads (
                load_id, run_id, pipeline, source_id, object, object_identity, start_position, end_position,
                tail_hash, first_line, end_line, read, loaded, duplicate, conflicting, rejected, filtered,
                min_occurred_at, max_occurred_at, event_days, checkpoint, is_replay, columns)
            OVERRIDING SYSTEM VALUE
            VALUES ($1::bigint, $2::bigint, $3, $4::int, $5, $6, $7::bigint, $8::bigint, $9, $10::bigint,
                $11::bigint, $12::bigint, $13::bigint, $14::bigint, $15::bigint, $16::bigint, $17::bigint,
                $18::timestamptz, $19::timestamptz, $20::date[], $21::jsonb, $23::boolean, $24::text[])
            RETURNING EXISTS (SELECT FROM raw.event_segments WHERE event_day = ANY ($22::date[]))
            """,
            [
                origin.loadID, origin.runID, origin.pipeline, origin.sourceID, origin.object,
                origin.objectIdentity,
                batch.range.start, batch.range.end, origin.tailHash, batch.range.firstLine,
                batch.range.endLine,
                counts.read, counts.loaded, counts.duplicate, counts.conflicting, counts.rejected,
                counts.filtered, times.min()?.description, times.max()?.description,
                days.map { CalendarDay(daysSinceEpoch: $0).description }, origin.checkpoint,
                direct.map { CalendarDay(daysSinceEpoch: $0).description }, origin.replay != nil,
                batch.rejects.isEmpty || origin.columns.isEmpty ? nil : origin.columns,
            ], action: "write the ledger"
        ).first().get(0)
        try connection.query(
            """
            DELETE FROM daybook.claims
            WHERE source_id = $1::int AND object_identity = $2
                AND start_position >= $3::bigint AND start_position < $4::bigint
            """, [origin.sourceID, origin.objectIdentity, batch.range.start, batch.range.end],
            action: "write the ledger")
        if origin.replay == nil { try recordRejects(batch, origin, connection) }
        return hasSegments
    }

    /// Rejects go in portions, so that a batch of nothing else needs no statement of its size.
    private static let rejectsPerStatement = 1_000

    private static func recordRejects(
        _ batch: borrowing EventBatch, _ origin: BatchOrigin, _ connection: Connection
    ) throws {
        var start = 0
        while start < batch.rejects.count {
            var portion = batch.rejects[start...].prefix(rejectsPerStatement)
            // Raw bytes can be long: a portion also ends at a size.
            var bytes = 0
            let fitting = portion.prefix { reject in
                defer { bytes += Int(reject.raw.count) }
                return bytes < 16 << 20
            }
            portion = fitting
            var raws: [Bytea] = []
            for reject in portion { raws.append(Bytea(Array(batch.arena.bytes(of: reject.raw)))) }
            try connection.query(
                """
                INSERT INTO daybook.rejects (
                    load_id, pipeline, source_id, object, line, byte_offset, reason_code, reason, raw, is_redacted,
                    event_index)
                SELECT $1::bigint, $2, $3::int, $4, line, byte_offset, reason_code, reason, raw, is_redacted, event_index
                FROM unnest($5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::bytea[], $10::boolean[],
                        $11::integer[])
                    AS reject (line, byte_offset, reason_code, reason, raw, is_redacted, event_index)
                """,
                [
                    origin.loadID, origin.pipeline, origin.sourceID, origin.object, portion.map(\.line),
                    portion.map(\.position), portion.map(\.code.rawValue), portion.map(\.reason), raws,
                    portion.map(\.isRedacted), portion.map(\.eventIndex),
                ], action: "write the rejects")
            start += portion.count
        }
    }
}

/// Batches that were begun and never committed: who reads on where one begins is to end it where it ended, and loads
/// it under its own id.
package struct ClaimedBatches: Sendable {
    package init() {}

    private var ends: [String: [Int64: Int64]] = [:]

    mutating func add(objectIdentity: String, start: Int64, end: Int64) {
        ends[objectIdentity, default: [:]][start] = end
    }

    /// The offset at which the batch ends that begins at `start`; nil where none begins there.
    package func end(objectIdentity: String, start: Int64) -> Int64? {
        ends[objectIdentity]?[start]
    }
}

/// A load as the ledger recorded it.
package struct RecordedLoad: Sendable {
    package let loadID: Int64
    package let object: String
    package let objectIdentity: String
    package let range: ReadRange
    package let read: Int
    package let filtered: Int
    /// Records that were rejected when they were read, and are still; those that the server refused are not among them.
    package let rejected: Int
    /// Whether some of its rejects were read again, and were good: what they yielded is counted by another load.
    package let hasReplays: Bool
    /// Whether some rejects are past their retention: which records the server refused is not known any more.
    package let hasDroppedRejects: Bool
}
