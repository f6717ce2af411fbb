import Foundation
import Postgres
import TestSupport
import Testing

/// A connection against a real server: values both ways, transactions, COPY, and how each kind of failure is told.
@Suite
struct ConnectionTests {
    private let database: TestDatabase
    private let connection: Connection

    init() throws {
        database = try TestDatabase()
        connection = try database.connect()
    }

    private func failure(_ body: () throws -> Void) throws -> PostgresError {
        try #require(throws: PostgresError.self) { try body() }
    }

    private func isUsable() throws {
        let one: Int = try connection.query("SELECT 1").first().get(0)
        #expect(one == 1)
        #expect(!connection.isInTransaction)
    }

    // MARK: - Reading

    @Test("Each type reads what the server writes, up to its limits")
    func types() throws {
        let row = try connection.query(
            """
            SELECT 9223372036854775807::bigint AS big, (-2147483648)::int AS small, 'ä € 🛒' AS words,
                true AS yes, false AS no, 'Infinity'::float8 AS endless, 1e-300::float8 AS tiny,
                NULL::text AS missing, '' AS empty
            """
        ).first()
        #expect(try row.get("big") == Int64.max)
        #expect(try row.get("big") == Int.max)
        #expect(try row.get("small") == Int32.min)
        #expect(try row.get("words") == "ä € 🛒")
        #expect(try row.get("yes") == true)
        #expect(try row.get("no") == false)
        #expect(try row.get("endless") == Double.infinity)
        #expect(try row.get("tiny") == 1e-300)
        #expect(try row.getIfPresent("missing", as: String.self) == nil)
        #expect(try row.get("empty") == "")
    }

    @Test("A null, another form, a column that is not there, and no row are errors that name the place")
    func decodingErrors() throws {
        let row = try connection.query("SELECT NULL::int AS absent, 'x' AS letter, 3000000000 AS wide")
            .first()
        let cases: [(() throws -> Void, String)] = [
            ({ _ = try row.get("absent", as: Int.self) }, "column absent is null"),
            ({ _ = try row.get("letter", as: Int.self) }, "column letter is \"x\", not Int"),
            ({ _ = try row.get("letter", as: Bool.self) }, "column letter is \"x\", not Bool"),
            ({ _ = try row.get("wide", as: Int32.self) }, "column wide is \"3000000000\", not Int32"),
            ({ _ = try row.get("nowhere", as: Int.self) }, "there is no column nowhere"),
            (
                { _ = try connection.query("SELECT 1 WHERE false").first() },
                "the statement gave no row"
            ),
        ]
        for (body, message) in cases {
            let error = try failure(body)
            #expect(error.kind == .decoding)
            #expect(error.message == message)
        }
    }

    // MARK: - Parameters

    @Test("Parameters come back as they went: extremes, empty and nil")
    func parameters() throws {
        let row = try connection.query(
            "SELECT $1::bigint, $2::int, $3::float8, $4::float8, $5::boolean, $6::text, $7::text, $8::text",
            [Int64.min, Int32.max, -0.1, Double.nan, true, "", nil, String?.none]
        ).first()
        #expect(try row.get(0) == Int64.min)
        #expect(try row.get(1) == Int32.max)
        #expect(try row.get(2) == -0.1)
        #expect(try row.get(3, as: Double.self).isNaN)
        #expect(try row.get(4) == true)
        #expect(try row.get(5) == "")
        #expect(row.text(6) == nil && row.text(7) == nil)
    }

    /// Texts that break a quoting which looks at characters or forgets one.
    private static let hostile = [
        "", "plain", "a'b", "a\"b", "''", "\"\"", "\\", "a\\'b", "\\\"", "{}", "{a,b}", "NULL", "null", ",",
        " ", "\t\r\n", "ä€🛒", "e\u{301}", "'\u{301}", "\"\u{301}", "\\\u{301}", "\u{FEFF}", "\u{202E}x",
        "'; DROP TABLE x; --", "$1", "%s", "\u{1}\u{7F}", "\r\n'\r\n",
    ]

    @Test("An array of hostile texts and nulls comes back element by element")
    func arrays() throws {
        let elements: [String?] = ConnectionTests.hostile + [nil, "last"]
        let rows = try connection.query(
            "SELECT element FROM unnest($1::text[]) WITH ORDINALITY AS t (element, place) ORDER BY place",
            [elements]
        ).rows
        try #require(rows.count == elements.count)
        for (row, element) in zip(rows, elements) {
            #expect(row.text(0).map { Array($0.utf8) } == element.map { Array($0.utf8) })
        }
        #expect(try connection.query("SELECT cardinality($1::int[])", [[Int]()]).first().get(0) == 0)
        let sum: Int = try connection.query("SELECT sum(n) FROM unnest($1::int[]) AS n", [[1, nil, 3]])
            .first().get(0)
        #expect(sum == 4)
    }

