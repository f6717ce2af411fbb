import Postgres

/// `daybook.pulls`: passages through the pages of an API.
package enum Pulls {
    /// One that is not at its end, and where its last load left it.
    package struct Unfinished: Sendable {
        package let pullID: Int64
        package let requestHash: String
        package let since: String?
        package let endPosition: Int64
        package let endLine: Int64
        /// As JSON; nil where nothing of it was loaded.
        package let checkpoint: String?
    }

    /// What the finished ones leave to the next.
    package struct Past: Sendable {
        /// As JSON.
        package let mark: String?
        /// As JSON; of the last pull, where it asked in the same way.
        package let validators: String?
    }

    /// How the loads of a pull name it.
    package static func identity(_ pullID: Int64) -> String { "pull-\(pullID)" }

    package static func unfinished(ofSource sourceID: Int32, _ connection: Connection) throws -> Unfinished? {
        let rows = try connection.query(
            """
            SELECT p.pull_id, p.request_hash, p.since, coalesce(l.end_position, 0) AS end_position,
                coalesce(l.end_line, 1) AS end_line, l.checkpoint::text AS checkpoint
            FROM daybook.pulls AS p
            LEFT JOIN LATERAL (
                SELECT end_position, end_line, checkpoint
                FROM daybook.loads AS l
                WHERE l.source_id = p.source_id AND l.object_identity = 'pull-' || p.pull_id
                ORDER BY l.start_position DESC
                LIMIT 1
            ) AS l ON true
            WHERE p.source_id = $1::int AND p.finished_at IS NULL AND p.abandoned_at IS NULL
            ORDER BY p.pull_id DESC
            LIMIT 1
            """, [sourceID], action: "read the pulls"
        ).rows
        return try rows.first.map { row in
            Unfinished(
                pullID: try row.get("pull_id"), requestHash: try row.get("request_hash"),
                since: try row.getIfPresent("since"),
                endPosition: try row.get("end_position"), endLine: try row.get("end_line"),
                checkpoint: try row.getIfPresent("checkpoint"))
        }
    }

    package static func past(
        ofSource sourceID: Int32, requestHash: String, markHash: String, _ connection: Connection
    ) throws -> Past {
        let row = try connection.query(
            """
            SELECT (
                SELECT mark FROM daybook.pulls
                WHERE source_id = $1::int AND finished_at IS NOT NULL AND moves_mark AND mark_hash = $2
                    AND mark IS NOT NULL
                ORDER BY pull_id DESC LIMIT 1
            ) AS mark, (
                SELECT validators::text
                FROM (
                    SELECT validators, request_hash FROM daybook.pulls
                    WHERE source_id = $1::int AND finished_at IS NOT NULL
                    ORDER BY pull_id DESC LIMIT 1
                ) AS last
                WHERE request_hash = $3
            ) AS validators
            """, [sourceID, markHash, requestHash], action: "read the pulls"
        ).first()
        return Past(mark: try row.getIfPresent("mark"), validators: try row.getIfPresent("validators"))
    }

    /// - Returns: its id.
    package static func begin(
        source sourceID: Int32, object: String, requestHash: String, markHash: String, since: String?,
        movesMark: Bool, _ connection: Connection
    ) throws -> Int64 {
        try connection.query(
            """
            INSERT INTO daybook.pulls (source_id, object, request_hash, mark_hash, since, moves_mark)
            VALUES ($1::int, $2, $3, $4, $5, $6::boolean)
            RETURNING pull_id
            """, [sourceID, object, requestHash, markHash, since, movesMark], action: "begin a pull"
        ).first().get(0)
    }

    /// Forgets batches of a pull that were begun and never committed, but for the first: they are cut anew, and an id
    /// claimed before would stand behind one claimed later.
    package static func forgetClaims(
        ofPull pullID: Int64, source sourceID: Int32, behind position: Int64, _ connection: Connection
    ) throws {
        try connection.query(
            """
            DELETE FROM daybook.claims
            WHERE source_id = $1::int AND object_identity = $2 AND start_position > $3::bigint
            """, [sourceID, identity(pullID), position], action: "forget claims")
    }

    /// - Parameters:
    ///   - mark: as JSON; nil where it is as it was.
    ///   - validators: as JSON.
    package static func finish(
        _ pullID: Int64, mark: String?, validators: String?, _ connection: Connection
    ) throws {
        try connection.query(
            """
            UPDATE daybook.pulls SET finished_at = now(), mark = $2, validators = $3::jsonb
            WHERE pull_id = $1::bigint
            """, [pullID, mark, validators], action: "finish a pull")
    }

    package static func abandon(_ pullID: Int64, reason: String, _ connection: Connection) throws {
        try connection.query(
            "UPDATE daybook.pulls SET abandoned_at = now(), reason = $2 WHERE pull_id = $1::bigint",
            [pullID, reason], action: "give up a pull")
    }
}
