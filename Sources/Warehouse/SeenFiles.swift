import Events
import Postgres

/// `daybook.files`: the files of a source as they were when they were read last.
package enum SeenFiles {
    /// Each file; one of which the ledger holds less than it held is to be looked into again. It may hold more, of an
    /// original that went on.
    package static func all(ofSource sourceID: Int32, _ connection: Connection) throws -> [SeenFile] {
        try connection.query(
            """
            SELECT f.object, f.node, f.size,
                CASE WHEN f.read_bytes <= coalesce(l.bytes, 0) THEN f.modified_ns ELSE 0 END AS modified_ns,
                f.object_identity, f.damage
            FROM daybook.files AS f
            LEFT JOIN (
                SELECT object_identity, sum(end_position - start_position) AS bytes
                FROM daybook.loads
                WHERE source_id = $1::int
                GROUP BY object_identity
            ) AS l USING (object_identity)
            WHERE f.source_id = $1::int
            ORDER BY f.seen_at
            """, [sourceID], action: "read the files that are known"
        ).rows.map { row in
            SeenFile(
                object: try row.get(0), node: try row.get(1), size: try row.get(2),
                modifiedNanoseconds: try row.get(3), identity: try row.get(4),
                damage: try row.getIfPresent(5))
        }
    }

    /// Files go in portions, so that no statement is of the size of a tree.
    private static let filesPerStatement = 10_000

    package static func note(_ files: [SeenFile], ofSource sourceID: Int32, _ connection: Connection) throws {
        for start in stride(from: 0, to: files.count, by: filesPerStatement) {
            let portion = files[start...].prefix(filesPerStatement)
            try connection.query(
                """
                INSERT INTO daybook.files (
                    source_id, object, node, size, modified_ns, object_identity, damage, read_bytes)
                SELECT $1::int, object, node, size, modified_ns, object_identity, nullif(damage, ''), (
                        SELECT coalesce(sum(end_position - start_position), 0)
                        FROM daybook.loads AS l
                        WHERE l.source_id = $1::int AND l.object_identity = file.object_identity
                    )
                FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[])
                    AS file (object, node, size, modified_ns, object_identity, damage)
                ON CONFLICT (source_id, object) DO UPDATE SET
                    node = excluded.node, size = excluded.size, modified_ns = excluded.modified_ns,
                    object_identity = excluded.object_identity, damage = excluded.damage,
                    read_bytes = excluded.read_bytes, seen_at = now()
                """,
                [
                    sourceID, portion.map(\.object), portion.map(\.node), portion.map(\.size),
                    portion.map(\.modifiedNanoseconds), portion.map(\.identity),
                    portion.map { $0.damage ?? "" },
                ], action: "note the files that were read")
        }
    }
}
