import CLibPQ
import Foundation

/// One connection to PostgreSQL; not Sendable, and confined to the worker that made it. Only its
/// `Canceller` may travel to another thread.
package final class Connection {
    private let handle: OpaquePointer
    private let noticeSink: NoticeSink

    /// The sockets and names that the connection goes to, without any secret: `daybook at /tmp/x`.
    package let target: String
    /// As libpq took it: a name, an address, or the directory of a socket; empty where it has told none.
    package let host: String
    package let port: String

    /// Connects to a URL or `key=value` string; nil takes the PG* variables of the environment.
    ///
    /// - Parameter onNotice: gets each notice and warning that the server sends, on the connection's own thread.
    /// - Throws: `connect` with libpq's reason, in which no password ever stands.
    package init(
        _ conninfo: String?, applicationName: String, onNotice: @escaping (String) -> Void = { _ in }
    ) throws(PostgresError) {
        // What stands before the name may be overridden by it.
        let keywords = ["connect_timeout", "dbname", "fallback_application_name", "client_encoding"]
        let values = ["15", conninfo ?? "", applicationName, "UTF8"]
        guard
            let handle = withCStrings(
                keywords, { keys in withCStrings(values) { values in PQconnectdbParams(keys, values, 1) } })
        else { throw PostgresError(kind: .connect, action: "connect", message: "out of memory") }

        let database = PQdb(handle).map { String(cString: $0) } ?? ""
        let host = PQhost(handle).map { String(cString: $0) } ?? ""
        target = host.isEmpty ? database : "\(database) at \(host)"
        self.host = host
        port = PQport(handle).map { String(cString: $0) } ?? ""
        guard PQstatus(handle) == CONNECTION_OK else {
            let message = Connection.lastMessage(handle)
            PQfinish(handle)
            throw PostgresError(
                kind: .connect, action: "connect", message: Connection.redact(message, secretsOf: conninfo))
        }
        self.handle = handle
        noticeSink = NoticeSink(onNotice)
        PQsetNoticeProcessor(
            handle,
            { sink, message in
                guard let sink, let message else { return }
                let text = String(cString: message).trimmingCharacters(in: .whitespacesAndNewlines)
                Unmanaged<NoticeSink>.fromOpaque(sink).takeUnretainedValue().receive(text)
            }, Unmanaged.passUnretained(noticeSink).toOpaque())
    }

    deinit { PQfinish(handle) }

    /// For instance 150018 for 15.18.
    package var serverVersion: Int { Int(PQserverVersion(handle)) }
    /// The database's encoding: `UTF8`.
    package var serverEncoding: String {
        PQparameterStatus(handle, "server_encoding").map { String(cString: $0) } ?? ""
    }
    package var isInTransaction: Bool { PQtransactionStatus(handle) != PQTRANS_IDLE }
    package var processID: Int32 { PQbackendPID(handle) }

    /// What the server stores of a password (RFC 5802): with it the password itself need not be sent, and is in no log.
    package func scramVerifier(password: String, user: String) throws(PostgresError) -> String {
        guard let verifier = PQencryptPasswordConn(handle, password, user, "scram-sha-256") else {
            throw failure(action: "encrypt a password")
        }
        defer { PQfreemem(verifier) }
        return String(cString: verifier)
    }

    /// The database that the connection is to.
    package var database: String { PQdb(handle).map { String(cString: $0) } ?? "" }

    // MARK: - Statements

    /// Runs one statement with its parameters apart from the text, and waits for all its rows.
    ///
    /// - Parameter action: what is being done, for the error; by default the statement's first line.
    /// - Throws: `refused` with the server's words, or `connectionLost`.
    @discardableResult
    package func query(
        _ sql: String, _ parameters: [(any PostgresParameter)?] = [], action: String? = nil
    ) throws(PostgresError) -> Result {
        let texts = parameters.map { $0?.postgresText }
        let result = withOptionalCStrings(texts) { values in
            PQexecParams(handle, sql, Int32(texts.count), nil, values, nil, nil, 0)
        }
        return try check(result, action: action ?? firstLine(sql))
    }

    /// Runs a script of several statements, as psql would: in one implicit transaction.
    package func execute(_ script: String, action: String? = nil) throws(PostgresError) {
        _ = try check(PQexec(handle, script), action: action ?? firstLine(script))
    }

    /// Runs `body` in a transaction, which is committed when it returns and rolled back when it throws.
    ///
    /// Inside another it is a savepoint: what it wrote stays or goes as its own, and ends with the outer one.
    ///
    /// - Parameter mode: the isolation level; inside another that of the outer one holds.
    package func transaction<Value>(
        _ mode: String = "", _ body: () throws -> Value
    ) throws -> Value {
        let isInner = try begin(mode)
        let value: Value
        do {
            value = try body()
            // The server answers COMMIT with a rollback, and no error, where the body passed over a refusal.
            if PQtransactionStatus(handle) == PQTRANS_INERROR {
                var error = PostgresError(
                    kind: .refused, action: "COMMIT",
                    message: "a statement of the transaction was refused; nothing of it is kept")
                error.sqlState = "25P02"
                throw error
            }
        } catch {
            // The caller's own error goes up.
            takeBack(isInner: isInner)
            throw error
        }
        try execute(isInner ? "RELEASE SAVEPOINT inner_transaction" : "COMMIT")
        return value
    }

    /// Runs `body`, a transaction, again where it met a deadlock or a serialization failure: five times at most.
    package func retrying<Value>(_ body: () throws -> Value) throws -> Value {
        let attempts = 5
        var attempt = 1
        while true {
            do {
                return try body()
            } catch let error as PostgresError where error.isRetryable && attempt < attempts {
                attempt += 1
            }
        }
    }

    /// Runs `body` in a transaction, or inside another in a savepoint, and takes back all that it wrote.
    package func rehearsal<Value>(_ body: () throws -> Value) throws -> Value {
        let isInner = try begin("")
        defer { takeBack(isInner: isInner) }
        return try body()
    }

    /// - Returns: whether it is a savepoint, for a transaction has begun before.
    private func begin(_ mode: String) throws(PostgresError) -> Bool {
        let isInner = isInTransaction
        try execute(isInner ? "SAVEPOINT inner_transaction" : "BEGIN \(mode)")
        return isInner
    }

    private func takeBack(isInner: Bool) {
        // Where this fails the connection is gone, and then the server has rolled back by itself.
        let inner = "ROLLBACK TO SAVEPOINT inner_transaction; RELEASE SAVEPOINT inner_transaction"
        try? execute(isInner ? inner : "ROLLBACK")
    }

    // MARK: - COPY

    /// Begins a COPY … FROM STDIN and hands it to `body`, which writes and finishes it.
    ///
    /// When `body` throws, the COPY is failed first, so that the connection is usable, and then its error goes up.
    package func copy<Value>(
        _ statement: String, _ body: (inout CopyIn) throws -> Value
    ) throws -> (value: Value, rows: Int) {
        let action = firstLine(statement)
        let started = PQexec(handle, statement)
        guard PQresultStatus(started) == PGRES_COPY_IN else {
            _ = try check(started, action: action)
            throw PostgresError(kind: .decoding, action: action, message: "is not a COPY FROM STDIN")
        }
        PQclear(started)
        var copy = CopyIn(connection: handle, action: action)
        let value: Value
        do {
            value = try body(&copy)
        } catch {
            PQputCopyEnd(handle, "the client gave up")
            let refusal = drain(action: action)
            // A write fails when the server has ended the COPY by itself: its reason is the better one.
            if error is PostgresError, let refusal, refusal.sqlState != "57014" { throw refusal }
            throw error
        }
        guard PQputCopyEnd(handle, nil) == 1 else { throw failure(action: action) }
        defer { _ = drain(action: action) }
        return (value, try check(PQgetResult(handle), action: action).affectedRows)
    }

    /// Runs a COPY … TO STDOUT and hands what comes to `body`, a row at a time with its line end.
    ///
    /// When `body` throws, the COPY is cancelled, so that the connection is usable, and then its error goes up.
    ///
    /// - Returns: the rows that were copied.
    @discardableResult
    package func copyOut(_ statement: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Int {
        let action = firstLine(statement)
        let started = PQexec(handle, statement)
        guard PQresultStatus(started) == PGRES_COPY_OUT else {
            _ = try check(started, action: action)
            throw PostgresError(kind: .decoding, action: action, message: "is not a COPY TO STDOUT")
        }
        PQclear(started)
        while true {
            var row: UnsafeMutablePointer<CChar>?
            let count = PQgetCopyData(handle, &row, 0)
            guard count > 0 else { break }
            defer { PQfreemem(row) }
            do {
                try body(UnsafeRawBufferPointer(start: row, count: Int(count)))
            } catch {
                canceller().cancel()
                _ = drain(action: action)
                throw error
            }
        }
        defer { _ = drain(action: action) }
        return try check(PQgetResult(handle), action: action).affectedRows
    }

    // MARK: - Errors

    /// Reads all results that are left; the first refusal among them.
    private func drain(action: String) -> PostgresError? {
        var refusal: PostgresError?
        while let result = PQgetResult(handle) {
            do { _ = try check(result, action: action) } catch { refusal = refusal ?? error }
            if PQstatus(handle) != CONNECTION_OK { break }
        }
        return refusal
    }

    private func check(_ result: OpaquePointer?, action: String) throws(PostgresError) -> Result {
        guard let result else { throw failure(action: action) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            return Result(handle: result, action: action)
        default:
            defer { PQclear(result) }
            throw failure(action: action, result: result)
        }
    }

    private func failure(action: String, result: OpaquePointer? = nil) -> PostgresError {
        func field(_ code: Character) -> String {
            guard let result, let text = PQresultErrorField(result, Int32(code.asciiValue!)) else {
                return ""
            }
            return String(cString: text)
        }
        let sqlState = field("C")
        // Class 57P is the server's own shutdown. An error without a code is libpq's own: the socket broke, which
        // PQstatus does not tell where a write failed and the server's last notice could still be read.
        let isBroken = PQresultStatus(result) == PGRES_FATAL_ERROR && result != nil && sqlState.isEmpty
        let isLost = isBroken || PQstatus(handle) != CONNECTION_OK || sqlState.hasPrefix("57P")
        var error = PostgresError(
            kind: isLost ? .connectionLost : .refused, action: action,
            message: field("M").isEmpty ? Connection.lastMessage(handle) : field("M"))
        error.sqlState = sqlState
        error.detail = field("D")
        error.hint = field("H")
        error.context = field("W")
        error.constraint = field("n")
        error.statementPosition = Int(field("P"))
        return error
    }

    /// A message without the password of the string that was connected with; libpq repeats the whole string where
    /// it cannot read it.
    private static func redact(_ message: String, secretsOf conninfo: String?) -> String {
        guard let conninfo, !conninfo.isEmpty else { return message }
        guard let options = PQconninfoParse(conninfo, nil) else {
            return
                "the connection string cannot be read; write it like postgresql://user:password@host:5432/database"
        }
        defer { PQconninfoFree(options) }
        var message = message
        var option = options
        while let keyword = option.pointee.keyword {
            if ["password", "sslpassword"].contains(String(cString: keyword)), let value = option.pointee.val
            {
                message = message.replacingOccurrences(of: String(cString: value), with: "***")
            }
            option += 1
        }
        return message
    }

    private static func lastMessage(_ handle: OpaquePointer) -> String {
        PQerrorMessage(handle).map {
            String(cString: $0).trimmingCharacters(in: .whitespacesAndNewlines)
        } ?? "unknown error"
    }

    private func firstLine(_ sql: String) -> String {
        let line = sql.split(separator: "\n").first { !$0.hasPrefix("--") } ?? ""
        return line.count <= 80 ? String(line) : line.prefix(77) + "…"
    }

    // MARK: - Cancellation

    /// Asks the server to stop the statement that runs on this connection now.
    package func canceller() -> Canceller { Canceller(handle: PQgetCancel(handle)) }
}

/// Stops a connection's running statement from any thread; outlives the connection safely.
package final class Canceller: @unchecked Sendable {
    // libpq documents PQcancel as safe on any thread, and the handle is only read.
    private let handle: OpaquePointer?

    fileprivate init(handle: OpaquePointer?) { self.handle = handle }
    deinit { PQfreeCancel(handle) }

    /// The statement then fails with SQLSTATE 57014; nothing happens where none runs.
    package func cancel() {
        var message = [CChar](repeating: 0, count: 256)
        PQcancel(handle, &message, Int32(message.count))
    }
}

private final class NoticeSink {
    let receive: (String) -> Void
    init(_ receive: @escaping (String) -> Void) { self.receive = receive }
}

private func withCStrings<Value>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value
) -> Value {
    withOptionalCStrings(strings, body)
}

/// C's form of a list of strings: an array of pointers, null where a string is nil and after the last.
private func withOptionalCStrings<Value>(
    _ strings: [String?], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value
) -> Value {
    let copies = strings.map { $0.map { strdup($0) } }
    defer { for copy in copies { free(copy ?? nil) } }
    var pointers = copies.map { copy in copy.flatMap { $0 }.map { UnsafePointer($0) } }
    pointers.append(nil)
    return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}