    @Test("Bytes of every value, alone and in an array")
    func bytes() throws {
        let all = (0...255).map { UInt8($0) }
        let row = try connection.query(
            "SELECT encode($1::bytea, 'hex'), length($2::bytea), encode(($3::bytea[])[2], 'hex')",
            [Bytea(all), Bytea([]), [Bytea([0x5C, 0x22]), Bytea(all)]]
        ).first()
        let hex = all.map { String(format: "%02x", $0) }.joined()
        #expect(try row.get(0) == hex)
        #expect(try row.get(1) == 0)
        #expect(try row.get(2) == hex)
    }

    @Test("A quoted literal is the text that was quoted, under both settings of backslashes")
    func literals() throws {
        for setting in ["on", "off"] {
            try connection.execute("SET standard_conforming_strings = \(setting)")
            for text in ConnectionTests.hostile {
                let back = try connection.query("SELECT \(quoteLiteral(text))").first().text(0)
                #expect(back.map { Array($0.utf8) } == Array(text.utf8))
            }
        }
    }

    @Test("A quoted identifier is one name and nothing more")
    func identifiers() throws {
        let names =
            ConnectionTests.hostile.filter { !$0.isEmpty } + ["\"; DROP TABLE x; --", "\"\u{301} int); --"]
        for name in names {
            let columns = try connection.query("SELECT 1 AS \(quoteIdentifier(name))").columns
            #expect(columns.map { Array($0.utf8) } == [Array(name.utf8)])
        }
    }

    // MARK: - Transactions

    @Test("A transaction commits when its body returns, and gives its value")
    func commit() throws {
        try connection.execute("CREATE TABLE t (n int)")
        let value = try connection.transaction {
            #expect(connection.isInTransaction)
            try connection.query("INSERT INTO t VALUES (1)")
            return "value"
        }
        #expect(value == "value")
        #expect(try database.value("SELECT count(*) FROM t") == "1")
        try isUsable()
    }

    private struct Own: Error {}

