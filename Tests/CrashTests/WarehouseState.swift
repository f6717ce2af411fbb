import Postgres
import Warehouse

/// What a load has left in a database, as far as it must be the same whatever happened on the way: everything but
/// which load brought which row.
struct WarehouseState {
    /// Of each day the number of events and the sum of their rows' hashes.
    let days: [[String]]
    let rejects: [[String]]
    /// Of each source what the ledger says was read, and what became of it.
    let totals: [[String]]
    /// What a finished load must not leave, in words.
    let leftovers: [String]
    let problems: [String]

    init(of url: String) throws {
        let connection = try Warehouse.connect(url)
        func rows(_ sql: String) throws -> [[String]] {
            let result = try connection.query(sql)
            return result.rows.map { row in (0..<result.columnCount).map { row.text($0) ?? "∅" } }
        }
        days = try rows(
            """
            SELECT event_day, count(*), sum(hashtextextended(\(WarehouseState.row), 0))
            FROM raw.events AS e LEFT JOIN daybook.sources AS s USING (source_id)
            GROUP BY event_day ORDER BY event_day
            """)
        rejects = try rows(
            """
            SELECT s.name, r.object, r.line, r.byte_offset, r.reason_code, r.reason, r.raw
            FROM daybook.rejects AS r JOIN daybook.sources AS s USING (source_id)
            ORDER BY s.name, r.object, r.byte_offset, r.reason
            """)
        totals = try rows(
            """
            SELECT s.name, sum(l.end_position - l.start_position), sum(l.read), sum(l.loaded), sum(l.duplicate),
                sum(l.rejected), sum(l.filtered)
            FROM daybook.loads AS l JOIN daybook.sources AS s USING (source_id)
            GROUP BY s.name ORDER BY s.name
            """)
        leftovers = try rows(
            """
            SELECT format('%s rows are left in raw.building', count(*)) FROM raw.building HAVING count(*) > 0
            UNION ALL
            SELECT format('%s rows are left in daybook.building', count(*)) FROM daybook.building
            HAVING count(*) > 0
            UNION ALL
            SELECT format('%s is left below raw.building', inhrelid::regclass) FROM pg_inherits
            WHERE inhparent = 'raw.building'::regclass
            UNION ALL
            SELECT format('run %s is left running', run_id) FROM daybook.runs WHERE status = 'running'
            UNION ALL
            SELECT format('load %s: read %s is not the sum', load_id, read) FROM daybook.loads
            WHERE read <> loaded + duplicate + rejected + filtered
            UNION ALL
            SELECT format('%s of the event %s of %s', count(*), event_id, occurred_at) FROM raw.events
            GROUP BY case_id, event_id, source_id, occurred_at HAVING count(*) > 1
            """
        ).map { $0[0] }
        problems = try Verification.problems(connection)
    }

    /// A day's events as the texts of their rows.
    static func events(of url: String, day: String) throws -> [String] {
        try Warehouse.connect(url).query(
            """
            SELECT \(row) FROM raw.events AS e LEFT JOIN daybook.sources AS s USING (source_id)
            WHERE event_day = $1::date
            """, [day]
        ).rows.map { try $0.get(0) }
    }

    /// An event's row as one text.
    private static let row = """
        (e.case_id, e.event_id, e.occurred_at, s.name, e.sequence, e.entity, e.type, e.service, e.user_id,
        e.correlation_id, e.details)::text
        """
}
