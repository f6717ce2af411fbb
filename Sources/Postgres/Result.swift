import CLibPQ

/// The rows of a finished statement, in text format. Owns libpq's result; confined like its connection.
package final class Result {
    let handle: OpaquePointer
    private let action: String

    init(handle: OpaquePointer, action: String) {
        self.handle = handle
        self.action = action
    }

    deinit { PQclear(handle) }

    package var count: Int { Int(PQntuples(handle)) }
    package var columnCount: Int { Int(PQnfields(handle)) }
    package var columns: [String] {
        (0..<PQnfields(handle)).map { String(cString: PQfname(handle, $0)) }
    }
    /// Rows changed by INSERT, UPDATE, DELETE, MERGE or COPY; 0 for others.
    package var affectedRows: Int { Int(String(cString: PQcmdTuples(handle))) ?? 0 }

    package subscript(row: Int) -> Row { Row(result: self, index: Int32(row)) }
    package var rows: [Row] { (0..<count).map { self[$0] } }

    /// The first row, where the statement must give one.
    package func first() throws(PostgresError) -> Row {
        guard count > 0 else { throw decodingError("the statement gave no row") }
        return self[0]
    }

    fileprivate func decodingError(_ message: String) -> PostgresError {
        PostgresError(kind: .decoding, action: action, message: message)
    }

    /// One row; read its columns in order or by name with the type they are to have.
    package struct Row {
        fileprivate let result: Result
        fileprivate let index: Int32

        package func text(_ column: Int) -> String? {
            let column = Int32(column)
            guard PQgetisnull(result.handle, index, column) == 0 else { return nil }
            let bytes = UnsafeRawBufferPointer(
                start: PQgetvalue(result.handle, index, column),
                count: Int(PQgetlength(result.handle, index, column)))
            return String(decoding: bytes, as: UTF8.self)
        }

        /// The value as `type`; throws `decoding` where it is null or of another form.
        package func get<Value: PostgresDecodable>(
            _ column: Int, as type: Value.Type = Value.self
        ) throws(PostgresError) -> Value {
            guard let value = try getIfPresent(column, as: type) else {
                throw result.decodingError("column \(name(column)) is null")
            }
            return value
        }

        /// The value as `type`, or nil where it is null; throws `decoding` where it is of another form.
        package func getIfPresent<Value: PostgresDecodable>(
            _ column: Int, as type: Value.Type = Value.self
        ) throws(PostgresError) -> Value? {
            guard let text = text(column) else { return nil }
            guard let value = Value(postgresText: text) else {
                throw result.decodingError("column \(name(column)) is \"\(text)\", not \(Value.self)")
            }
            return value
        }

        /// The value of a column by its name.
        package func get<Value: PostgresDecodable>(
            _ column: String, as type: Value.Type = Value.self
        ) throws(PostgresError) -> Value {
            try get(try index(of: column), as: type)
        }

        /// The value of a column by its name, nil where it is null.
        package func getIfPresent<Value: PostgresDecodable>(
            _ column: String, as type: Value.Type = Value.self
        ) throws(PostgresError) -> Value? {
            try getIfPresent(try index(of: column), as: type)
        }

        private func index(of column: String) throws(PostgresError) -> Int {
            let index = PQfnumber(result.handle, "\"\(column)\"")
            guard index >= 0 else { throw result.decodingError("there is no column \(column)") }
            return Int(index)
        }

        private func name(_ column: Int) -> String {
            PQfname(result.handle, Int32(column)).map { String(cString: $0) } ?? "\(column)"
        }
    }
}

/// A Swift type that reads PostgreSQL's text output of a value.
package protocol PostgresDecodable {
    init?(postgresText: String)
}

extension String: PostgresDecodable {
    package init?(postgresText: String) { self = postgresText }
}
extension Int: PostgresDecodable {
    package init?(postgresText: String) { self.init(postgresText) }
}
extension Int64: PostgresDecodable {
    package init?(postgresText: String) { self.init(postgresText) }
}
extension Int32: PostgresDecodable {
    package init?(postgresText: String) { self.init(postgresText) }
}
extension Double: PostgresDecodable {
    package init?(postgresText: String) { self.init(postgresText) }
}
extension Bool: PostgresDecodable {
    package init?(postgresText: String) {
        switch postgresText {
        case "t": self = true
        case "f": self = false
        default: return nil
        }
    }
}
