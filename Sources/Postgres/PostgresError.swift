/// What went wrong in talking to PostgreSQL: what was being done, and the server's own words about it.
package struct PostgresError: Error, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// The server could not be reached, or did not let us in.
        case connect
        /// The connection is gone: whatever was under way was rolled back by the server.
        case connectionLost
        /// The server refused a statement; the connection is good again (outside a transaction).
        case refused
        /// A result is not of the shape that the caller asked for: an error of ours.
        case decoding
    }

    package var kind: Kind
    /// What was being done, in a few words: `connect`, `COPY raw.events_20261121`.
    package var action: String
    /// The server's primary message, or libpq's.
    package var message: String
    /// Five characters; see PostgreSQL's appendix A. Empty where the server gave none.
    package var sqlState = ""
    package var detail = ""
    package var hint = ""
    /// Where in the server: the line and column of a COPY, the function called.
    package var context = ""
    package var constraint = ""
    /// The character (from 1) of the statement that the server points at.
    package var statementPosition: Int?

    package init(kind: Kind, action: String, message: String) {
        self.kind = kind
        self.action = action
        self.message = message
    }

    package var description: String {
        var text = "\(action): \(message)"
        if !sqlState.isEmpty { text += " [\(sqlState)]" }
        if !detail.isEmpty { text += "\n  detail: \(detail)" }
        if !context.isEmpty { text += "\n  where: \(context)" }
        if !hint.isEmpty { text += "\n  hint: \(hint)" }
        return text
    }

    package var isUniqueViolation: Bool { sqlState == "23505" }
    /// The server does not take a value or a row (classes 22, 23, 54, and what a trigger raises); a key that is
    /// there already is another matter.
    package var isRowRefusal: Bool {
        kind == .refused && !isUniqueViolation
            && ["22", "23", "54", "P0"].contains { sqlState.hasPrefix($0) }
    }
    package var isUndefinedTable: Bool { sqlState == "42P01" }
    /// A deadlock or a serialization failure: the same transaction may succeed when tried again.
    package var isRetryable: Bool { sqlState == "40P01" || sqlState == "40001" }
    package var isLockTimeout: Bool { sqlState == "55P03" }
    package var isCancelled: Bool { sqlState == "57014" }
}
