import Events
import Postgres
import SQLFiles

/// The proof that nothing was lost and nothing doubled: the statements of `sql/verify`, whose rows are problems.
package enum Verification {
    /// What is wrong, in words; empty where all is well. All statements see one snapshot.
    package static func problems(_ connection: Connection) throws -> [String] {
        try connection.snapshot {
            try SQLFiles.builtin.folder("verify").flatMap { file in
                try connection.query(file.text, action: file.path).rows.map { try $0.get("problem") }
            }
        }
    }

    /// What was found of events that were read again.
    package struct Comparison {
        /// What is wrong, in words: the first few events, and how many more; nothing of days past their retention.
        package var problems: [String] = []
        /// Events that are not there, as they were erased on request.
        package var erased = 0
    }

    /// Compares events that were read again from their source with what is stored of them.
    ///
    /// - Parameter scopeID: in which the events' ids are unique, a source id or 0.
    package static func compare(
        _ batch: inout EventBatch, of load: RecordedLoad, scopeID: Int32, _ connection: Connection
    ) throws -> Comparison {
        // What the server refused once it would refuse again.
        let refused = Set(
            try connection.query(
                """
                SELECT byte_offset FROM daybook.rejects
                WHERE load_id = $1::bigint AND reason_code = 'refused_by_server' AND replayed_at IS NULL
                """, [load.loadID]
            ).rows.map { try $0.get(0, as: Int64.self) })
        batch.events.removeAll { refused.contains($0.position) }
        return try connection.rehearsal {
            try compare(EventOrder(batch), of: batch, load, scopeID, connection)
        }
    }

    private static func compare(
        _ order: EventOrder, of batch: borrowing EventBatch, _ load: RecordedLoad, _ scopeID: Int32,
        _ connection: Connection
    ) throws -> Comparison {
        var encoder = EventEncoder()
        try connection.query("SELECT daybook.open_staging()")
        _ = try encoder.copy(
            batch, order.runs.indices[...], loadID: load.loadID, sourceID: scopeID, into: "pg_temp.staging",
            connection)
        var comparison = Comparison()
        let shown = 5
        var found = 0
        // Of days that were dropped some events are there that came later; which are missing nobody can tell.
        let firstKept: Int32 = try connection.query(
            "SELECT greatest(raw_from, '0001-01-01') - date '1970-01-01' FROM daybook.retention"
        ).first().get(0)
        for (day, _) in order.runs.days where day >= firstKept {
            let rows = try connection.query(
                """
                SELECT case_id, event_id, position, difference,
                    daybook.erasure_digest($2::integer, case_id, event_id)
                        IN (SELECT digest FROM daybook.erased_events) AS is_erased
                FROM daybook.compare_staging($1::date)
                ORDER BY position
                """, [CalendarDay(daysSinceEpoch: day).description, scopeID]
            ).rows
            let differing = try rows.filter { try !$0.get("is_erased") }
            comparison.erased += rows.count - differing.count
            found += differing.count
            for row in differing.prefix(max(0, shown - comparison.problems.count)) {
                comparison.problems.append(
                    "load \(load.loadID) of \(load.object): event \(try row.get(1, as: String.self)) of case "
                        + "\(try row.get(0, as: String.self)), at byte \(try row.get(2, as: Int64.self)), "
                        + (try row.get(3, as: String.self)))
            }
        }
        if found > comparison.problems.count {
            comparison.problems.append(
                "load \(load.loadID) of \(load.object): \(found - comparison.problems.count) more events differ"
            )
        }
        return comparison
    }
}