    @Test("When its body throws, a transaction is rolled back and that very error goes up")
    func rollback() throws {
        try connection.execute("CREATE TABLE t (n int PRIMARY KEY)")
        #expect(throws: Own.self) {
            try connection.transaction {
                _ = try connection.query("INSERT INTO t VALUES (1)")
                throw Own()
            }
        }
        let error = try failure {
            try connection.transaction {
                try connection.query("INSERT INTO t VALUES (2)")
                try connection.query("INSERT INTO t VALUES (2)")
            }
        }
        #expect(error.isUniqueViolation)
        #expect(try database.value("SELECT count(*) FROM t") == "0")
        try isUsable()
    }

    @Test("A body that passes over a refusal has not committed, and is told so")
    func swallowed() throws {
        try connection.execute("CREATE TABLE t (n int)")
        _ = try failure {
            try connection.transaction {
                try connection.query("INSERT INTO t VALUES (1)")
                _ = try? connection.query("SELECT 1 / 0")
            }
        }
        #expect(try database.value("SELECT count(*) FROM t") == "0")
        try isUsable()
    }

    @Test("A refusal that comes with the commit goes up too")
    func deferred() throws {
        try connection.execute("CREATE TABLE t (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        let error = try failure {
            try connection.transaction { _ = try connection.query("INSERT INTO t VALUES (1), (1)") }
        }
        #expect(error.isUniqueViolation)
        try isUsable()
    }

    // MARK: - COPY

    private func copy(_ statement: String, _ bytes: [UInt8]) throws -> Int {
        try connection.copy(statement) { copy in try bytes.withUnsafeBytes { try copy.write($0) } }.rows
    }

    @Test("COPY in text and in binary puts the rows there and counts them")
    func copying() throws {
        try connection.execute("CREATE TABLE t (n int, words text)")
        #expect(try copy("COPY t FROM STDIN", Array("1\ta\\tb\n2\t\\N\n".utf8)) == 2)
        var binary: [UInt8] =
            Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + [UInt8](repeating: 0, count: 8)
        binary += [0, 2, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 2, 0xC3, 0xA4, 0xFF, 0xFF]
        #expect(try copy("COPY t FROM STDIN (FORMAT binary)", binary) == 1)
        #expect(
            try database.rows("SELECT n, words FROM t ORDER BY n")
                == [["1", "a\tb"], ["2", "∅"], ["3", "ä"]])
        #expect(try copy("COPY t FROM STDIN", []) == 0)
        try isUsable()
    }

    @Test("A row that COPY refuses is told with its SQLSTATE, line and column; nothing of it stays")
    func copyRefused() throws {
        try connection.execute("CREATE TABLE t (n int UNIQUE)")
        let form = try failure { _ = try copy("COPY t FROM STDIN", Array("1\nx\n3\n".utf8)) }
        #expect(form.kind == .refused && form.sqlState == "22P02")
        #expect(form.context.contains("line 2") && form.context.contains("column n"))
        #expect(form.action == "COPY t FROM STDIN")
        let key = try failure { _ = try copy("COPY t FROM STDIN", Array("1\n2\n1\n".utf8)) }
        #expect(key.isUniqueViolation && key.constraint == "t_n_key")
        #expect(key.context.contains("line 3"))
        #expect(key.detail == "Key (n)=(1) already exists.")
        #expect(try database.value("SELECT count(*) FROM t") == "0")
        try isUsable()
    }

    @Test("A refusal early in a long COPY is told at its end")
    func copyRefusedEarly() throws {
        try connection.execute("CREATE TABLE t (n int)")
        let many = Array(String(repeating: "1\n", count: 500_000).utf8)
        let error = try failure {
            _ = try connection.copy("COPY t FROM STDIN") { copy in
                try Array("x\n".utf8).withUnsafeBytes { try copy.write($0) }
                for _ in 0..<20 { try many.withUnsafeBytes { try copy.write($0) } }
            }
        }
        #expect(error.kind == .refused && error.sqlState == "22P02")
        try isUsable()
    }

    @Test("When the body of a COPY throws, its own error goes up and the connection is good again")
    func copyGivenUp() throws {
        try connection.execute("CREATE TABLE t (n int)")
        #expect(throws: Own.self) {
            _ = try connection.copy("COPY t FROM STDIN") { copy in
                try Array("1\n".utf8).withUnsafeBytes { try copy.write($0) }
                throw Own()
            }
        }
        try isUsable()
        #expect(try database.value("SELECT count(*) FROM t") == "0")
        #expect(try copy("COPY t FROM STDIN", Array("1\n".utf8)) == 1)
    }

    @Test("What is no COPY FROM STDIN is refused, and the connection stays good")
    func notACopy() throws {
        #expect(try failure { _ = try copy("SELECT 1", []) }.kind == .decoding)
        #expect(try failure { _ = try copy("COPY nowhere FROM STDIN", []) }.isUndefinedTable)
        #expect(try failure { _ = try copy("COPY (SELECT 1) TO STDOUT", []) }.kind != .connectionLost)
        try isUsable()
    }

    // MARK: - Lost connections

    private func terminate(_ processID: Int32) throws {
        let other = try database.connect()
        let isDone: Bool = try other.query("SELECT pg_terminate_backend($1::int, 5000)", [processID])
            .first().get(0)
        #expect(isDone)
    }

    @Test("A connection that was ended by the server is lost, not refused: idle, and each time after")
    func lostWhileIdle() throws {
        try terminate(connection.processID)
        for _ in 0..<2 {
            let error = try failure { try connection.query("SELECT 1") }
            #expect(error.kind == .connectionLost)
            #expect(!error.message.isEmpty)
        }
    }

    @Test("Lost in the middle of a statement")
    func lostInStatement() throws {
        let (processID, database) = (connection.processID, database.url)
        let killer = Thread {
            Thread.sleep(forTimeInterval: 0.2)
            guard let other = try? Connection(database, applicationName: "tests") else { return }
            _ = try? other.query("SELECT pg_terminate_backend($1::int)", [processID])
        }
        killer.start()
        let error = try failure { try connection.query("SELECT pg_sleep(30)") }
        #expect(error.kind == .connectionLost)
    }

    @Test("Lost in the middle of a COPY: the writes or the end tell it, also inside a transaction")
    func lostInCopy() throws {
        try connection.execute("CREATE TABLE t (n int)")
        let block = Array(String(repeating: "1\n", count: 100_000).utf8)
        let error = try failure {
            try connection.transaction {
                _ = try connection.copy("COPY t FROM STDIN") { copy in
                    try block.withUnsafeBytes { try copy.write($0) }
                    try terminate(connection.processID)
                    for _ in 0..<50 { try block.withUnsafeBytes { try copy.write($0) } }
                }
            }
        }
        #expect(error.kind == .connectionLost)
        #expect(error.action == "COPY t FROM STDIN")
        #expect(try database.value("SELECT count(*) FROM t") == "0")
    }

    // MARK: - Cancellation and notices

    @Test("Cancelled from another thread: 57014, and the connection is good again")
    func cancellation() throws {
        let canceller = connection.canceller()
        let thread = Thread {
            for _ in 0..<50 {
                Thread.sleep(forTimeInterval: 0.1)
                canceller.cancel()
            }
        }
        thread.start()
        let error = try failure { try connection.query("SELECT pg_sleep(30)") }
        #expect(error.kind == .refused && error.sqlState == "57014" && error.isCancelled)
    }

    @Test("A canceller outlives its connection, and cancels nothing where nothing runs")
    func idleCancellation() throws {
        connection.canceller().cancel()
        try isUsable()
        let orphan = try database.connect().canceller()
        orphan.cancel()
    }

    @Test("Notices and warnings reach the sink, each once and in order")
    func notices() throws {
        final class Heard { var texts: [String] = [] }
        let heard = Heard()
        let talking = try Connection(
            database.url, applicationName: "tests", onNotice: { heard.texts.append($0) })
        try talking.execute("DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two ä'; END $$")
        try talking.execute("SET client_min_messages = error; DO $$ BEGIN RAISE WARNING 'three'; END $$")
        try #require(heard.texts.count == 2)
        #expect(heard.texts[0].hasPrefix("NOTICE:  one"))
        #expect(heard.texts[1].hasPrefix("WARNING:  two ä"))
    }

    // MARK: - Errors

    @Test("An error carries what the server says: detail, hint, constraint, position, context")
    func errorFields() throws {
        try connection.execute("CREATE TABLE t (n int CONSTRAINT positive CHECK (n > 0))")
        let check = try failure { try connection.query("INSERT INTO t VALUES (-1)") }
        #expect(check.sqlState == "23514" && check.constraint == "positive")
        #expect(check.detail == "Failing row contains (-1).")
        let unknown = try failure { try connection.query("SELECT upper(m) FROM t") }
        #expect(unknown.sqlState == "42703" && unknown.statementPosition == 14)
        let raised = try failure {
            try connection.execute(
                "DO $$ BEGIN RAISE EXCEPTION 'no' USING HINT = 'try this', DETAIL = 'why'; END $$")
        }
        #expect(raised.message == "no" && raised.hint == "try this" && raised.detail == "why")
        #expect(raised.context.contains("PL/pgSQL"))
        #expect(raised.description.contains("hint: try this"))
        #expect(raised.sqlState == "P0001")
        let named = try failure { try connection.query("-- why\nSELECT nothing", action: nil) }
        #expect(named.action == "SELECT nothing")
    }

    @Test("What can be tried again is told apart by its SQLSTATE")
    func retryable() throws {
        for (state, isRetryable) in [("40P01", true), ("40001", true), ("23505", false), ("55P03", false)] {
            let error = try failure {
                try connection.execute("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '\(state)'; END $$")
            }
            #expect(error.sqlState == state && error.isRetryable == isRetryable)
            #expect(error.isLockTimeout == (state == "55P03"))
        }
    }

    @Test(
        "No password stands in an error, however the connection string is written",
        arguments: [
            "postgresql://u:s3cret-w0rd@127.0.0.1:1/db", "host=127.0.0.1 port=1 user=u password=s3cret-w0rd",
            "postgresql://u:s3cret-w0rd@127.0.0.1:port/db", "host=127.0.0.1 password='s3cret-w0rd",
            "postgresql://u:s3cret-w0rd@[::1/db", "postgresql://u:s3cret%2Dw0rd@127.0.0.1:1/db?x=y",
        ])
    func passwords(_ conninfo: String) throws {
        let error = try failure { _ = try Connection(conninfo, applicationName: "tests") }
        #expect(error.kind == .connect && !error.message.isEmpty)
        for word in ["s3cret-w0rd", "s3cret%2Dw0rd"] {
            #expect(!"\(error)".contains(word))
        }
    }

    @Test("A connection says where it goes, without its secrets")
    func target() throws {
        // At the directory of a socket, or at a host's name.
        let place = connection.target.dropFirst("\(database.name) at ".count)
        #expect(connection.target == "\(database.name) at \(place)" && database.url.contains(place))
        #expect(connection.serverVersion >= 140_000)
    }
}
