import Events
import Postgres
import SQLFiles
import TestSupport
import Testing
import Warehouse

/// Bringing a database up to our schema, and keeping hands off what is not ours.
@Suite
struct SchemaTests {
    private let database: TestDatabase

    init() throws { database = try TestDatabase() }

    private func refusal(creating: Bool = true) throws -> WarehouseError {
        try #require(throws: WarehouseError.self) {
            _ = try Warehouse.open(database.url, creating: creating)
        }
    }

    @Test("The schema is applied once; opening again changes nothing")
    func twice() throws {
        _ = try Warehouse.open(database.url)
        let files =
            "SELECT version, name, sha256, applied_at, xmin FROM daybook.schema_files ORDER BY version"
        let first = try database.rows(files)
        #expect(first.count >= 3 && first.map { $0[0] } == (1...first.count).map(String.init))
        _ = try Warehouse.open(database.url)
        _ = try Warehouse.open(database.url, creating: false)
        #expect(try database.rows(files) == first)
    }

    @Test("Eight connections at once: one applies, all are served")
    func atOnceOpened() throws {
        let url = database.url
        let errors = atOnce(8) { _ in
            let warehouse = try Warehouse.open(url)
            _ = try warehouse.connection.query("SELECT count(*) FROM raw.events")
        }
        #expect(errors.isEmpty, "\(errors)")
        #expect(
            try database.value("SELECT count(*) = count(DISTINCT version) FROM daybook.schema_files") == "t")
    }

    @Test("Without creating, an empty database is told and left empty")
    func empty() throws {
        guard case .empty = try refusal(creating: false) else { return #expect(Bool(false)) }
        #expect(try database.value("SELECT to_regnamespace('daybook') IS NULL") == "t")
    }

    @Test("A file that was edited after it was applied is named")
    func edited() throws {
        _ = try Warehouse.open(database.url)
        try database.connect().execute("UPDATE daybook.schema_files SET sha256 = 'other' WHERE version = 2")
        for creating in [true, false] {
            let error = try refusal(creating: creating)
            guard case .editedSchema(let file, _) = error else { return #expect(Bool(false)) }
            #expect(file == "002_raw.sql" && "\(error)".contains("never edited"))
        }
    }

    @Test("A database of a newer Daybook is refused and not touched")
    func newer() throws {
        _ = try Warehouse.open(database.url)
        try database.connect().execute(
            "INSERT INTO daybook.schema_files (version, name, sha256) VALUES (900, '900_later.sql', '')")
        for creating in [true, false] {
            guard case .newerSchema("900_later.sql") = try refusal(creating: creating) else {
                return #expect(Bool(false))
            }
        }
    }

    @Test("An older database is brought up to date by a run only")
    func older() throws {
        let connection = try database.connect()
        for (index, file) in SQLFiles.builtin.folder("schema").prefix(2).enumerated() {
            try connection.execute(file.text)
            try connection.query(
                "INSERT INTO daybook.schema_files (version, name, sha256) VALUES ($1::int, $2, $3)",
                [index + 1, String(file.path.split(separator: "/").last!), SHA256.hex(Array(file.text.utf8))])
        }
        guard case .outdatedSchema = try refusal(creating: false) else { return #expect(Bool(false)) }
        _ = try Warehouse.open(database.url)
        #expect(try database.value("SELECT to_regclass('report.fact_sla') IS NOT NULL") == "t")
    }

    @Test(
        "A schema of our name that is not ours is refused, and stays as it is",
        arguments: ["raw", "report", "daybook"])
    func foreign(_ name: String) throws {
        try database.connect().execute("CREATE SCHEMA \(name); CREATE TABLE \(name).mine (n int)")
        guard case .foreignSchema(let found) = try refusal() else { return #expect(Bool(false)) }
        #expect(found == name)
        #expect(
            try database.rows(
                "SELECT nspname FROM pg_namespace WHERE nspname IN ('raw', 'report', 'daybook')")
                == [[name]])
        #expect(try database.value("SELECT to_regclass('\(name).mine') IS NOT NULL") == "t")
    }

    @Test("Every table, view and column of the three schemas has a comment, leaves included")
    func comments() throws {
        let warehouse = try Warehouse.open(database.url)
        var leaves = DayLeaves(warehouse.connection)
        try leaves.ensure([20_000])
        let bare = try database.rows(
            """
            SELECT c.oid::regclass, a.attname
            FROM pg_class AS c
            LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE c.relnamespace::regnamespace::text IN ('raw', 'daybook', 'report')
                AND c.relkind IN ('r', 'p', 'v', 'm')
                AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)
            """)
        #expect(bare == [])
        #expect(
            try database.rows(
                """
                SELECT nspname FROM pg_namespace
                WHERE nspname IN ('raw', 'daybook', 'report') AND obj_description(oid, 'pg_namespace') IS NULL
                """) == [])
    }
}
