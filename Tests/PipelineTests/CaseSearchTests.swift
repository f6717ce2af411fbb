import Foundation
import Pipeline
import Postgres
import TestSupport
import Testing

/// How searches that read days share the server.
@Suite
struct CaseSearchTests {
    private let warehouse: LoadingWarehouse

    init() throws {
        warehouse = try LoadingWarehouse()
        try warehouse.load(
            #"{"id":"1","time":"2026-01-05T10:00:00Z","type":"order.made","case":"o1","user":"u1"}"# + "\n")
    }

    private func workers(_ connection: Connection) throws -> String {
        try connection.query("SHOW max_parallel_workers_per_gather").first().get(0)
    }

    private func search(_ connection: Connection, during: () throws -> Void = {}) throws -> String {
        let found = try CaseSearch(["user_id=u1"], connection).run(CaseSearch.Days(), limit: 10) { _, _ in
            do { try during() } catch { Issue.record(error) }
        }
        #expect(found.cases.count == 1)
        return try workers(connection)
    }

    @Test("A search takes several processes while it is alone, and leaves no lock behind")
    func shares() throws {
        let (one, other) = (try warehouse.database.connect(), try warehouse.database.connect())
        #expect(try search(one) == "4")
        // The other begins when the first has announced itself and has not read yet.
        var besides = ""
        #expect(try search(one) { besides = try search(other) } == "4")
        #expect(besides == "0")
        #expect(try search(other) == "4")
        // Whoever works with events counts as much as a search.
        try other.transaction {
            try other.query("LOCK TABLE raw.events_by_day IN ACCESS SHARE MODE")
            #expect(try search(one) == "0")
        }
        #expect(try locks(one) == 0)
    }

    @Test("A search that fails leaves no lock behind")
    func failure() throws {
        let connection = try warehouse.database.connect()
        #expect(throws: PostgresError.self) {
            try search(connection) { try connection.execute("DROP TABLE raw.event_segments CASCADE") }
        }
        #expect(try locks(connection) == 0)
    }

    /// Advisory locks that anyone holds in this database.
    private func locks(_ connection: Connection) throws -> Int64 {
        try connection.query(
            """
            SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
            WHERE l.locktype = 'advisory' AND d.datname = current_database()
            """
        ).first().get(0)
    }
}
