import Events
import Postgres

/// `daybook.loads` and `daybook.rejects`.
package enum Ledger {
    /// Every object that the source has read, each as its last load left it.
    package static func objects(ofSource sourceID: Int32, _ connection: Connection) throws -> [KnownObject] {
        try connection.query(
            """
            SELECT DISTINCT ON (object_identity) object, object_identity, end_position, end_line, tail_hash
            FROM daybook.loads
            WHERE source_id = $1::int
            ORDER BY object_identity, start_position DESC
            """, [sourceID]
        ).rows.map { row in
            KnownObject(
                object: try row.get(0), identity: try row.get(1), endPosition: try row.get(2),
                endLine: try row.get(3), tailHash: try row.get(4))
        }
    }

    /// Writes a batch's ledger row and its rejects; inside the transaction that copies its rows.
    static func record(
        _ loadID: Int64, _ batch: borrowing EventBatch, _ counts: LoadCounts, _ origin: BatchOrigin,
        _ connection: Connection
    ) throws {
        // Of the events in the batch: a duplicate's time is in raw too.
        let times = batch.events.lazy.map(\.occurredAt)
        try connection.query(
            """
            INSERT INTO daybook.loads (
                load_id, run_id, pipeline, source_id, object, object_identity, start_position, end_position,
                tail_hash, first_line, end_line, read, loaded, duplicate, conflicting, rejected, filtered,
                min_occurred_at, max_occurred_at)
            OVERRIDING SYSTEM VALUE
            VALUES ($1::bigint, $2::bigint, $3, $4::int, $5, $6, $7::bigint, $8::bigint, $9, $10::bigint,
                $11::bigint, $12::bigint, $13::bigint, $14::bigint, $15::bigint, $16::bigint, $17::bigint,
                $18::timestamptz, $19::timestamptz)
            """,
            [
                loadID, origin.runID, origin.pipeline, origin.sourceID, origin.object, origin.objectIdentity,
                batch.range.start, batch.range.end, origin.tailHash, batch.range.firstLine,
                batch.range.endLine,
                counts.read, counts.loaded, counts.duplicate, counts.conflicting, counts.rejected,
                counts.filtered, times.min()?.description, times.max()?.description,
            ], action: "write the ledger")
        try recordRejects(loadID, batch, origin, connection)
    }

    /// Rejects go in portions, so that a batch of nothing else needs no statement of its size.
    private static let rejectsPerStatement = 1_000

    private static func recordRejects(
        _ loadID: Int64, _ batch: borrowing EventBatch, _ origin: BatchOrigin, _ connection: Connection
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
                    load_id, pipeline, source_id, object, line, byte_offset, reason_code, reason, raw)
                SELECT $1::bigint, $2, $3::int, $4, line, byte_offset, reason_code, reason, raw
                FROM unnest($5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::bytea[])
                    AS reject (line, byte_offset, reason_code, reason, raw)
                """,
                [
                    loadID, origin.pipeline, origin.sourceID, origin.object, portion.map(\.line),
                    portion.map(\.position), portion.map(\.code.rawValue), portion.map(\.reason), raws,
                ], action: "write the rejects")
            start += portion.count
        }
    }
}
